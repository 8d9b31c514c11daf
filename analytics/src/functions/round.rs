//! Rounding by GB/T 8170: half to even, once, in integers.
//!
//! Means come as doubles, whose last bits are noise: a value within 10⁻⁹ of a tie is the tie. So a value is first
//! brought to the nearest 10⁻⁹, and from there rounded in integer arithmetic. DataFusion's own `round` takes halves
//! away from zero.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// Places that a value is brought to before it is rounded.
const SNAP_PLACES: u32 = 9;

/// `value` rounded half to even at `places` (0 to 9): the nearest double of the decimal. NaN, infinities and values
/// over 10²⁰ come back as they are.
pub fn round_half_even(value: f64, places: u8) -> f64 {
    let snapped = (value * 10f64.powi(SNAP_PLACES as i32)).round_ties_even();
    if !snapped.is_finite() || snapped.abs() > 1e29 {
        return value;
    }
    let snapped = snapped as i128;
    let places = u32::from(places).min(SNAP_PLACES);
    let divisor = 10i128.pow(SNAP_PLACES - places);
    let (quotient, remainder) = (snapped.div_euclid(divisor), snapped.rem_euclid(divisor));
    let up = match (remainder * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    (quotient + i128::from(up)) as f64 / 10f64.powi(places as i32)
}

/// The SQL function `round_half_even(value DOUBLE, places BIGINT) -> DOUBLE`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct RoundHalfEven {
    signature: Signature,
}

impl RoundHalfEven {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::exact(vec![DataType::Float64, DataType::Int64], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for RoundHalfEven {
    fn name(&self) -> &str {
        "round_half_even"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let (values, places) = (
            arrays[0].as_primitive::<Float64Type>(),
            arrays[1].as_primitive::<Int64Type>(),
        );
        let mut rounded = Vec::with_capacity(values.len());
        for (value, places) in values.iter().zip(places) {
            rounded.push(match (value, places) {
                (Some(value), Some(places @ 0..=9)) => Some(round_half_even(value, places as u8)),
                (_, Some(places)) if !(0..=9).contains(&places) => {
                    return exec_err!("round_half_even: places must be 0 to 9, not {places}");
                }
                _ => None,
            });
        }
        Ok(ColumnarValue::Array(
            Arc::new(Float64Array::from(rounded)) as ArrayRef
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        // The worked values of GB/T 8170, and doubles that lie just beside a tie.
        for (value, places, want) in [
            (48.5, 0, 48.0),
            (49.5, 0, 50.0),
            (48.50001, 0, 49.0),
            (6.45, 1, 6.4),
            (6.55, 1, 6.6),
            (0.125, 2, 0.12),
            (0.135, 2, 0.14),
            (12.25, 1, 12.2),
            (12.35, 1, 12.4),
            (-2.5, 0, -2.0),
            (-3.5, 0, -4.0),
            (15.4546, 0, 15.0),
            (2.675, 2, 2.68),
            (0.5, 0, 0.0),
            (-0.5, 0, 0.0),
            (1.5, 0, 2.0),
            (48.5 + 4e-10, 0, 48.0),
            (48.5 + 2e-9, 0, 49.0),
            (56.666_666_666_7, 1, 56.7),
            (1e21, 0, 1e21),
        ] {
            assert_eq!(round_half_even(value, places), want, "{value} at {places} places");
        }
        assert!(round_half_even(f64::NAN, 1).is_nan());
    }

    #[test]
    fn a_negative_value_rounds_as_its_mirror_image() {
        for thousandths in -5_000i32..5_000 {
            let value = f64::from(thousandths) / 1000.0;
            assert_eq!(round_half_even(value, 1), -round_half_even(-value, 1), "{value}");
        }
    }
}
