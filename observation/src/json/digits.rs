//! Numbers straight from the bytes of a payload, without a float between.

use super::scan::{Scan, Scanner};
use crate::{Decimal, DecimalError};

/// More digits than this do not fit a [`Decimal`].
const MAX_DIGITS: usize = 18;

impl Scanner<'_> {
    /// A number as a decimal. The usual form (`-12.5`) is read in one go; exponents, many digits and faults take the
    /// thorough way.
    #[inline]
    pub(super) fn decimal(&mut self) -> Scan<Result<Decimal, DecimalError>> {
        let text = self.rest();
        let negative = usize::from(text.first() == Some(&b'-'));
        let (mut mantissa, whole) = run_of_digits(&text[negative..], 0);
        let mut at = negative + whole;
        let mut places = 0;
        if text.get(at) == Some(&b'.') {
            (mantissa, places) = run_of_digits(&text[at + 1..], mantissa);
            at += 1 + places;
            if places == 0 {
                return self.decimal_thorough();
            }
        }
        let leading_zero = whole > 1 && text[negative] == b'0';
        if whole == 0
            || leading_zero
            || whole + places > MAX_DIGITS
            || matches!(text.get(at), Some(b'e' | b'E'))
        {
            return self.decimal_thorough();
        }
        self.step(at);
        let mantissa = i64::try_from(mantissa).unwrap_or(i64::MAX);
        let scale = if mantissa == 0 { 0 } else { places as u8 };
        Ok(Ok(Decimal::new(
            if negative == 1 { -mantissa } else { mantissa },
            scale,
        )))
    }

    #[cold]
    fn decimal_thorough(&mut self) -> Scan<Result<Decimal, DecimalError>> {
        self.number().map(Decimal::parse)
    }

    /// A number, if it is a non-negative integer of 64 bits without point and exponent; steps over any other value
    /// that stands `depth` levels deep.
    pub(super) fn unsigned(&mut self, depth: u32) -> Scan<Option<u64>> {
        if !matches!(self.current(), Some(b'-' | b'0'..=b'9')) {
            return self.skip_value(depth).map(|()| None);
        }
        let digits = self.number()?;
        Ok(digits.iter().try_fold(0u64, |value, b| match b {
            b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(b - b'0')),
            _ => None,
        }))
    }
}

/// The digits at the start of `text` appended to `value`, and how many there are; wraps when they are too many.
#[inline]
fn run_of_digits(text: &[u8], mut value: u64) -> (u64, usize) {
    let mut len = 0;
    while let Some(b @ b'0'..=b'9') = text.get(len) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(b - b'0'));
        len += 1;
    }
    (value, len)
}

/// An integer of milliseconds, if the JSON number is one that microseconds can hold.
pub(super) fn millis(number: &[u8]) -> Option<i64> {
    let value: i64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    value.checked_mul(1000).map(|_| value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_way_and_the_thorough_one_agree(text in "-?[0-9]{0,12}(\\.[0-9]{0,12})?([eE][+-]?[0-9]{0,2})?") {
            let mut scanner = Scanner::new(text.as_bytes(), 0);
            let read = scanner.decimal().and_then(|d| scanner.end().map(|()| d));
            match Decimal::parse(text.as_bytes()) {
                Err(DecimalError::NotANumber) => prop_assert!(read.is_err()),
                thorough => prop_assert_eq!(read.unwrap(), thorough),
            }
        }
    }

    #[test]
    fn eighteen_digits_are_the_most() {
        let read = |text: &str| Scanner::new(text.as_bytes(), 0).decimal().unwrap();
        assert_eq!(
            read("999999999999999999"),
            Ok(Decimal::new(999_999_999_999_999_999, 0))
        );
        assert_eq!(
            read("-0.12345678901234567"),
            Ok(Decimal::new(-12_345_678_901_234_567, 17))
        );
        assert_eq!(read("1000000000000000000"), Err(DecimalError::TooManyDigits));
        assert_eq!(read("18446744073709551617"), Err(DecimalError::TooManyDigits));
    }
}
