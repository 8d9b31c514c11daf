//! The register of a notice: every figure that it printed, kept beside it, so that a later one knows what changed.
//!
//! Place on the way: the inputs of a notice come in; [`settle`] compares them with the register of the last issue and
//! decides whether it is a first issue, the same one again, or a revision (更正). Pure: who calls it reads and writes the
//! files. Invariant: the same figures give the same notice, byte for byte, whatever happened to tables, clock or program
//! since; a figure that changed gives a new revision that says what changed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use crate::notice::{
    Change, Correction, MonthInputs, NoticeInputs, NoticeProvenance, NoticeRequest, Reports, wording,
};
use crate::{AnalyticsError, CompletenessRow, DistrictFigure, Ranking};

/// Printed figures by `PARAMETER/SUBJECT/FIELD`: `pm25/110109001/value` is `41`.
type Figures = BTreeMap<String, String>;

/// What an issue printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Register {
    /// What it was made from.
    pub provenance: NoticeProvenance,
    /// Local date of issue.
    pub issued_on: NaiveDate,
    /// What it corrected, if it was a revision.
    pub correction: Option<Correction>,
    figures: Figures,
}

/// What making a notice comes to, beside the last issue of its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issued {
    /// There was none.
    First,
    /// Nothing that it prints has changed: it stands.
    Unchanged,
    /// Something has changed: a new revision.
    Revised,
}

/// Decides what a notice is beside the last issue, and gives its inputs what follows from that: a revision its number
/// and what it corrects; an unchanged one the date, the versions and the program of that issue.
pub fn settle(mut inputs: NoticeInputs, last: Option<&Register>) -> (NoticeInputs, Issued) {
    let Some(last) = last else {
        return (inputs, Issued::First);
    };
    let figures = figures(&inputs);
    if figures != last.figures {
        inputs.revision = Some(last.provenance.revision.unwrap_or(0) + 1);
        inputs.correction = Some(correction(last, &figures));
        return (inputs, Issued::Revised);
    }
    inputs.revision = last.provenance.revision;
    inputs.correction.clone_from(&last.correction);
    inputs.issued_on = last.issued_on;
    inputs.program.clone_from(&last.provenance.program);
    inputs.settings.file.clone_from(&last.provenance.settings_file);
    for ranking in [&mut inputs.pm25, &mut inputs.tsp] {
        let mut tables = last.provenance.tables.iter();
        if let Some(table) = tables.find(|table| table.parameter == ranking.parameter) {
            ranking.provenance = table.versions;
        }
    }
    inputs.reports.versions = last.provenance.reports;
    (inputs, Issued::Unchanged)
}

impl Register {
    /// What a notice of these inputs prints.
    pub fn of(inputs: &NoticeInputs) -> Self {
        Self {
            provenance: NoticeProvenance::of(inputs),
            issued_on: inputs.issued_on,
            correction: inputs.correction.clone(),
            figures: figures(inputs),
        }
    }

    /// What is to be asked to make its notice again, from the table versions that it names.
    ///
    /// # Errors
    /// [`AnalyticsError::Request`] when it names no period or no versions.
    pub fn request(&self) -> Result<NoticeRequest, AnalyticsError> {
        let wrong = |what: &str| AnalyticsError::Request(format!("no register of a notice: {what}"));
        let versions = self.provenance.tables.first().map(|table| table.versions);
        let versions = versions.ok_or_else(|| wrong("no table versions"))?;
        Ok(NoticeRequest {
            period: self.provenance.period.parse()?,
            issued_on: self.issued_on,
            observations_version: versions.observations_version,
            qc_version: versions.qc_version,
            report_versions: Some(self.provenance.reports),
            revision: self.provenance.revision,
        })
    }

    /// The name of its file without the extension, which is that of the notice's files.
    pub fn file_stem(&self) -> String {
        self.provenance.file_stem()
    }

    /// As a JSON text.
    pub fn to_json(&self) -> String {
        let mut out = self.provenance.to_json();
        out["issued_on"] = json!(self.issued_on.to_string());
        out["correction"] = self.correction.as_ref().map_or(Value::Null, Correction::to_json);
        out["figures"] = json!(self.figures);
        format!("{out:#}\n")
    }

