//! A ledger's CSV into the table `ledger`, as its kind says.
//!
//! A line tells the items of a subject, a date and, where the kind has one, a point. Each cell of an item's column is an
//! entry, an empty one too, so that a correction can take a value back; a column that the file does not have says
//! nothing.

use std::path::Path;

use chrono::NaiveDate;
use dustwatch_config::ledgers::{DateKind, ItemKind, LedgerColumn, LedgerItem, SubjectKind};
use dustwatch_config::{LedgerKind, Settings};
use dustwatch_lake::{LEDGER_PRECISION, LEDGER_SCALE, Lake, TableKind};
use dustwatch_observation::{Decimal, Time};

use super::rows::{Entry, batch};
use crate::handed_in::{self, Seen, count, exact, local_day, no_later, own_township};
use crate::{AnalyticsError, Refusal, Sheet, SheetColumn, SheetLine, SheetReport};

/// Imports a CSV of a kind of ledger. `now` is the instant of the import; no line may lie behind its local day.
///
/// # Errors
/// [`AnalyticsError::Request`] when there is no such kind; [`AnalyticsError::Sheet`] when the file or its header cannot
/// be taken; [`AnalyticsError::Lake`] when the table cannot be written, and then nothing was.
pub async fn import_ledger(
    lake: &Lake,
    settings: &Settings,
    kind: &str,
    file: &Path,
    now: Time,
) -> Result<SheetReport, AnalyticsError> {
    let kind = super::kind(settings, kind)?;
    let sheet = Sheet::read(file, &columns(kind))?;
    let today = local_day(settings, now)?;
    let mut seen = Seen::new();
    let (lines, mut report) = handed_in::take(&sheet, |line| {
        let entries = entries(&sheet, line, settings, kind, today)?;
        if let Some(first) = entries.first() {
            seen.first(line, (first.subject.clone(), first.date, first.point.clone()))?;
        }
        Ok(entries)
    });
    let entries: Vec<Entry> = lines.into_iter().flatten().collect();
    let rows = batch(&kind.key, &entries, now)?;
    report.added = lake.add_rows(TableKind::Ledger, &rows).await?;
    Ok(report)
}

/// The columns that a file of this kind may have.
fn columns(kind: &LedgerKind) -> Vec<SheetColumn> {
    let column = |column: &LedgerColumn, required: bool| SheetColumn {
        name: column.name.clone(),
        aliases: column.aliases.clone(),
        required,
    };
    let items = kind.items.iter().filter(|item| item.is_stored());
    [Some(&kind.date), Some(&kind.subject), kind.point.as_ref()]
        .into_iter()
        .flatten()
        .map(|fixed| column(fixed, true))
        .chain(items.map(|item| column(&item.column, item.required)))
        .collect()
}

fn entries(
    sheet: &Sheet,
    line: &SheetLine<'_>,
    settings: &Settings,
    kind: &LedgerKind,
    today: NaiveDate,
) -> Result<Vec<Entry>, Refusal> {
    let date = &kind.date.name;
    let day = match kind.date_kind {
        DateKind::Day => line.day(date)?,
        DateKind::Month => line.month(date)?,
    };
    let date = no_later(line, date, day, today)?;
    let subject = match kind.subject_kind {
        SubjectKind::Township => own_township(settings, line, &kind.subject.name)?.code.clone(),
        SubjectKind::Text => line.required(&kind.subject.name)?.to_owned(),
    };
    let point = match &kind.point {
        Some(point) => line.required(&point.name)?.to_owned(),
        None => String::new(),
    };
    let told = kind
        .items
        .iter()
        .filter(|item| item.is_stored() && sheet.has(item.key()));
    let mut entries = Vec::new();
    for item in told {
        let (value, text) = cell(line, item)?;
        entries.push(Entry {
            subject: subject.clone(),
            date,
            point: point.clone(),
            item: item.key().to_owned(),
            value,
            text,
            source: line.source(),
        });
    }
    if entries
        .iter()
        .all(|entry| entry.value.is_none() && entry.text.is_none())
    {
        return Err(line.refuse("empty_cell", "the line tells nothing"));
    }
    Ok(entries)
}

/// What a cell says: an integer of 10^-[`LEDGER_SCALE`], a text, or for a grade both.
fn cell(line: &SheetLine<'_>, item: &LedgerItem) -> Result<(Option<i64>, Option<String>), Refusal> {
    let key = item.key();
    if item.required {
        line.required(key)?;
    }
    let stored = |number: Decimal| exact(line, key, number, LEDGER_SCALE, LEDGER_PRECISION);
    Ok(match &item.kind {
        ItemKind::Number { min, max } => {
            let number = line.decimal(key)?;
            let value = number.map(stored).transpose()?;
            if let (Some(number), Some(value)) = (number, value) {
                if value < stored(*min)? {
                    let (reason, what) = match min.mantissa() {
                        0 => ("negative_value", "is negative".to_owned()),
                        _ => ("out_of_range", format!("is less than {min}")),
                    };
                    return Err(line.refuse(reason, format!("{key} {number} {what}")));
                }
                if let Some(max) = max
                    && value > stored(*max)?
                {
                    return Err(line.refuse("out_of_range", format!("{key} {number} is more than {max}")));
                }
            }
            (value, None)
        }
        ItemKind::Count => {
            let number = count(line, key)?.map(|count| stored(Decimal::new(count, 0)));
            (number.transpose()?, None)
        }
        ItemKind::Grade { levels } => {
            let Some(word) = line.text(key) else {
                return Ok((None, None));
            };
            let place = item.level(word).and_then(|place| i64::try_from(place).ok());
            let place = place.ok_or_else(|| {
                let labels: Vec<&str> = levels
                    .iter()
                    .filter_map(|l| l.first())
                    .map(String::as_str)
                    .collect();
                line.refuse(
                    "unknown_grade",
                    format!("{key} {word:?} is none of {}", labels.join(", ")),
                )
            })?;
            (
                Some(stored(Decimal::new(place, 0))?),
                item.label(place).map(str::to_owned),
            )
        }
        ItemKind::Text => (None, line.text(key).map(str::to_owned)),
        ItemKind::Ratio { .. } => (None, None),
    })
}
