//! Taking a file of dustfall results into the table.
//!
//! Place on the way: lines become samples, SQL calculates and judges them, those that contradict each other or the table
//! are refused, and the rest is added. Invariant: every line is added, unchanged or refused, and the report counts it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use datafusion::arrow::compute::{concat_batches, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind};
use dustwatch_observation::Time;

use super::conflicts::{Claim, conflicts};
use super::layout::{self, Layout};
use super::sample::{Reader, Sample};
use super::{samples, views};
use crate::session::Session;
use crate::sql::{self, Value};
use crate::{AnalyticsError, Refusal, Sheet, SheetReport, columns};

/// Who made a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    /// A laboratory: its weighings, or its results.
    Laboratory,
    /// An automatic monitor.
    Automatic,
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DustfallImport {
    /// Its lines; flagged are the samples that are stored as invalid.
    pub report: SheetReport,
    /// Samples that count, and about which something was noticed.
    pub noted: Vec<Refusal>,
}

/// Takes a file into the table `dustfall`. `now` is the instant of the import.
///
/// # Errors
/// [`AnalyticsError::Sheet`] when the file or its header cannot be taken; [`AnalyticsError::Lake`] when the table cannot
/// be read or written, and then nothing was added.
pub async fn import(
    lake: &Lake,
    settings: &Settings,
    path: &Path,
    kind: ImportKind,
    now: Time,
) -> Result<DustfallImport, AnalyticsError> {
    layout::check_units(path)?;
    let layout = match kind {
        ImportKind::Laboratory => Layout::of_laboratory(path),
        ImportKind::Automatic => Layout::Automatic,
    };
    let reader = Reader {
        settings: &settings.dustfall,
        timezone: settings.district.timezone,
        now,
        layout,
    };
    let sheet = Sheet::read(path, &layout.columns())?;
    let mut out = DustfallImport::default();
    let mut read: Vec<Sample> = Vec::new();
    for line in sheet.lines() {
        out.report.lines += 1;
        match line.and_then(|line| reader.read(&line)) {
            Ok(sample) => read.push(sample),
            Err(refusal) => out.report.refused.push(refusal),
        }
    }
    if read.is_empty() {
        return Ok(out);
    }
    let (session, _) = views::open(lake, settings, None).await?;
    let results = calculate(&session, settings, &read).await?;
    let taken = take(&session, &results, &mut out).await?;
    let rows = filter_record_batch(&results, &taken)?;
    if rows.num_rows() > 0 {
        out.report.added = lake.add_rows(TableKind::Dustfall, &imported(&rows, now)?).await?;
    }
    out.report.refused.sort_by_key(|refusal| refusal.line);
    Ok(out)
}

/// The samples as rows of the table, calculated and judged; in the order of the lines.
async fn calculate(
    session: &Session,
    settings: &Settings,
    read: &[Sample],
) -> Result<RecordBatch, AnalyticsError> {
    let dustfall = &settings.dustfall;
    let values = [
        ("exposure_min_days", Value::Decimal(dustfall.exposure_min_days)),
        ("exposure_max_days", Value::Decimal(dustfall.exposure_max_days)),
        ("detection_limit", Value::Decimal(dustfall.detection_limit)),
        (
            "crucible_max_difference_mg",
            Value::Decimal(dustfall.crucible_max_difference_mg),
        ),
        (
            "exchange_last_days",
            Value::Integer(dustfall.exchange_last_days.into()),
        ),
        ("net_max_g", Value::Decimal(dustfall.net_max_g)),
    ];
    let context = session.context();
    context.register_table("dustfall_samples", samples::table(read)?)?;
    let frame = context
        .sql(&sql::bind(sql::DUSTFALL_DEPOSITION, &values)?)
        .await?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let results = concat_batches(&schema, &frame.collect().await?)?;
    if results.num_rows() == read.len() {
        Ok(results)
    } else {
        Err(AnalyticsError::Defect("a sample was lost or doubled".to_owned()))
    }
}

