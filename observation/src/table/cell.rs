//! What a cell says: a number, or a point of the compass.

use crate::{Decimal, DecimalError};

/// The points of the compass clockwise from north, 22.5° apart.
const COMPASS: [&str; 16] = [
    "N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW",
];

/// Places that a number with too many of them keeps: finer than any sensor, coarser than a float's noise.
const NOISE_PLACES: u8 = 9;

/// A number as tables write it: as in JSON, and besides with a plus sign, with leading zeros, or with nothing on one
/// side of the point.
///
/// More places than a decimal has are the noise of a program that computed the table (`-2.77555756156289e-17` where
/// zero was meant); such a number is rounded half to even to [`NOISE_PLACES`].
///
/// # Errors
/// As [`Decimal::parse`], with too many digits before the point only.
pub(super) fn number(text: &str) -> Result<Decimal, DecimalError> {
    match Decimal::parse(text.as_bytes()) {
        Err(DecimalError::NotANumber) => {
            let text = in_json_form(text)?;
            Decimal::parse(text.as_bytes()).or_else(|error| without_noise(&text, error))
        }
        Err(error) => without_noise(text, error),
        parsed => parsed,
    }
}

fn without_noise(text: &str, error: DecimalError) -> Result<Decimal, DecimalError> {
    match (text.parse::<f64>(), &error) {
        (Ok(value), DecimalError::TooManyDigits) => {
            let rounded = Decimal::from_f64(value, NOISE_PLACES).map_err(|_| error)?;
            rounded.times(Decimal::new(1, 0))
        }
        _ => Err(error),
    }
}

fn in_json_form(text: &str) -> Result<String, DecimalError> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, exponent) = unsigned.split_at(unsigned.find(['e', 'E']).unwrap_or(unsigned.len()));
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && places.is_empty()) || !is_digits(whole) || !is_digits(places) {
        return Err(DecimalError::NotANumber);
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if places.is_empty() { "" } else { "." };
    Ok(format!("{sign}{whole}{point}{places}{exponent}"))
}

/// The degrees of a point of the 16-point compass, upper or lower case.
pub(super) fn compass16(text: &str) -> Option<Decimal> {
    let point = COMPASS
        .iter()
        .position(|point| point.eq_ignore_ascii_case(text))?;
    i64::try_from(point)
        .ok()
        .map(|point| Decimal::new(point * 225, 1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_as_tables_write_them() {
        for (text, want) in [
            ("17.93", Decimal::new(1793, 2)),
            ("1e2", Decimal::new(100, 0)),
            ("+5", Decimal::new(5, 0)),
            (".5", Decimal::new(5, 1)),
            ("-.5", Decimal::new(-5, 1)),
            ("5.", Decimal::new(5, 0)),
            ("007", Decimal::new(7, 0)),
            ("00.50", Decimal::new(5, 1)),
            ("115.357143", Decimal::new(115_357_143, 6)),
            ("-2.77555756156289e-17", Decimal::new(0, 0)),
            ("35.2000000000000028421", Decimal::new(352, 1)),
            ("+.3000000000000000444", Decimal::new(3, 1)),
        ] {
            assert_eq!(number(text), Ok(want), "{text}");
        }
        for text in [
            "", ".", "+", "--5", "+-5", "1,5", "abc", "NaN", "e5", "1e", "1 2", "0x10", "１",
        ] {
            assert_eq!(number(text), Err(DecimalError::NotANumber), "{text}");
        }
    }

    #[test]
    fn digits_before_the_point_are_not_noise() {
        for text in ["1234567890123456789", "1e30", "-1e400"] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_compass_goes_clockwise_from_north() {
        assert_eq!(compass16("N").unwrap(), Decimal::new(0, 0));
        assert_eq!(compass16("NNE").unwrap(), Decimal::new(225, 1));
        assert_eq!(compass16("nnw").unwrap(), Decimal::new(3375, 1));
        assert_eq!(compass16("NNNE"), None);
    }
}
