//! The individual air quality index (IAQI) of a daily mean and the classes of the index, by HJ 633.
//!
//! `IAQI = (I_hi − I_lo) ÷ (B_hi − B_lo) × (C − B_lo) + I_lo`, rounded up to a whole number, in integers from the
//! concentration on, which is rounded to whole µg/m³ first (GB/T 8170). Above the last breakpoint the index is 500.
//! TSP has no index, and neither has a concentration below 0.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use dustwatch_config::standards::Edition;

use super::round_half_even;

/// The indices at the breakpoints of every table. HJ 633, table 1.
pub(crate) const INDICES: [i64; 8] = [0, 50, 100, 150, 200, 300, 400, 500];

/// The concentrations at which the index has the values of [`INDICES`], 24-hour means in µg/m³; `None` for a parameter
/// without an index. HJ 633-2012 table 1; HJ 633-2026, in force from 2026-03-01.
pub(crate) fn breakpoints(parameter: &str, edition: Edition) -> Option<[i64; 8]> {
    match (parameter, edition) {
        ("pm25", Edition::Y2012) => Some([0, 35, 75, 115, 150, 250, 350, 500]),
        ("pm25", Edition::Y2026Transition | Edition::Y2026) => Some([0, 35, 60, 115, 150, 250, 350, 500]),
        ("pm10", Edition::Y2012) => Some([0, 50, 150, 250, 350, 420, 500, 600]),
        ("pm10", Edition::Y2026Transition | Edition::Y2026) => Some([0, 50, 120, 250, 350, 420, 500, 600]),
        _ => None,
    }
}

/// The index of a 24-hour mean in whole µg/m³; `None` for a parameter without an index and below 0.
pub fn iaqi(parameter: &str, concentration: i64, edition: Edition) -> Option<i64> {
    let points = breakpoints(parameter, edition)?;
    if concentration < 0 {
        return None;
    }
    let Some(high) = (1..points.len()).find(|&i| concentration <= points[i]) else {
        return INDICES.last().copied();
    };
    let (from, to) = (points[high - 1], points[high]);
    let (low, rise) = (INDICES[high - 1], INDICES[high] - INDICES[high - 1]);
    let steps = rise * (concentration - from);
    Some(low + (steps + to - from - 1) / (to - from))
}

/// The class of an index, as it is printed: 优 to 50, 良 to 100, 轻度污染 to 150, 中度污染 to 200, 重度污染 to 300,
/// 严重污染 above. HJ 633, table 2.
pub fn aqi_class(index: i64) -> &'static str {
    match index {
        ..=50 => "优",
        51..=100 => "良",
        101..=150 => "轻度污染",
        151..=200 => "中度污染",
        201..=300 => "重度污染",
        _ => "严重污染",
    }
}

/// The SQL function `iaqi(parameter TEXT, mean DOUBLE, day DATE) -> BIGINT`, by the edition in force on the day.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Iaqi {
    signature: Signature,
}

impl Iaqi {
    pub(super) fn new() -> Self {
        let arguments = vec![DataType::Utf8, DataType::Float64, DataType::Date32];
        Self {
            signature: Signature::exact(arguments, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Iaqi {
    fn name(&self) -> &str {
        "iaqi"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let parameters = arrays[0].as_string::<i32>().iter();
        let means = arrays[1].as_primitive::<Float64Type>().iter();
        let days = arrays[2].as_primitive::<Date32Type>().iter();
        let index = |((parameter, mean), day): ((Option<&str>, Option<f64>), Option<i32>)| {
            let concentration = Some(round_half_even(mean?, 0)).filter(|c| c.is_finite())?;
            iaqi(
                parameter?,
                concentration as i64,
                Edition::on(Date32Type::to_naive_date_opt(day?)?),
            )
        };
        let indices: Int64Array = parameters.zip(means).zip(days).map(index).collect();
        Ok(ColumnarValue::Array(Arc::new(indices) as ArrayRef))
    }
}

/// The SQL function `aqi_class(index BIGINT) -> TEXT`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AqiClass {
    signature: Signature,
}

impl AqiClass {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::exact(vec![DataType::Int64], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for AqiClass {
    fn name(&self) -> &str {
        "aqi_class"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let indices = arrays[0].as_primitive::<Int64Type>().iter();
        let classes: StringArray = indices.map(|index| index.map(aqi_class)).collect();
        Ok(ColumnarValue::Array(Arc::new(classes) as ArrayRef))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: [(&str, Edition); 6] = [
        ("pm25", Edition::Y2012),
        ("pm25", Edition::Y2026Transition),
        ("pm25", Edition::Y2026),
        ("pm10", Edition::Y2012),
        ("pm10", Edition::Y2026Transition),
        ("pm10", Edition::Y2026),
    ];

    #[test]
    fn the_worked_values_of_the_standards() {
        for (parameter, edition, concentration, index) in [
            ("pm25", Edition::Y2012, 36, 52),
            ("pm25", Edition::Y2012, 48, 67),
            ("pm25", Edition::Y2012, 75, 100),
            ("pm25", Edition::Y2012, 76, 102),
            ("pm25", Edition::Y2012, 116, 152),
            ("pm25", Edition::Y2012, 151, 201),
            ("pm25", Edition::Y2012, 600, 500),
            ("pm25", Edition::Y2026Transition, 48, 76),
            ("pm25", Edition::Y2026Transition, 60, 100),
            ("pm25", Edition::Y2026Transition, 61, 101),
            ("pm25", Edition::Y2026, 75, 114),
            ("pm10", Edition::Y2012, 92, 71),
            ("pm10", Edition::Y2012, 151, 101),
            ("pm10", Edition::Y2026Transition, 92, 80),
            ("pm10", Edition::Y2026, 121, 101),
        ] {
            assert_eq!(
                iaqi(parameter, concentration, edition),
                Some(index),
                "{parameter} {concentration}"
            );
        }
        assert_eq!(iaqi("tsp", 100, Edition::Y2012), None);
        assert_eq!(iaqi("pm25", -1, Edition::Y2012), None);
    }

    /// The least whole number that is not below the exact fraction of the formula, found by trying them in turn.
    #[test]
    fn every_whole_concentration_has_the_index_of_the_exact_fraction() {
        for (parameter, edition) in TABLES {
            let points = breakpoints(parameter, edition).unwrap_or_default();
            let mut candidate = 0;
            for concentration in 0..=points[7] + 200 {
                let segment = (0..7).rev().find(|&i| concentration > points[i]).unwrap_or(0);
                let (width, height) = (
                    points[segment + 1] - points[segment],
                    INDICES[segment + 1] - INDICES[segment],
                );
                // candidate ≥ low + height × (C − from) ÷ width, both sides times width
                let exact = INDICES[segment] * width + height * (concentration - points[segment]);
                while candidate * width < exact && candidate < 500 {
                    candidate += 1;
                }
                assert_eq!(
                    iaqi(parameter, concentration, edition),
                    Some(candidate),
                    "{parameter} {concentration}"
                );
            }
            assert_eq!(candidate, 500);
        }
    }

    #[test]
    fn a_class_begins_above_its_bound() {
        let of = |indices: [i64; 2]| indices.map(aqi_class);
        assert_eq!(of([0, 50]), ["优", "优"]);
        assert_eq!(of([51, 100]), ["良", "良"]);
        assert_eq!(of([101, 150]), ["轻度污染", "轻度污染"]);
        assert_eq!(of([151, 200]), ["中度污染", "中度污染"]);
        assert_eq!(of([201, 300]), ["重度污染", "重度污染"]);
        assert_eq!(of([301, 500]), ["严重污染", "严重污染"]);
    }
}