/// Which results are taken; the others are refused, and remarks are written down.
async fn take(
    session: &Session,
    results: &RecordBatch,
    out: &mut DustfallImport,
) -> Result<BooleanArray, AnalyticsError> {
    let lines = columns::integers(results, "line")?;
    let townships = columns::texts(results, "township")?;
    let months = columns::texts(results, "month")?;
    let claims = claims(results, |row| format!("line {}", lines.value(row)))?;
    let mut known = Vec::new();
    for batch in session.collect("SELECT * FROM dustfall").await? {
        known.extend(self::claims(&batch, |_| "the table".to_owned())?);
    }
    // A line of a point that did not stand then is in nobody's way.
    let standing: Vec<usize> = (0..claims.len()).filter(|row| townships.is_valid(*row)).collect();
    let asked: Vec<Claim> = standing.iter().map(|row| claims[*row].clone()).collect();
    let found = conflicts(&asked, &known);
    let refusal = |row: usize, reason, detail| Refusal {
        line: u64::try_from(lines.value(row)).unwrap_or(0),
        reason,
        detail,
    };
    let mut refused = BTreeSet::new();
    for row in (0..claims.len()).filter(|row| townships.is_null(*row)) {
        let detail = format!(
            "point {} did not stand in {}",
            claims[row].site,
            months.value(row)
        );
        out.report.refused.push(refusal(row, "unknown_site", detail));
        refused.insert(row);
    }
    for (row, conflict) in standing.into_iter().zip(found) {
        if let Some((reason, detail)) = conflict {
            out.report.refused.push(refusal(row, reason, detail));
            refused.insert(row);
        }
    }
    let (reasons, remarks) = (
        columns::texts(results, "reason")?,
        columns::texts(results, "remark")?,
    );
    for row in (0..claims.len()).filter(|row| !refused.contains(row)) {
        if let Some(reason) = columns::text(&reasons, row) {
            let (code, detail) = explain(results, reason, row)?;
            out.report.flagged.push(refusal(row, code, detail));
            continue;
        }
        for word in columns::text(&remarks, row)
            .into_iter()
            .flat_map(|text| text.split(' '))
        {
            let (code, detail) = explain(results, word, row)?;
            out.noted.push(refusal(row, code, detail));
        }
    }
    Ok((0..claims.len())
        .map(|row| Some(!refused.contains(&row)))
        .collect())
}

fn claims(batch: &RecordBatch, place: impl Fn(usize) -> String) -> Result<Vec<Claim>, AnalyticsError> {
    let text = |name: &str| columns::texts(batch, name);
    let (sites, numbers, replicates) = (text("site")?, text("sample")?, text("replicate")?);
    let statuses = text("status")?;
    let (from, to) = (
        columns::integers(batch, "exposed_from")?,
        columns::integers(batch, "exposed_to")?,
    );
    let claim = |row: usize| Claim {
        sample: numbers.value(row).to_owned(),
        site: sites.value(row).to_owned(),
        replicate: replicates.value(row).to_owned(),
        from: from.value(row),
        to: to.value(row),
        counts: statuses.value(row) != "invalid",
        place: place(row),
    };
    Ok((0..batch.num_rows()).map(claim).collect())
}

/// A code of `dustfall_deposition.sql`, and what exactly it says of a row.
fn explain(results: &RecordBatch, code: &str, row: usize) -> Result<(&'static str, String), AnalyticsError> {
    let cell = |name: &str| -> Result<String, AnalyticsError> {
        let column = columns::texts(results, name)?;
        Ok(columns::text(&column, row).unwrap_or("—").to_owned())
    };
    Ok(match code {
        "void_note" => (
            "void_note",
            format!("the note {:?} voids the sample", cell("note")?),
        ),
        "device_flag" => ("device_flag", "the monitor's flag is not N".to_owned()),
        "exposure_out_of_range" => (
            "exposure_out_of_range",
            format!("an exposure of {} days", cell("exposure_days")?),
        ),
        "not_constant_weight" => (
            "not_constant_weight",
            format!(
                "two weighings differ: m1 {} and {} g, m0 {} and {} g",
                cell("m1_g")?,
                cell("m1_second_g")?,
                cell("m0_g")?,
                cell("m0_second_g")?
            ),
        ),
        "negative_net" => (
            "negative_net",
            format!(
                "m1 {} - m0 {} - m2 {} g is negative",
                cell("m1_g")?,
                cell("m0_g")?,
                cell("m2_g")?
            ),
        ),
        "implausible_net" => (
            "implausible_net",
            format!(
                "m1 {} - m0 {} g is too much for a collector",
                cell("m1_g")?,
                cell("m0_g")?
            ),
        ),
        "not_measured" => ("not_measured", "there is no result".to_owned()),
        "exchange_day" => (
            "exchange_day",
            "the collector was not exchanged in the last days of a month".to_owned(),
        ),
        "collector_diameter" => (
            "collector_diameter",
            format!("an inner diameter of {} cm is not 15 ± 0.5", cell("diameter_cm")?),
        ),
        other => return Err(AnalyticsError::Defect(format!("no such remark: {other}"))),
    })
}

/// The rows with the instant of their import.
fn imported(rows: &RecordBatch, now: Time) -> Result<RecordBatch, AnalyticsError> {
    let instants =
        TimestampMicrosecondArray::from(vec![now.as_micros(); rows.num_rows()]).with_timezone("UTC");
    let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
    let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    fields.push(Arc::new(Field::new("imported_at", kind, false)));
    let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
    columns.push(Arc::new(instants));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}
