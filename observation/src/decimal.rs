//! Exact decimal numbers as devices write them.
//!
//! `35.2` stays 352 × 10⁻¹ from the payload to the table, so that a rounding at the end of the way is a rounding of
//! what was measured. Invariant: `mantissa × 10^-scale`, scale 0 to 18.

use std::fmt;

/// A decimal number: `mantissa × 10^-scale`.
#[derive(Debug, Clone, Copy, Eq, Default)]
pub struct Decimal {
    mantissa: i64,
    scale: u8,
}

/// Why a text or a float is not a decimal that fits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not a number in JSON's grammar.
    #[error("not a number")]
    NotANumber,
    /// More than 18 significant digits, or an exponent out of reach.
    #[error("more digits than 18")]
    TooManyDigits,
}

/// A decimal brought to a column's resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rescaled {
    /// The column holds the number exactly.
    Exact(i64),
    /// The number was finer than the column: rounded half to even.
    Rounded(i64),
    /// The number does not fit an `i64` at that scale.
    Overflow,
}

const POWERS: [i64; 19] = {
    let mut powers = [1i64; 19];
    let mut i = 1;
    while i < 19 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

impl Decimal {
    /// `mantissa × 10^-scale`; `scale` at most 18.
    ///
    /// # Panics
    /// When `scale` is over 18.
    pub fn new(mantissa: i64, scale: u8) -> Self {
        assert!(scale <= 18, "a decimal has at most 18 places");
        Self { mantissa, scale }
    }

    /// The number that a JSON number text denotes, exactly.
    ///
    /// # Errors
    /// [`DecimalError::NotANumber`] when the text is not a JSON number; [`DecimalError::TooManyDigits`] when it has
    /// more than 18 significant digits or places.
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let int_len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (int, rest) = rest.split_at(int_len);
        if int.is_empty() || (int.len() > 1 && int[0] == b'0') {
            return Err(DecimalError::NotANumber);
        }
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => {
                let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
                if len == 0 {
                    return Err(DecimalError::NotANumber);
                }
                rest.split_at(len)
            }
            rest => (&rest[..0], rest),
        };
        let exponent = Self::parse_exponent(rest)?;
        Self::assemble(negative, int, fraction, exponent)
    }

    fn parse_exponent(text: &[u8]) -> Result<i32, DecimalError> {
        let digits = match text {
            [] => return Ok(0),
            [b'e' | b'E', b'-' | b'+', digits @ ..] | [b'e' | b'E', digits @ ..] => digits,
            _ => return Err(DecimalError::NotANumber),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(DecimalError::NotANumber);
        }
        let mut value = 0i32;
        for d in digits {
            value = (value * 10 + i32::from(d - b'0')).min(10_000);
        }
        Ok(if text[1] == b'-' { -value } else { value })
    }

    fn assemble(neg: bool, int: &[u8], fraction: &[u8], exponent: i32) -> Result<Self, DecimalError> {
        let mut mantissa = 0i64;
        for d in int.iter().chain(fraction) {
            mantissa = mantissa
                .checked_mul(10)
                .and_then(|m| m.checked_add(i64::from(d - b'0')))
                .filter(|m| *m < POWERS[18])
                .ok_or(DecimalError::TooManyDigits)?;
        }
        if mantissa == 0 {
            return Ok(Self::default());
        }
        let fraction_len = i32::try_from(fraction.len()).map_err(|_| DecimalError::TooManyDigits)?;
        let mut scale = fraction_len - exponent;
        while scale < 0 {
            mantissa = mantissa
                .checked_mul(10)
                .filter(|m| *m < POWERS[18])
                .ok_or(DecimalError::TooManyDigits)?;
            scale += 1;
        }
        while scale > 18 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        let scale = u8::try_from(scale)
            .ok()
            .filter(|s| *s <= 18)
            .ok_or(DecimalError::TooManyDigits)?;
        Ok(Self {
            mantissa: if neg { -mantissa } else { mantissa },
            scale,
        })
    }

    /// A float brought to `scale` places, half to even; what a sensor driver computes passes through here once.
    ///
    /// # Errors
    /// [`DecimalError::NotANumber`] for NaN and infinities, [`DecimalError::TooManyDigits`] when it does not fit.
    pub fn from_f64(value: f64, scale: u8) -> Result<Self, DecimalError> {
        if !value.is_finite() {
            return Err(DecimalError::NotANumber);
        }
        let scaled = (value * POWERS[usize::from(scale.min(18))] as f64).round_ties_even();
        if scaled.abs() >= POWERS[18] as f64 {
            return Err(DecimalError::TooManyDigits);
        }
        Ok(Self {
            mantissa: scaled as i64,
            scale,
        })
    }

    /// The digits before scaling.
    pub fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// How many of the digits are places.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// The nearest float, for charts and comparisons that need no exactness.
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 / POWERS[usize::from(self.scale)] as f64
    }

    /// This number as an integer of `10^-scale`, rounded half to even (GB/T 8170) when it is finer.
    #[inline]
    pub fn rescale(self, scale: u8) -> Rescaled {
        if scale >= self.scale {
            let factor = POWERS[usize::from(scale.min(18) - self.scale)];
            return self
                .mantissa
                .checked_mul(factor)
                .map_or(Rescaled::Overflow, Rescaled::Exact);
        }
        let divisor = POWERS[usize::from(self.scale - scale)];
        let (quotient, remainder) = (
            self.mantissa.div_euclid(divisor),
            self.mantissa.rem_euclid(divisor),
        );
        if remainder == 0 {
            return Rescaled::Exact(quotient);
        }
        let up = match (remainder * 2).cmp(&divisor) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => quotient % 2 != 0,
        };
        Rescaled::Rounded(quotient + i64::from(up))
    }

    /// This number times `factor`, or an error when it does not fit: for unit conversions in mappings.
    ///
    /// # Errors
    /// [`DecimalError::TooManyDigits`] when the product has more than 18 digits.
    pub fn times(self, factor: Decimal) -> Result<Self, DecimalError> {
        let mut product = i128::from(self.mantissa) * i128::from(factor.mantissa);
        let mut scale = self.scale + factor.scale;
        while scale > 0 && (product % 10 == 0) {
            product /= 10;
            scale -= 1;
        }
        match i64::try_from(product) {
            Ok(mantissa) if mantissa.abs() < POWERS[18] && scale <= 18 => Ok(Self { mantissa, scale }),
            _ => Err(DecimalError::TooManyDigits),
        }
    }

    fn normal(self) -> (i64, u8) {
        let (mut mantissa, mut scale) = (self.mantissa, self.scale);
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        (mantissa, scale)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.normal() == other.normal()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs();
        let power = POWERS[usize::from(self.scale)].unsigned_abs();
        if self.scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        write!(
            f,
            "{sign}{}.{:0width$}",
            digits / power,
            digits % power,
            width = usize::from(self.scale)
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_keep_every_digit_they_were_written_with() {
        for text in [
            "0.1",
            "35.2",
            "-12.50",
            "115.357143",
            "0.001",
            "999999999",
            "101.02",
        ] {
            assert_eq!(Decimal::parse(text.as_bytes()).unwrap().to_string(), text);
        }
        assert_eq!(Decimal::parse(b"1.5e2").unwrap(), Decimal::new(150, 0));
        assert_eq!(Decimal::parse(b"25E-1").unwrap(), Decimal::new(25, 1));
        assert_eq!(Decimal::parse(b"-0").unwrap(), Decimal::new(0, 0));
    }

    #[test]
    fn what_is_not_a_json_number_is_refused() {
        for text in ["", "-", "01", ".5", "1.", "1e", "NaN", "0x10", "1 ", "+1"] {
            assert_eq!(
                Decimal::parse(text.as_bytes()),
                Err(DecimalError::NotANumber),
                "{text:?}"
            );
        }
        assert_eq!(
            Decimal::parse(b"1234567890123456789"),
            Err(DecimalError::TooManyDigits)
        );
        assert_eq!(Decimal::parse(b"1e400"), Err(DecimalError::TooManyDigits));
    }

    #[test]
    fn rescaling_rounds_half_to_even() {
        // GB/T 8170 worked values.
        for (text, scale, want) in [
            ("48.5", 0, 48),
            ("49.5", 0, 50),
            ("48.50001", 0, 49),
            ("6.45", 1, 64),
            ("6.55", 1, 66),
            ("-2.5", 0, -2),
        ] {
            assert_eq!(
                Decimal::parse(text.as_bytes()).unwrap().rescale(scale),
                Rescaled::Rounded(want),
                "{text}"
            );
        }
        assert_eq!(Decimal::parse(b"6.5").unwrap().rescale(1), Rescaled::Exact(65));
        assert_eq!(Decimal::parse(b"6.5").unwrap().rescale(3), Rescaled::Exact(6500));
        assert_eq!(
            Decimal::parse(b"99999999999999999").unwrap().rescale(9),
            Rescaled::Overflow
        );
    }
}
