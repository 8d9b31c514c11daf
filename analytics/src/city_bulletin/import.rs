//! The city's list of a half-month into the table `city_bulletin`.
//!
//! A file is the whole list of its period, or the values that the city tells of the districts' worst townships, or both.
//! A column that the file does not have says nothing: what the table has of it stays. A township that a whole list does
//! not name any more is withdrawn: its entry stays, without rank and value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind};
use dustwatch_observation::Time;

use super::ranks::inconsistent;
use super::store::{Entry, batch, stored};
use super::{is_published_for, published};
use crate::handed_in::{self, Seen, exact, local_day};
use crate::{AnalyticsError, Period, Refusal, Sheet, SheetColumn, SheetLine, SheetReport};

/// A list that is handed in.
#[derive(Debug, Clone)]
pub struct BulletinImport {
    /// The CSV.
    pub file: PathBuf,
    /// `tsp` or `pm25`.
    pub parameter: String,
    /// The half-month or month that it is of.
    pub period: Period,
    /// The instant of the import.
    pub now: Time,
}

/// What became of a list.
#[derive(Debug, Clone)]
pub struct BulletinImported {
    /// What became of its lines; what was withdrawn is counted as corrected.
    pub report: SheetReport,
    /// Townships that an earlier import of the list named and this one does not: `district township`.
    pub withdrawn: Vec<String>,
}

/// Flag of an entry that a later list does not name any more.
pub(super) const WITHDRAWN: &str = "withdrawn";
/// Flag of an entry whose rank cannot be.
const RANK_INCONSISTENT: &str = "rank_inconsistent";

/// Imports one list of the city's worst townships.
///
/// # Errors
/// [`AnalyticsError::Request`] when the city publishes no such list or its period is not over;
/// [`AnalyticsError::Sheet`] when the file or its header cannot be taken; [`AnalyticsError::Lake`] when the table cannot
/// be written, and then nothing was.
pub async fn import_bulletin(
    lake: &Lake,
    settings: &Settings,
    request: &BulletinImport,
) -> Result<BulletinImported, AnalyticsError> {
    published(&request.parameter)?;
    is_published_for(request.period)?;
    let today = local_day(settings, request.now)?;
    if request.period.last() >= today {
        let period = request.period;
        return Err(AnalyticsError::Request(format!(
            "{period} is not over: today is {today}"
        )));
    }
    let sheet = read(&request.file)?;
    let mut seen = Seen::new();
    let (mut entries, mut report) = handed_in::take(&sheet, |line| {
        let entry = entry(line, settings)?;
        seen.first(line, (entry.district.clone(), entry.township.clone()))?;
        Ok(entry)
    });
    let is_whole = remark(settings, &sheet, &mut entries, &report);
    report.flagged = entries.iter().filter_map(Entry::refusal).collect();
    let known = stored(lake, settings, &request.parameter, request.period).await?;
    keep_what_is_not_told(&sheet, &mut entries, &known);
    let gone = if is_whole {
        gone(&sheet, &entries, known)
    } else {
        Vec::new()
    };
    let withdrawn = gone
        .iter()
        .map(|e| format!("{} {}", e.district, e.township))
        .collect();
    entries.extend(gone);
    let rows = batch(&entries, &request.parameter, request.period, request.now)?;
    report.added = lake.add_rows(TableKind::CityBulletin, &rows).await?;
    Ok(BulletinImported { report, withdrawn })
}

fn read(file: &Path) -> Result<Sheet, AnalyticsError> {
    let columns = [
        SheetColumn::optional(
            "rank_from_worst",
            &[
                "rank_worst_first",
                "rank_worst",
                "rank",
                "排名",
                "名次",
                "倒数排名",
                "排名（倒序）",
                "排名(倒序)",
            ],
        ),
        SheetColumn::required("district", &["区", "行政区", "区县", "所属区"]),
        SheetColumn::required(
            "township",
            &["镇街", "街道（乡镇）", "街道(乡镇)", "街道乡镇", "乡镇街道"],
        ),
        SheetColumn::optional(
            "value",
            &[
                "浓度",
                "浓度（微克/立方米）",
                "浓度(微克/立方米)",
                "浓度（µg/m³）",
                "浓度(µg/m³)",
                "浓度(ug/m3)",
            ],
        ),
    ];
    let sheet = Sheet::read(file, &columns)?;
    if !sheet.has("rank_from_worst") && !sheet.has("value") {
        return Err(AnalyticsError::Sheet {
            file: file.display().to_string(),
            message: "neither rank_from_worst (排名) nor value (浓度) is there: a list tells one of them"
                .to_owned(),
        });
    }
    Ok(sheet)
}

