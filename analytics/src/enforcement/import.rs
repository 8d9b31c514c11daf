//! A department's file of enforcement counts into the table `enforcement`.

use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind, enforcement_schema};
use dustwatch_observation::Time;

use super::Action;
use crate::handed_in::{self, Seen, dates_and_months, imported_at, local_day, no_later, own_township, texts};
use crate::{AnalyticsError, Refusal, Sheet, SheetColumn, SheetLine, SheetReport};

/// What a line says.
struct Entry {
    date: NaiveDate,
    department: String,
    township: String,
    action: Action,
    inspections: i64,
    cases: i64,
    penalty_yuan: i64,
    closed: i64,
    source: String,
}

/// Imports a CSV of enforcement counts: a line is what a department did on a day in a township under one action. `now`
/// is the instant of the import; no line may lie behind its local day.
///
/// # Errors
/// [`AnalyticsError::Sheet`] when the file or its header cannot be taken; [`AnalyticsError::Lake`] when the table cannot
/// be written, and then nothing was.
pub async fn import_enforcement(
    lake: &Lake,
    settings: &Settings,
    file: &Path,
    now: Time,
) -> Result<SheetReport, AnalyticsError> {
    let sheet = Sheet::read(file, &columns())?;
    let today = local_day(settings, now)?;
    let mut seen = Seen::new();
    let (entries, mut report) = handed_in::take(&sheet, |line| {
        let entry = entry(line, settings, today)?;
        let key = (
            entry.date,
            entry.department.clone(),
            entry.township.clone(),
            entry.action,
        );
        seen.first(line, key)?;
        Ok(entry)
    });
    let rows = batch(&entries, now)?;
    report.added = lake.add_rows(TableKind::Enforcement, &rows).await?;
    Ok(report)
}

fn columns() -> [SheetColumn; 8] {
    [
        SheetColumn::required("date", &["日期", "执法日期"]),
        SheetColumn::required("department", &["部门", "单位", "执法部门"]),
        SheetColumn::required("township", &["镇街", "属地", "街道（乡镇）", "街道(乡镇)"]),
        SheetColumn::required("action", &["行动", "专项行动", "类别"]),
        SheetColumn::required("inspections", &["检查次数", "检查数", "检查（次）"]),
        SheetColumn::required("cases", &["立案数", "立案", "案件数", "立案（起）"]),
        SheetColumn::required(
            "penalty_yuan",
            &["罚款金额", "罚款（元）", "罚款金额（元）", "处罚金额（元）"],
        ),
        SheetColumn::required("closed", &["结案数", "结案", "办结数", "结案（起）"]),
    ]
}

fn entry(line: &SheetLine<'_>, settings: &Settings, today: NaiveDate) -> Result<Entry, Refusal> {
    let count = |column: &str| -> Result<i64, Refusal> {
        line.required(column)?;
        Ok(handed_in::count(line, column)?.unwrap_or(0))
    };
    let word = line.required("action")?;
    let action = Action::from_word(word).ok_or_else(|| {
        let known: Vec<String> = Action::ALL
            .iter()
            .map(|a| format!("{} ({})", a.code(), a.name()))
            .collect();
        line.refuse(
            "unknown_action",
            format!("action {word:?} is none of {}", known.join(", ")),
        )
    })?;
    Ok(Entry {
        date: no_later(line, "date", line.day("date")?, today)?,
        department: line.required("department")?.to_owned(),
        township: own_township(settings, line, "township")?.code.clone(),
        action,
        inspections: count("inspections")?,
        cases: count("cases")?,
        penalty_yuan: count("penalty_yuan")?,
        closed: count("closed")?,
        source: line.source(),
    })
}

fn batch(entries: &[Entry], now: Time) -> Result<RecordBatch, AnalyticsError> {
    let counts = |of: fn(&Entry) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(entries.iter().map(of)))
    };
    let days: Vec<NaiveDate> = entries.iter().map(|e| e.date).collect();
    let (dates, months) = dates_and_months(&days);
    let columns: Vec<ArrayRef> = vec![
        dates,
        texts(entries.iter().map(|e| e.department.as_str())),
        texts(entries.iter().map(|e| e.township.as_str())),
        texts(entries.iter().map(|e| e.action.code())),
        counts(|e| e.inspections),
        counts(|e| e.cases),
        counts(|e| e.penalty_yuan),
        counts(|e| e.closed),
        months,
        texts(entries.iter().map(|e| e.source.as_str())),
        imported_at(now, entries.len()),
    ];
    Ok(RecordBatch::try_new(enforcement_schema(), columns)?)
}