    /// Reads what [`Register::to_json`] wrote.
    ///
    /// # Errors
    /// [`AnalyticsError::Request`] names what is missing or wrong.
    pub fn parse(text: &str) -> Result<Self, AnalyticsError> {
        let wrong = |what: &str| AnalyticsError::Request(format!("no register of a notice: {what}"));
        let value: Value = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
        let figures = value["figures"].as_object().ok_or_else(|| wrong("figures"))?;
        let text_of = |(key, text): (&String, &Value)| Some((key.clone(), text.as_str()?.to_owned()));
        let figures: Option<Figures> = figures.iter().map(text_of).collect();
        let correction = match &value["correction"] {
            Value::Null => None,
            correction => Some(Correction::from_json(correction).ok_or_else(|| wrong("correction"))?),
        };
        let issued_on = value["issued_on"].as_str().and_then(|day| day.parse().ok());
        Ok(Self {
            provenance: NoticeProvenance::from_json(&value).ok_or_else(|| wrong("provenance"))?,
            issued_on: issued_on.ok_or_else(|| wrong("issued_on"))?,
            correction,
            figures: figures.ok_or_else(|| wrong("figures"))?,
        })
    }
}

/// Subject of the district's own figures.
const DISTRICT: &str = "district";

fn figures(inputs: &NoticeInputs) -> Figures {
    let mut figures = Figures::new();
    for (ranking, district, completeness) in [
        (&inputs.pm25, &inputs.district_pm25, &inputs.completeness_pm25),
        (&inputs.tsp, &inputs.district_tsp, &inputs.completeness_tsp),
    ] {
        of_townships(ranking, &mut figures);
        of_district(district, &mut figures);
        of_stations(&ranking.parameter, completeness, &mut figures);
    }
    of_reports(&inputs.reports, &mut figures);
    if let Some(month) = &inputs.month {
        of_month(month, &mut figures);
    }
    figures
}

fn add(figures: &mut Figures, subject: &str, fields: &[(&str, String)]) {
    for (field, text) in fields {
        figures.insert(format!("{subject}/{field}"), text.clone());
    }
}

fn text<T: ToString>(figure: Option<T>) -> String {
    figure.map_or_else(|| wording::NONE.to_owned(), |figure| figure.to_string())
}

fn of_townships(ranking: &Ranking, figures: &mut Figures) {
    for row in &ranking.rows {
        let fields = [
            ("name", row.township.clone()),
            ("status", row.status.to_string()),
            ("value", text(row.value)),
            ("rank", text(row.rank)),
            ("rank_worst", text(row.rank_worst)),
            ("previous_value", text(row.previous_value)),
            ("change_percent", text(row.change_percent)),
            ("rank_change", text(row.rank_change)),
            ("last_year_percent", text(row.last_year_percent)),
            ("cumulative_value", text(row.cumulative_value)),
            ("valid_days", row.valid_days.to_string()),
        ];
        let subject = format!("{}/{}", ranking.parameter, row.township_code);
        add(figures, &subject, &fields);
    }
}

fn of_district(district: &DistrictFigure, figures: &mut Figures) {
    let fields = [
        ("value", text(district.value)),
        ("previous_value", text(district.previous_value)),
        ("change_percent", text(district.change_percent)),
        ("last_year_value", text(district.last_year_value)),
        ("last_year_percent", text(district.last_year_percent)),
        ("cumulative_value", text(district.cumulative_value)),
        ("good_days", text(district.good_days)),
        ("valid_days", district.valid_days.to_string()),
    ];
    add(figures, &format!("{}/{DISTRICT}", district.parameter), &fields);
}

fn of_stations(parameter: &str, stations: &[CompletenessRow], figures: &mut Figures) {
    for station in stations {
        let fields = [
            ("expected_hours", station.expected_hours.to_string()),
            ("valid_hours", station.valid_hours.to_string()),
        ];
        // A station that moved within the week has a line a place.
        let subject = format!("{parameter}/{}@{}", station.device, station.township_code);
        add(figures, &subject, &fields);
    }
}

fn of_reports(reports: &Reports, figures: &mut Figures) {
    for list in reports.lists.iter().flatten() {
        let subject = format!("city_bulletin/{}-{}", list.period, list.parameter);
        add(
            figures,
            &subject,
            &[("listed", list.violations.len().to_string())],
        );
        for hit in &list.violations {
            let fields = [
                ("rank_from_worst", hit.rank_from_worst.to_string()),
                ("listed_value", text(hit.value)),
            ];
            add(figures, &format!("{subject}/{}", hit.township), &fields);
        }
    }
    for site in reports.alarms.iter().flatten() {
        let fields = [
            ("name", site.name.clone()),
            ("alarms", site.alarms.to_string()),
            ("severe", site.severe.to_string()),
            ("previous", site.previous.to_string()),
            ("minutes", site.minutes.to_string()),
        ];
        add(figures, &format!("alarms/{}", site.device), &fields);
    }
    for row in reports.enforcement.iter().flat_map(|report| &report.rows) {
        let counts = [
            ("inspections", row.inspections),
            ("cases", row.cases),
            ("penalty_yuan", row.penalty_yuan),
            ("closed", row.closed),
        ];
        for (measure, count) in counts {
            let fields = [
                ("current", count.current.to_string()),
                ("previous", count.previous.to_string()),
            ];
            add(figures, &format!("enforcement/{}/{measure}", row.unit), &fields);
        }
    }
}

