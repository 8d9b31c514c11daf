//! Entries of a list as rows of the table, and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind, city_bulletin_schema};
use dustwatch_observation::Time;

use crate::dimensions::text;
use crate::handed_in::{context, decimals, imported_at, texts};
use crate::{AnalyticsError, Period, Refusal, columns};

/// A township in a list.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The file's line.
    pub(super) line: u64,
    /// As the list writes it.
    pub(super) district: String,
    /// As the list writes it.
    pub(super) township: String,
    /// Its code, if `townships.csv` has it.
    pub(super) code: Option<String>,
    /// Rank by the highest value.
    pub(super) rank: Option<i64>,
    /// Its value, in tenths of µg/m³.
    pub(super) value: Option<i64>,
    /// Reasons and details of remarks.
    pub(super) remarks: Vec<(&'static str, String)>,
    /// Where it stood.
    pub(super) source: String,
}

impl Entry {
    /// The remarks as one, for the report.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let (reason, _) = self.remarks.first()?;
        let details: Vec<&str> = self.remarks.iter().map(|(_, detail)| detail.as_str()).collect();
        Some(Refusal {
            line: self.line,
            reason,
            detail: details.join("; "),
        })
    }

    fn flag(&self) -> Option<String> {
        let reasons: Vec<&str> = self.remarks.iter().map(|(reason, _)| *reason).collect();
        (!reasons.is_empty()).then(|| reasons.join(","))
    }
}

/// Entries as rows of `city_bulletin`.
pub(super) fn batch(
    entries: &[Entry],
    parameter: &str,
    period: Period,
    now: Time,
) -> Result<RecordBatch, AnalyticsError> {
    let period = period.to_string();
    let each = |value: &str| texts(entries.iter().map(|_| value));
    let columns: Vec<ArrayRef> = vec![
        each(&period),
        each(parameter),
        texts(entries.iter().map(|e| e.district.as_str())),
        texts(entries.iter().map(|e| e.township.as_str())),
        text(entries.iter().map(|e| e.code.as_ref())),
        Arc::new(entries.iter().map(|e| e.rank).collect::<Int64Array>()),
        decimals(entries.iter().map(|e| e.value), 9, 1)?,
        text(entries.iter().map(Entry::flag)),
        texts(entries.iter().map(|e| e.source.as_str())),
        imported_at(now, entries.len()),
    ];
    Ok(RecordBatch::try_new(city_bulletin_schema(), columns)?)
}

/// What the table has of a list, by district and township.
pub(super) async fn stored(
    lake: &Lake,
    settings: &Settings,
    parameter: &str,
    period: Period,
) -> Result<BTreeMap<(String, String), Entry>, AnalyticsError> {
    let context = context(lake, settings, &[TableKind::CityBulletin]).await?;
    let frame = context.table(TableKind::CityBulletin.name()).await?;
    let mut out = BTreeMap::new();
    for batch in frame.collect().await? {
        let (periods, parameters) = (
            columns::texts(&batch, "period")?,
            columns::texts(&batch, "parameter")?,
        );
        let (districts, townships) = (
            columns::texts(&batch, "district")?,
            columns::texts(&batch, "township")?,
        );
        let (codes, sources) = (columns::texts(&batch, "code")?, columns::texts(&batch, "source")?);
        let ranks = columns::integers(&batch, "rank_from_worst")?;
        let values = cast(columns::any(&batch, "value")?, &DataType::Decimal128(9, 1))?;
        let values = values.as_primitive::<Decimal128Type>();
        for row in 0..batch.num_rows() {
            if periods.value(row) != period.to_string() || parameters.value(row) != parameter {
                continue;
            }
            let entry = Entry {
                line: 0,
                district: districts.value(row).to_owned(),
                township: townships.value(row).to_owned(),
                code: codes.is_valid(row).then(|| codes.value(row).to_owned()),
                rank: columns::integer(&ranks, row),
                // Nine digits fit an i64.
                value: values.is_valid(row).then(|| values.value(row) as i64),
                remarks: Vec::new(),
                source: sources.value(row).to_owned(),
            };
            out.insert((entry.district.clone(), entry.township.clone()), entry);
        }
    }
    Ok(out)
}
