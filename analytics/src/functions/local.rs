//! Local days and times of instants, in the district's time zone.

use std::hash::Hash;
use std::sync::Arc;

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;
use datafusion::arrow::array::{ArrayRef, AsArray, Date32Array, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use dustwatch_lake::LocalDays;
use dustwatch_observation::Time;

fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Any timestamp, date or text is read as an instant; without a zone, as UTC.
fn coerce(name: &str, arguments: &[DataType]) -> Result<Vec<DataType>> {
    match arguments {
        [
            DataType::Timestamp(..)
            | DataType::Date32
            | DataType::Utf8
            | DataType::Utf8View
            | DataType::LargeUtf8
            | DataType::Null,
        ] => Ok(vec![instant_type()]),
        _ => plan_err!("{name} takes one instant"),
    }
}

fn instants(args: &ScalarFunctionArgs) -> Result<TimestampMicrosecondArray> {
    let arrays = ColumnarValue::values_to_arrays(&args.args)?;
    Ok(arrays[0].as_primitive::<TimestampMicrosecondType>().clone())
}

/// The SQL function `local_day(instant) -> DATE`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LocalDay {
    signature: Signature,
    timezone: Tz,
}

impl LocalDay {
    pub(super) fn new(timezone: Tz) -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            timezone,
        }
    }
}

impl ScalarUDFImpl for LocalDay {
    fn name(&self) -> &str {
        "local_day"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name(), arguments)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut days = LocalDays::new(self.timezone);
        let days: Date32Array = instants(&args)?
            .iter()
            .map(|t| t.and_then(|t| days.day_of(Time::from_micros(t))))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(days) as ArrayRef))
    }

    /// `local_day(t) = D` is `t` from the start of D to the start of the next day.
    fn preimage(&self, args: &[Expr], literal: &Expr, _info: &SimplifyContext) -> Result<PreimageResult> {
        let ([instant], Some(ScalarValue::Date32(Some(day)))) = (args, literal.as_literal()) else {
            return Ok(PreimageResult::None);
        };
        let Some(span) = LocalDays::new(self.timezone).span_of(*day) else {
            return Ok(PreimageResult::None);
        };
        let bound = |micros: i64| ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()));
        let interval = Interval::try_new(bound(span.start), bound(span.end))?;
        Ok(PreimageResult::Range {
            expr: instant.clone(),
            interval: Box::new(interval),
        })
    }
}

/// The SQL function `local_time(instant) -> TIMESTAMP`, without a zone: what the district's clocks show.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LocalTime {
    signature: Signature,
    timezone: Tz,
}

impl LocalTime {
    pub(super) fn new(timezone: Tz) -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            timezone,
        }
    }
}

impl ScalarUDFImpl for LocalTime {
    fn name(&self) -> &str {
        "local_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(TimeUnit::Microsecond, None))
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name(), arguments)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let local = |micros: i64| {
            let utc = Time::from_micros(micros).to_chrono()?.naive_utc();
            let offset = self
                .timezone
                .offset_from_utc_datetime(&utc)
                .fix()
                .local_minus_utc();
            Some(micros + i64::from(offset) * 1_000_000)
        };
        let times: TimestampMicrosecondArray = instants(&args)?.iter().map(|t| t.and_then(local)).collect();
        Ok(ColumnarValue::Array(Arc::new(times) as ArrayRef))
    }
}
