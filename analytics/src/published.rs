//! A figure as it is published: an exact decimal with its places.
//!
//! Invariant: made by one rounding of the unrounded value; what is printed is all there is.

use std::cmp::Ordering;
use std::fmt;

use dustwatch_observation::Decimal;

/// An exact decimal with fixed places: `48`, `-12.1`, `56.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published(Decimal);

impl Published {
    /// `mantissa × 10^-places`; `places` at most 18.
    ///
    /// # Panics
    /// When `places` is over 18.
    pub fn new(mantissa: i64, places: u8) -> Self {
        Self(Decimal::new(mantissa, places))
    }

    /// The figure whose nearest double this is, as the SQL function `round_half_even` returns it; `None` when it is
    /// no number or does not fit.
    pub fn from_rounded(value: f64, places: u8) -> Option<Self> {
        Decimal::from_f64(value, places).ok().map(Self)
    }

    /// The exact number.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// How many of its digits are places.
    pub fn places(self) -> u8 {
        self.0.scale()
    }

    /// The nearest float.
    pub fn to_f64(self) -> f64 {
        self.0.to_f64()
    }

    /// The figure without its sign: what stands behind 上升 or 下降.
    pub fn abs(self) -> Self {
        Self(Decimal::new(self.0.mantissa().saturating_abs(), self.0.scale()))
    }
}

impl PartialOrd for Published {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Published {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.places().max(other.places());
        let at = |p: &Self| i128::from(p.0.mantissa()) * 10i128.pow(u32::from(scale - p.places()));
        at(self).cmp(&at(other))
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A negative zero cannot occur: the mantissa is an integer.
        f.pad(&self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_its_places_and_orders_by_value() {
        assert_eq!(Published::new(-121, 1).to_string(), "-12.1");
        assert_eq!(Published::new(560, 1).to_string(), "56.0");
        assert_eq!(
            Published::from_rounded(-0.0, 1).map(|p| p.to_string()),
            Some("0.0".to_owned())
        );
        assert_eq!(Published::new(5, 0), Published::new(50, 1));
        assert!(Published::new(-25, 0) < Published::new(-249, 1));
        assert_eq!(Published::from_rounded(f64::NAN, 0), None);
    }
}
