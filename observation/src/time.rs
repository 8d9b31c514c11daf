//! Instants: microseconds of UTC since 1970, as the tables store them.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

/// An instant, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Time(i64);

/// Why a text is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time with offset")]
pub struct TimeError;

impl Time {
    /// The instant this many microseconds after 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant this many milliseconds after 1970; saturates far outside any calendar.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds since 1970.
    #[inline]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// This instant moved by `micros` microseconds; saturating.
    #[inline]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Reads RFC 3339 with an offset: `2019-08-06T08:00:00+08:00`, fractions up to microseconds, `Z` or `±hh:mm`,
    /// `T`, `t` or a blank between date and time.
    ///
    /// # Errors
    /// [`TimeError`] when the text is anything else, or the date does not exist.
    pub fn parse_rfc3339(text: &[u8]) -> Result<Self, TimeError> {
        let (head, rest) = text.split_first_chunk::<19>().ok_or(TimeError)?;
        let marks = [head[4], head[7], head[13], head[16]];
        if marks != *b"--::" || !matches!(head[10], b'T' | b't' | b' ') {
            return Err(TimeError);
        }
        let year = pair(head[0], head[1])? * 100 + pair(head[2], head[3])?;
        let (month, day) = (pair(head[5], head[6])?, pair(head[8], head[9])?);
        let (hour, minute) = (pair(head[11], head[12])?, pair(head[14], head[15])?);
        let second = pair(head[17], head[18])?;
        if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return Err(TimeError);
        }
        if hour > 23 || minute > 59 || second > 59 {
            return Err(TimeError);
        }
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => micros_of(rest)?,
            rest => (0, rest),
        };
        let offset_seconds = match *rest {
            [b'Z' | b'z'] => 0,
            [sign @ (b'+' | b'-'), h, hh, b':', m, mm] => {
                let (hours, minutes) = (pair(h, hh)?, pair(m, mm)?);
                if hours > 23 || minutes > 59 {
                    return Err(TimeError);
                }
                let seconds = hours * 3600 + minutes * 60;
                if sign == b'-' { -seconds } else { seconds }
            }
            _ => return Err(TimeError),
        };
        let days = days_from_civil(year, month, day);
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset_seconds;
        Ok(Self(seconds * 1_000_000 + fraction))
    }

    /// This instant as a chrono date-time; `None` outside chrono's calendar.
    pub fn to_chrono(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }
}

impl From<DateTime<Utc>> for Time {
    fn from(value: DateTime<Utc>) -> Self {
        Self(value.timestamp_micros())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_chrono() {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{} µs", self.0),
        }
    }
}

/// The number of two digits.
#[inline]
fn pair(tens: u8, ones: u8) -> Result<i64, TimeError> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() {
        Ok(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    } else {
        Err(TimeError)
    }
}

/// Microseconds of the digits behind a point, at least one, and what follows them; digits beyond the sixth are cut.
fn micros_of(text: &[u8]) -> Result<(i64, &[u8]), TimeError> {
    let len = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if len == 0 {
        return Err(TimeError);
    }
    let (digits, rest) = text.split_at(len);
    let micros = (0..6).fold(0, |micros, place| {
        let digit = digits.get(place).map_or(0, |b| i64::from(b - b'0'));
        micros * 10 + digit
    });
    Ok((micros, rest))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, by counting years from March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a day counted from 1970-01-01; the inverse of [`days_from_civil`].
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parses_what_chrono_prints(micros in -62_000_000_000_000_000i64..250_000_000_000_000_000, minutes in -1439i32..1439) {
            let offset = chrono::FixedOffset::east_opt(minutes * 60).unwrap();
            let text = DateTime::from_timestamp_micros(micros).unwrap().with_timezone(&offset).to_rfc3339();
            prop_assume!(text.len() > 19 && text.as_bytes()[4] == b'-' && text.as_bytes()[0].is_ascii_digit());
            prop_assert_eq!(Time::parse_rfc3339(text.as_bytes()), Ok(Time::from_micros(micros)));
        }

        #[test]
        fn agrees_with_chrono_on_any_text(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](Z|[+-][0-9]{2}:[0-9]{2})") {
            let theirs = DateTime::parse_from_rfc3339(&text).ok().map(|t| t.timestamp_micros());
            prop_assert_eq!(Time::parse_rfc3339(text.as_bytes()).ok().map(Time::as_micros), theirs);
        }
    }

    #[test]
    fn a_time_without_offset_is_refused() {
        assert_eq!(Time::parse_rfc3339(b"2019-08-06T08:00:00"), Err(TimeError));
        assert_eq!(Time::parse_rfc3339(b"2019-02-30T08:00:00Z"), Err(TimeError));
    }
}