fn of_month(month: &MonthInputs, figures: &mut Figures) {
    let report = &month.dustfall;
    let none = || wording::NONE.to_owned();
    for figure in std::iter::once(&report.district).chain(&report.townships) {
        let row = &figure.ranking;
        let fields = [
            ("name", row.township.clone()),
            ("value", figure.text.clone().unwrap_or_else(none)),
            ("rank", text(row.rank)),
            ("change_percent", text(row.change_percent)),
            ("last_year_percent", text(row.last_year_percent)),
            ("cumulative_value", text(row.cumulative_value)),
            ("points", row.stations.to_string()),
        ];
        let whose = match std::ptr::eq(figure, &report.district) {
            true => DISTRICT,
            false => &row.township_code,
        };
        add(figures, &format!("dustfall/{whose}"), &fields);
    }
    for year in &month.years {
        let fields = [
            ("year_value", text(year.value)),
            ("change_percent", text(year.change_percent)),
            ("allowed_mean", text(year.allowed_mean)),
        ];
        add(figures, &format!("years/{}", year.year), &fields);
    }
    for row in &month.supervision.rows {
        let months: Vec<&str> = row.months.iter().map(|month| month.month.as_str()).collect();
        let fields = [
            ("outcome", row.outcome.as_str().to_owned()),
            ("rules", row.rules.clone()),
            ("months", months.join(" ")),
        ];
        add(
            figures,
            &format!("supervision/{}/{}", row.parameter, row.township_code),
            &fields,
        );
    }
}

/// What changed since an issue: values and ranks by name, everything else by number.
fn correction(last: &Register, new: &Figures) -> Correction {
    let old = &last.figures;
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed: Vec<&String> = keys
        .into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .collect();
    let is_named = |field: &str| matches!(field, "value" | "rank");
    let mut subjects: Vec<&str> = Vec::new();
    let mut others = 0;
    for key in changed {
        match key.rsplit_once('/') {
            Some((subject, field)) if is_named(field) => subjects.push(subject),
            _ => others += 1,
        }
    }
    subjects.dedup();
    // The district stands before its townships.
    subjects.sort_by_key(|subject| {
        let (parameter, whose) = subject.split_once('/').unwrap_or((subject, ""));
        (parameter, whose != DISTRICT, whose)
    });
    let change = |subject: &&str| {
        let figure = |of: &Figures, field: &str| {
            let figure = of.get(&format!("{subject}/{field}"));
            figure.map_or_else(|| wording::NONE.to_owned(), Clone::clone)
        };
        let (parameter, whose) = subject.split_once('/').unwrap_or((subject, ""));
        let name = match whose {
            DISTRICT => "全区".to_owned(),
            _ if new.contains_key(&format!("{subject}/name")) => figure(new, "name"),
            _ => figure(old, "name"),
        };
        Change {
            parameter: parameter.to_owned(),
            name,
            value: (figure(old, "value"), figure(new, "value")),
            rank: (figure(old, "rank"), figure(new, "rank")),
        }
    };
    Correction {
        corrects: last.issued_on,
        changes: subjects.iter().map(change).collect(),
        others,
    }
}

impl Correction {
    fn to_json(&self) -> Value {
        let changes: Vec<Value> = self.changes.iter().map(Change::to_json).collect();
        json!({"corrects": self.corrects.to_string(), "changes": changes, "others": self.others})
    }

    fn from_json(value: &Value) -> Option<Self> {
        let changes = value["changes"].as_array()?.iter().map(Change::from_json);
        Some(Self {
            corrects: value["corrects"].as_str()?.parse().ok()?,
            changes: changes.collect::<Option<_>>()?,
            others: value["others"].as_u64().and_then(|n| u32::try_from(n).ok())?,
        })
    }
}

impl Change {
    fn to_json(&self) -> Value {
        let mut out = Map::new();
        for (key, text) in [
            ("parameter", &self.parameter),
            ("name", &self.name),
            ("old_value", &self.value.0),
            ("new_value", &self.value.1),
            ("old_rank", &self.rank.0),
            ("new_rank", &self.rank.1),
        ] {
            out.insert(key.to_owned(), json!(text));
        }
        Value::Object(out)
    }

    fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        Some(Self {
            parameter: text("parameter")?,
            name: text("name")?,
            value: (text("old_value")?, text("new_value")?),
            rank: (text("old_rank")?, text("new_rank")?),
        })
    }
}
