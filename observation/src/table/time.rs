//! When a row was observed: from cells in somebody's local time to an instant.

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::plan::{Columns, RowFault};
use super::{Label, Mapping, TableError, TimeSource};
use crate::{Reason, Time};

/// [`TimeMapping`](super::TimeMapping), bound to a header.
#[derive(Debug)]
pub(super) struct TimePlan {
    cells: Cells,
    zone: Tz,
    label: Label,
    /// Microseconds that the label stands behind the observation's time.
    behind: i64,
}

#[derive(Debug)]
enum Cells {
    Parts(Vec<usize>),
    Text {
        column: usize,
        items: Vec<Item<'static>>,
    },
}

impl TimePlan {
    pub(super) fn new(mapping: &Mapping, columns: &mut Columns<'_>) -> Result<Self, TableError> {
        let time = &mapping.time;
        let zone = time
            .timezone
            .parse()
            .map_err(|_| TableError::UnknownTimezone(time.timezone.clone()))?;
        let interval = interval_micros(&mapping.interval)
            .ok_or_else(|| TableError::BadInterval(mapping.interval.clone()))?;
        let cells = match &time.source {
            TimeSource::Columns(names) => {
                Cells::Parts(names.iter().map(|name| columns(name)).collect::<Result<_, _>>()?)
            }
            TimeSource::Column { column, format } => Cells::Text {
                column: columns(column)?,
                items: StrftimeItems::new(format)
                    .parse_to_owned()
                    .map_err(|_| TableError::BadTimeFormat(format.clone()))?,
            },
        };
        let behind = if time.label == Label::End { interval } else { 0 };
        Ok(Self {
            cells,
            zone,
            label: time.label,
            behind,
        })
    }

    /// The time of a row; `cell` gives the text of a column, `None` where it is missing.
    pub(super) fn read<'r>(&self, cell: impl Fn(usize) -> Option<&'r str>) -> Result<Time, RowFault> {
        let text = |column: usize| {
            cell(column).ok_or_else(|| RowFault::new(Reason::MissingTime, "a row without a time".to_owned()))
        };
        let instant = match &self.cells {
            Cells::Parts(columns) => {
                let mut parts = ["", "", "", "0", "0", "0"];
                for (part, column) in parts.iter_mut().zip(columns) {
                    *part = text(*column)?;
                }
                let local = self
                    .local(&parts)
                    .ok_or_else(|| bad_time(&parts.join(" "), "is no date and time"))?;
                self.instant(local)?
            }
            Cells::Text { column, items } => {
                let text = text(*column)?;
                match parse_text(text, items)
                    .ok_or_else(|| bad_time(text, "is not in the mapping's format"))?
                {
                    Parse::Instant(instant) => instant,
                    Parse::Local(local) => self.instant(local)?,
                }
            }
        };
        Ok(Time::from(instant).plus_micros(-self.behind))
    }

    /// The local time of year, month, day, hour, minute, second. Where ends are labelled, hour 24 is the
    /// end of the day.
    fn local(&self, parts: &[&str; 6]) -> Option<NaiveDateTime> {
        let mut numbers = [0u32; 6];
        for (number, part) in numbers.iter_mut().zip(parts) {
            *number = whole(part)?;
        }
        let [year, month, day, hour, minute, second] = numbers;
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        if self.label == Label::End && (hour, minute, second) == (24, 0, 0) {
            return Some(date.succ_opt()?.and_time(NaiveTime::MIN));
        }
        date.and_hms_opt(hour, minute, second)
    }

    /// The instant of a local time: of two, when the clock was put back, the earlier.
    fn instant(&self, local: NaiveDateTime) -> Result<DateTime<Utc>, RowFault> {
        match self.zone.from_local_datetime(&local) {
            MappedLocalTime::Single(time) | MappedLocalTime::Ambiguous(time, _) => Ok(time.to_utc()),
            MappedLocalTime::None => Err(bad_time(
                &local.to_string(),
                &format!("did not exist in {}", self.zone.name()),
            )),
        }
    }
}

enum Parse {
    /// The text carried its own offset.
    Instant(DateTime<Utc>),
    Local(NaiveDateTime),
}

/// Hours, minutes and seconds that the format does not have are zero.
fn parse_text(text: &str, items: &[Item<'static>]) -> Option<Parse> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, items.iter()).ok()?;
    if parsed.timestamp().is_some() {
        return parsed
            .to_naive_datetime_with_offset(0)
            .ok()
            .map(|t| Parse::Instant(t.and_utc()));
    }
    if parsed.hour_mod_12().is_none() {
        parsed.set_hour(0).ok()?;
    }
    if parsed.minute().is_none() {
        parsed.set_minute(0).ok()?;
    }
    let local = parsed
        .to_naive_date()
        .ok()?
        .and_time(parsed.to_naive_time().ok()?);
    match parsed.offset() {
        None => Some(Parse::Local(local)),
        Some(offset) => {
            let utc = local.checked_sub_signed(TimeDelta::seconds(i64::from(offset)))?;
            Some(Parse::Instant(utc.and_utc()))
        }
    }
}

fn bad_time(text: &str, what: &str) -> RowFault {
    RowFault::new(Reason::BadTime, format!("time {text:?} {what}"))
}

/// A non-negative whole number, also where a program wrote it as `2013.0`.
fn whole(text: &str) -> Option<u32> {
    let (digits, places) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !plain(digits) || !places.bytes().all(|b| b == b'0') {
        return None;
    }
    digits.parse().ok()
}

/// `90s`, `15m`, `1h`, `1d` in microseconds.
fn interval_micros(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let count = whole(text.strip_suffix(unit)?).filter(|count| *count > 0)?;
    Some(i64::from(count) * seconds * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_a_number_and_a_unit() {
        assert_eq!(interval_micros("1h"), Some(3_600_000_000));
        assert_eq!(interval_micros("15m"), Some(900_000_000));
        for text in ["", "h", "0h", "-1h", "1", "1 h", "1w", "时"] {
            assert_eq!(interval_micros(text), None, "{text}");
        }
    }
}
