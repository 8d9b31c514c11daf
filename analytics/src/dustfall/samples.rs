//! Samples as the table `dustfall_samples`, which `sql/dustfall_deposition.sql` calculates from.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::datasource::MemTable;
use dustwatch_observation::{Decimal, Time};

use super::sample::Sample;
use crate::AnalyticsError;
use crate::dimensions::decimals;

/// The table of these samples.
pub(super) fn table(samples: &[Sample]) -> Result<Arc<MemTable>, AnalyticsError> {
    let text = |of: fn(&Sample) -> Option<&str>| -> ArrayRef {
        Arc::new(samples.iter().map(of).collect::<StringArray>())
    };
    let instant = |of: fn(&Sample) -> Time| -> ArrayRef {
        let micros = samples.iter().map(|sample| of(sample).as_micros());
        Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
    };
    let truth = |of: fn(&Sample) -> bool| -> ArrayRef {
        Arc::new(
            samples
                .iter()
                .map(|sample| Some(of(sample)))
                .collect::<BooleanArray>(),
        )
    };
    let number = |of: fn(&Sample) -> Option<Decimal>, precision, scale| {
        decimals(samples.iter().map(of), precision, scale)
    };
    let line: ArrayRef = Arc::new(Int64Array::from_iter_values(
        samples
            .iter()
            .map(|sample| i64::try_from(sample.line).unwrap_or(i64::MAX)),
    ));
    let columns = [
        ("line", line),
        ("site", text(|s| Some(&s.site))),
        ("sample", text(|s| Some(&s.sample))),
        ("replicate", text(|s| Some(&s.replicate))),
        (
            "method",
            text(|s| Some(if s.is_automatic { "automatic" } else { "manual" })),
        ),
        ("is_weighed", truth(|s| s.is_weighed)),
        ("exposed_from", instant(|s| s.from)),
        ("exposed_to", instant(|s| s.to)),
        ("days_given", number(|s| s.days, 7, 1)?),
        ("m1_g", number(|s| s.m1, 12, 6)?),
        ("m1_second_g", number(|s| s.m1_second, 12, 6)?),
        ("m0_g", number(|s| s.m0, 12, 6)?),
        ("m0_second_g", number(|s| s.m0_second, 12, 6)?),
        ("m2_g", number(|s| s.m2, 12, 6)?),
        ("diameter_cm", number(|s| s.diameter, 6, 2)?),
        ("area_given", number(|s| s.area, 12, 6)?),
        ("result", number(|s| s.result, 18, 10)?),
        ("is_below", truth(|s| s.is_below)),
        ("void_note", truth(|s| s.is_void)),
        ("flag", text(|s| s.flag.as_deref())),
        ("note", text(|s| s.note.as_deref())),
        ("source", text(|s| Some(&s.source))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )?;
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}
