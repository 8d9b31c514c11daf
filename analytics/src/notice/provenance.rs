//! What a notice was made from: enough to make it again.

use serde_json::{Value, json};

use crate::notice::{NoticeInputs, ReportVersions};
use crate::{Provenance, Source};

/// What a notice was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeProvenance {
    /// What sort of notice it is, `weekly` or `monthly`.
    pub kind: String,
    /// Code of the district.
    pub district: String,
    /// The period as the command writes it, `2019-W32`.
    pub period: String,
    /// Which revision it is, if it is one.
    pub revision: Option<u32>,
    /// The table versions, parameter by parameter.
    pub tables: Vec<TableVersions>,
    /// The versions of the tables of reports.
    pub reports: ReportVersions,
    /// The program and its version.
    pub program: String,
    /// Name of the settings file; `None` for the built-in district.
    pub settings_file: Option<String>,
}

/// The table versions that a parameter's figures were made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableVersions {
    /// Key of the parameter.
    pub parameter: String,
    /// The versions.
    pub versions: Provenance,
}

impl NoticeProvenance {
    /// That of a notice.
    pub(super) fn of(inputs: &NoticeInputs) -> Self {
        let tables = [&inputs.pm25, &inputs.tsp].map(|ranking| TableVersions {
            parameter: ranking.parameter.clone(),
            versions: ranking.provenance,
        });
        Self {
            kind: inputs.kind().as_str().to_owned(),
            district: inputs.settings.district.code.to_string(),
            period: inputs.period.to_string(),
            revision: inputs.revision,
            tables: tables.to_vec(),
            reports: inputs.reports.versions,
            program: inputs.program.clone(),
            settings_file: inputs.settings.file.clone(),
        }
    }

    /// The name of the notice's files without the extension, `weekly-2019-W32`.
    pub fn file_stem(&self) -> String {
        let name = format!("{}-{}", self.kind, self.period);
        match self.revision {
            Some(revision) => format!("{name}-r{revision}"),
            None => name,
        }
    }

    /// Reads what [`NoticeProvenance::to_json`] wrote; `None` when something is missing.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let tables = value["tables"].as_array()?.iter().map(TableVersions::from_json);
        Some(Self {
            kind: text("kind")?,
            district: text("district")?,
            period: text("period")?,
            revision: value["revision"].as_u64().and_then(|n| u32::try_from(n).ok()),
            tables: tables.collect::<Option<_>>()?,
            reports: ReportVersions::from_json(&value["reports"]),
            program: text("program")?,
            settings_file: text("settings_file"),
        })
    }

    /// As JSON, for programs.
    pub fn to_json(&self) -> Value {
        let tables: Vec<Value> = self.tables.iter().map(TableVersions::to_json).collect();
        json!({
            "kind": self.kind,
            "district": self.district,
            "period": self.period,
            "revision": self.revision,
            "tables": tables,
            "reports": self.reports.to_json(),
            "program": self.program,
            "settings_file": self.settings_file,
        })
    }

    /// In the reader's words, a sentence a line.
    pub fn sentences(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let same = self
            .tables
            .windows(2)
            .all(|pair| pair[0].versions == pair[1].versions);
        for table in self.tables.iter().take(if same { 1 } else { usize::MAX }) {
            let whose = if same {
                String::new()
            } else {
                format!("{}：", table.parameter)
            };
            lines.push(format!("{whose}{}", table.sentence()));
        }
        lines.extend(self.reports.sentence());
        let settings = match &self.settings_file {
            Some(file) => format!("配置文件{file}"),
            None => "采用内置配置".to_owned(),
        };
        let (period, program) = (&self.period, &self.program);
        lines.push(format!("统计周期{period}，生成程序{program}，{settings}。"));
        lines
    }
}

impl ReportVersions {
    /// Each table's name with its version.
    fn named(&self) -> [(&'static str, &'static str, Option<u64>); 4] {
        [
            ("city_bulletin", "市级通报表", self.city_bulletin),
            ("alarms", "报警表", self.alarms),
            ("enforcement", "执法检查表", self.enforcement),
            ("dustfall", "降尘监测表", self.dustfall),
        ]
    }

    fn to_json(self) -> Value {
        let named = self.named();
        Value::Object(
            named
                .iter()
                .map(|(table, _, version)| ((*table).to_owned(), json!(version)))
                .collect(),
        )
    }

    /// A register that is older than these reports names none.
    fn from_json(value: &Value) -> Self {
        Self {
            city_bulletin: value["city_bulletin"].as_u64(),
            alarms: value["alarms"].as_u64(),
            enforcement: value["enforcement"].as_u64(),
            dustfall: value["dustfall"].as_u64(),
        }
    }

    fn sentence(&self) -> Option<String> {
        let there = |(table, name, version): (&str, &str, Option<u64>)| {
            Some(format!("{name}{table}第{}版", version?))
        };
        let tables: Vec<String> = self.named().into_iter().filter_map(there).collect();
        (!tables.is_empty()).then(|| format!("{}。", tables.join("，")))
    }
}

impl TableVersions {
    fn from_json(value: &Value) -> Option<Self> {
        let source = [Source::Rollup, Source::Raw, Source::RollupAndRaw]
            .into_iter()
            .find(|source| Some(source.as_str()) == value["source"].as_str())?;
        Some(Self {
            parameter: value["parameter"].as_str()?.to_owned(),
            versions: Provenance {
                observations_version: value["observations_version"].as_u64(),
                hourly_version: value["hourly_version"].as_u64(),
                qc_version: value["qc_version"].as_u64(),
                source,
            },
        })
    }

    fn to_json(&self) -> Value {
        json!({
            "parameter": self.parameter,
            "observations_version": self.versions.observations_version,
            "hourly_version": self.versions.hourly_version,
            "qc_version": self.versions.qc_version,
            "source": self.versions.source.as_str(),
        })
    }

    fn sentence(&self) -> String {
        let observations = match self.versions.observations_version {
            Some(version) => format!("观测数据表observations第{version}版"),
            None => "观测数据表observations尚未建立".to_owned(),
        };
        let hourly = match self.versions.hourly_version {
            Some(version) => format!("，小时均值表hourly第{version}版"),
            None => String::new(),
        };
        let qc = match self.versions.qc_version {
            Some(version) => format!("，质控标记表qc_flags第{version}版"),
            None => String::new(),
        };
        format!("{observations}{hourly}{qc}（取数方式{}）。", self.versions.source)
    }
}