fn entry(line: &SheetLine<'_>, settings: &Settings) -> Result<Entry, Refusal> {
    let rank = handed_in::count(line, "rank_from_worst")?;
    if rank == Some(0) {
        return Err(line.refuse("bad_cell", "rank_from_worst 0: ranks begin with 1"));
    }
    let value = match line.decimal("value")? {
        Some(value) if value.mantissa() < 0 => {
            return Err(line.refuse("negative_value", format!("value {value} is negative")));
        }
        Some(value) => Some(exact(line, "value", value, 1, 9)?),
        None => None,
    };
    if rank.is_none() && value.is_none() {
        return Err(line.refuse("empty_cell", "neither rank_from_worst nor value is filled"));
    }
    let mut entry = Entry {
        line: line.number,
        district: line.required("district")?.to_owned(),
        township: line.required("township")?.to_owned(),
        code: None,
        rank,
        value,
        remarks: Vec::new(),
        source: line.source(),
    };
    match code(settings, &entry.district, &entry.township) {
        Ok(code) => entry.code = Some(code),
        Err((reason, detail)) => entry.remarks.push((reason, detail)),
    }
    Ok(entry)
}

/// The code of a township by its district's and its own name, or why it has none.
fn code(settings: &Settings, district: &str, township: &str) -> Result<String, (&'static str, String)> {
    let own = &settings.district;
    let registry = &settings.registry;
    let code = if district == own.name {
        Some(own.code.as_str())
    } else {
        registry.district_named(district)
    };
    let Some(code) = code else {
        return Err((
            "unknown_district",
            format!("district {district:?} is not in townships.csv"),
        ));
    };
    match registry.townships_named(code, township)[..] {
        [township] => Ok(township.code.clone()),
        [] => Err((
            "unknown_township",
            format!("township {township:?} is not in townships.csv"),
        )),
        _ => Err((
            "ambiguous_township",
            format!("township {township:?} is the alias of several"),
        )),
    }
}

/// Remarks on ranks that cannot be and on lines behind the list's end; returns whether this is the whole list.
fn remark(settings: &Settings, sheet: &Sheet, entries: &mut [Entry], report: &SheetReport) -> bool {
    let ranked: Vec<usize> = (0..entries.len())
        .filter(|at| entries[*at].rank.is_some())
        .collect();
    let ranks: Vec<i64> = ranked.iter().filter_map(|at| entries[*at].rank).collect();
    let unread = report
        .refused
        .iter()
        .filter(|r| r.reason != "duplicate_line")
        .count() as u64;
    let mut is_consistent = true;
    for (at, fault) in ranked.iter().zip(inconsistent(&ranks, unread)) {
        if let Some(fault) = fault {
            is_consistent = false;
            entries[*at].remarks.push((RANK_INCONSISTENT, fault));
        }
    }
    let n = i64::from(settings.rules.r1_n);
    for entry in entries.iter_mut() {
        if let Some(rank) = entry.rank.filter(|rank| *rank > n) {
            entry
                .remarks
                .push(("beyond_list", format!("rank {rank} of a list of {n}")));
        }
    }
    sheet.has("rank_from_worst") && !ranks.is_empty() && is_consistent && report.refused.is_empty()
}

/// What a column that the file does not have would say is what the table has.
fn keep_what_is_not_told(sheet: &Sheet, entries: &mut [Entry], known: &BTreeMap<(String, String), Entry>) {
    for entry in entries {
        let Some(known) = known.get(&(entry.district.clone(), entry.township.clone())) else {
            continue;
        };
        if !sheet.has("rank_from_worst") {
            entry.rank = known.rank;
        }
        if !sheet.has("value") {
            entry.value = known.value;
        }
    }
}

/// The entries of the table that a whole list does not name, as withdrawn. A value that was told of a township outside
/// the list stays where the file tells no values.
fn gone(sheet: &Sheet, entries: &[Entry], known: BTreeMap<(String, String), Entry>) -> Vec<Entry> {
    let named = |e: &Entry| {
        entries
            .iter()
            .any(|entry| entry.district == e.district && entry.township == e.township)
    };
    known
        .into_values()
        .filter(|e| !named(e) && (e.rank.is_some() || (e.value.is_some() && sheet.has("value"))))
        .map(|e| Entry {
            rank: None,
            value: e.value.filter(|_| !sheet.has("value")),
            remarks: vec![(WITHDRAWN, String::new())],
            source: sheet.file().to_owned(),
            ..e
        })
        .collect()
}
