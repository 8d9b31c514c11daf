//! The validated settings that every process is built from.
//!
//! Order: defaults, then `dustwatch.toml`, then the environment (the broker's password only, so that no secret has to
//! stand in a file). Paths in the file are relative to the file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono_tz::Tz;
use dustwatch_observation::{DistrictCode, ParameterSet};

use crate::error::{read, toml_error};
use crate::raw::{RawBroker, RawJournal, RawLake, RawNotice, RawSettings, RawStandards};
use crate::{ConfigError, Registry, builtin, parameters};

pub use crate::rules::RuleSettings;

/// Environment variable that overrides `[broker] password`.
const PASSWORD_VARIABLE: &str = "DUSTWATCH_BROKER_PASSWORD";

/// Everything that is decided before a process starts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file it was read from; `None` for the built-in district.
    pub file: Option<PathBuf>,
    /// `[district]`
    pub district: DistrictSettings,
    /// Stations and townships.
    pub registry: Arc<Registry>,
    /// Parameters, in table column order.
    pub parameters: Arc<ParameterSet>,
    /// `[broker]`
    pub broker: BrokerSettings,
    /// `[journal]`
    pub journal: JournalSettings,
    /// `[lake]`
    pub lake: LakeSettings,
    /// `[standards]`
    pub standards: StandardSettings,
    /// `[rules]`
    pub rules: RuleSettings,
    /// `[notice]`
    pub notice: NoticeSettings,
    /// `[serve]`: the address of the dashboard.
    pub serve_listen: String,
}

/// `[district]`: whose figures these are.
#[derive(Debug, Clone, PartialEq)]
pub struct DistrictSettings {
    /// Six-digit code, `110109`.
    pub code: DistrictCode,
    /// Name as printed.
    pub name: String,
    /// Time zone of days, weeks and months; whole hours from UTC.
    pub timezone: Tz,
}

/// When a message is acknowledged to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckAfter {
    /// When the journal has synced it.
    Journal,
    /// When the table has committed it.
    Lake,
}

/// What becomes of a device that the registry does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownDevice {
    /// To the table `rejected`, from where it can be replayed.
    Reject,
    /// Stored, never ranked.
    Keep,
}

/// `[broker]`: where messages come from and which of them are taken.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerSettings {
    /// `mqtt://HOST:PORT`
    pub url: String,
    /// Whether `up` starts the embedded broker at that address.
    pub embedded: bool,
    /// Client id of the ingester; a second one, with `-ack`, publishes.
    pub client_id: String,
    /// User name, if the broker asks for one.
    pub username: Option<String>,
    /// Password, never printed.
    pub password: Option<String>,
    /// When a message is acknowledged.
    pub ack_after: AckAfter,
    /// Largest payload taken, in bytes; a larger one is rejected.
    pub max_payload_bytes: u32,
    /// What becomes of unknown devices.
    pub unknown_device: UnknownDevice,
    /// How far a device's clock may run ahead, in seconds.
    pub future_tolerance_seconds: u32,
}

impl fmt::Debug for BrokerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerSettings")
            .field("url", &self.url)
            .field("embedded", &self.embedded)
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("ack_after", &self.ack_after)
            .finish_non_exhaustive()
    }
}

/// `[journal]`: the ingester's write-ahead log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalSettings {
    /// Its folder.
    pub dir: PathBuf,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Longest wait for company before a sync, in milliseconds; 0 syncs whatever is there at once.
    pub group_commit_ms: u64,
}

/// `[lake]`: the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeSettings {
    /// A folder (absolute or relative to the working directory once resolved) or a URI like `s3://bucket/prefix`.
    pub uri: String,
    /// Longest time between two commits, in seconds.
    pub commit_interval_seconds: u32,
    /// Rows that make a commit earlier.
    pub commit_rows: u32,
}

/// `[standards]`: when a mean is valid. Where the national standards are silent, the recommended defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandardSettings {
    /// Percent of the expected observations that make an hour valid (75).
    pub hour_min_percent: u8,
    /// Valid days that make a week valid (5).
    pub week_min_days: u16,
    /// Valid days that make a half-month valid (11).
    pub half_month_min_days: u16,
    /// Valid days that make a month valid (27; GB 3095 table 4).
    pub month_min_days: u16,
    /// Valid days that make a February valid (25; GB 3095 table 4).
    pub february_min_days: u16,
    /// Valid days that make a year valid (324; GB 3095 table 4).
    pub year_min_days: u16,
    /// Percent of the days that make any other range valid (75).
    pub range_min_percent: u8,
    /// Hours that make a TSP day valid in a statement of compliance (24; GB 3095 table 4).
    pub tsp_day_min_hours: u8,
}

/// `[notice]`: names and wording of official notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeSettings {
    /// Agency mark of the masthead.
    pub agency: String,
    /// Who signs.
    pub issuer: String,
    /// Prefix of document numbers.
    pub document_prefix: String,
    /// To whom it is addressed.
    pub recipients: Vec<String>,
    /// Who gets a copy.
    pub copies: Vec<String>,
    /// Who answers questions.
    pub contact: Option<String>,
}

impl Settings {
    /// The settings of a file, or of the built-in Mentougou district.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and the line or key at fault.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let password = std::env::var(PASSWORD_VARIABLE).ok();
        let Some(file) = file else {
            return Self::resolve(RawSettings::default(), None, password);
        };
        let text = read(file)?;
        let raw = toml::from_str(&text).map_err(|e| toml_error(file, &text, &e))?;
        Self::resolve(raw, Some(file), password)
    }

    fn resolve(raw: RawSettings, file: Option<&Path>, password: Option<String>) -> Result<Self, ConfigError> {
        let origin = Origin { file };
        let district = origin.district(raw.district.code, raw.district.name, raw.district.timezone)?;
        let part = |path: &Option<PathBuf>,
                    builtin: &'static str,
                    name: &str|
         -> Result<(PathBuf, String), ConfigError> {
            match path {
                Some(path) => {
                    let path = origin.beside(path);
                    let text = read(&path)?;
                    Ok((path, text))
                }
                None => Ok((PathBuf::from(format!("built-in {name}")), builtin.to_owned())),
            }
        };
        let townships = part(&raw.district.townships, builtin::TOWNSHIPS, "townships.csv")?;
        let stations = part(&raw.district.stations, builtin::STATIONS, "stations.csv")?;
        let parameters = part(&raw.district.parameters, builtin::PARAMETERS, "parameters.toml")?;
        let registry = Registry::parse((&townships.0, &townships.1), (&stations.0, &stations.1))?;
        Ok(Self {
            file: file.map(Path::to_path_buf),
            district,
            registry: Arc::new(registry),
            parameters: Arc::new(parameters::parse(&parameters.0, &parameters.1)?),
            broker: origin.broker(raw.broker, password)?,
            journal: origin.journal(raw.journal)?,
            lake: origin.lake(raw.lake)?,
            standards: origin.standards(&raw.standards)?,
            rules: RuleSettings::resolve(&raw.rules, &|key, message| {
                origin.error(&format!("rules.{key}"), message)
            })?,
            notice: notice(raw.notice),
            serve_listen: raw.serve.listen.unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
        })
    }
}

/// Where the settings come from: for messages, and for paths beside the file.
struct Origin<'a> {
    file: Option<&'a Path>,
}

impl Origin<'_> {
    fn error(&self, key: &str, message: String) -> ConfigError {
        let origin = self
            .file
            .map_or_else(|| "built-in settings".to_owned(), |f| f.display().to_string());
        ConfigError::Value {
            origin,
            key: key.to_owned(),
            message,
        }
    }

    fn beside(&self, path: &Path) -> PathBuf {
        match self.file.and_then(Path::parent) {
            Some(folder) => folder.join(path),
            None => path.to_path_buf(),
        }
    }

    fn district(
        &self,
        code: Option<String>,
        name: Option<String>,
        timezone: Option<String>,
    ) -> Result<DistrictSettings, ConfigError> {
        let code = code.unwrap_or_else(|| "110109".to_owned());
        let timezone = timezone.unwrap_or_else(|| "Asia/Shanghai".to_owned());
        Ok(DistrictSettings {
            code: DistrictCode::new(&code).map_err(|e| self.error("district.code", e.to_string()))?,
            name: name.unwrap_or_else(|| "门头沟区".to_owned()),
            timezone: timezone.parse().map_err(|_| {
                self.error(
                    "district.timezone",
                    format!("{timezone:?} is not a time zone like Asia/Shanghai"),
                )
            })?,
        })
    }

    fn broker(&self, raw: RawBroker, password: Option<String>) -> Result<BrokerSettings, ConfigError> {
        let url = raw.url.unwrap_or_else(|| "mqtt://127.0.0.1:1883".to_owned());
        if !url.starts_with("mqtt://") {
            return Err(self.error(
                "broker.url",
                format!("{url:?} does not have the form mqtt://HOST:PORT"),
            ));
        }
        let client_id = raw.client_id.unwrap_or_else(|| "dustwatch-ingest".to_owned());
        if client_id.is_empty() || client_id.contains(['+', '#', '/', '$']) {
            return Err(self.error(
                "broker.client_id",
                "must not be empty and must not have + # / $".to_owned(),
            ));
        }
        let max_payload_bytes = raw.max_payload_bytes.unwrap_or(1 << 20);
        if !(1024..=16 << 20).contains(&max_payload_bytes) {
            return Err(self.error("broker.max_payload_bytes", "must be 1024 to 16777216".to_owned()));
        }
        Ok(BrokerSettings {
            url,
            embedded: raw.embedded.unwrap_or(false),
            client_id,
            username: raw.username,
            password: password.or(raw.password),
            ack_after: self.word(
                "broker.ack_after",
                raw.ack_after.as_deref(),
                &[("journal", AckAfter::Journal), ("lake", AckAfter::Lake)],
            )?,
            max_payload_bytes,
            unknown_device: self.word(
                "broker.unknown_device",
                raw.unknown_device.as_deref(),
                &[("reject", UnknownDevice::Reject), ("keep", UnknownDevice::Keep)],
            )?,
            future_tolerance_seconds: raw.future_tolerance_seconds.unwrap_or(600),
        })
    }

    /// The meaning of a word out of a list; the first is the default.
    fn word<T: Copy>(&self, key: &str, word: Option<&str>, words: &[(&str, T)]) -> Result<T, ConfigError> {
        let Some(word) = word else { return Ok(words[0].1) };
        words
            .iter()
            .find(|(w, _)| *w == word)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let known: Vec<&str> = words.iter().map(|(w, _)| *w).collect();
                self.error(key, format!("{word:?} is none of {}", known.join(", ")))
            })
    }

    fn journal(&self, raw: RawJournal) -> Result<JournalSettings, ConfigError> {
        let segment_bytes = raw.segment_bytes.unwrap_or(64 << 20);
        if segment_bytes < 1 << 20 {
            return Err(self.error("journal.segment_bytes", "must be at least 1048576".to_owned()));
        }
        let group_commit_ms = raw.group_commit_ms.unwrap_or(0);
        if group_commit_ms > 1000 {
            return Err(self.error("journal.group_commit_ms", "must be at most 1000".to_owned()));
        }
        Ok(JournalSettings {
            dir: raw
                .dir
                .map_or_else(|| PathBuf::from("data/journal"), |dir| self.beside(&dir)),
            segment_bytes,
            group_commit_ms,
        })
    }

    fn lake(&self, raw: RawLake) -> Result<LakeSettings, ConfigError> {
        let uri = match raw.uri {
            None => "data/lake".to_owned(),
            Some(uri) if uri.contains("://") => uri,
            Some(folder) => self.beside(Path::new(&folder)).display().to_string(),
        };
        let commit_interval_seconds = raw.commit_interval_seconds.unwrap_or(10);
        if !(1..=3600).contains(&commit_interval_seconds) {
            return Err(self.error("lake.commit_interval_seconds", "must be 1 to 3600".to_owned()));
        }
        let commit_rows = raw.commit_rows.unwrap_or(500_000);
        if !(1000..=10_000_000).contains(&commit_rows) {
            return Err(self.error("lake.commit_rows", "must be 1000 to 10000000".to_owned()));
        }
        Ok(LakeSettings {
            uri,
            commit_interval_seconds,
            commit_rows,
        })
    }

    fn standards(&self, raw: &RawStandards) -> Result<StandardSettings, ConfigError> {
        let in_range = |key: &str, value: u16, low: u16, high: u16| {
            if (low..=high).contains(&value) {
                Ok(value)
            } else {
                Err(self.error(&format!("standards.{key}"), format!("must be {low} to {high}")))
            }
        };
        let small =
            |key: &str, value: u8, high: u8| in_range(key, value.into(), 1, high.into()).map(|_| value);
        Ok(StandardSettings {
            hour_min_percent: small("hour_min_percent", raw.hour_min_percent.unwrap_or(75), 100)?,
            week_min_days: in_range("week_min_days", raw.week_min_days.unwrap_or(5), 1, 7)?,
            half_month_min_days: in_range(
                "half_month_min_days",
                raw.half_month_min_days.unwrap_or(11),
                1,
                16,
            )?,
            month_min_days: in_range("month_min_days", raw.month_min_days.unwrap_or(27), 1, 31)?,
            february_min_days: in_range("february_min_days", raw.february_min_days.unwrap_or(25), 1, 29)?,
            year_min_days: in_range("year_min_days", raw.year_min_days.unwrap_or(324), 1, 366)?,
            range_min_percent: small("range_min_percent", raw.range_min_percent.unwrap_or(75), 100)?,
            tsp_day_min_hours: small("tsp_day_min_hours", raw.tsp_day_min_hours.unwrap_or(24), 24)?,
        })
    }
}

fn notice(raw: RawNotice) -> NoticeSettings {
    NoticeSettings {
        agency: raw
            .agency
            .unwrap_or_else(|| "门头沟区大气污染防治工作领导小组办公室".to_owned()),
        issuer: raw
            .issuer
            .unwrap_or_else(|| "门头沟区大气污染防治工作领导小组办公室".to_owned()),
        document_prefix: raw.document_prefix.unwrap_or_else(|| "门大气办".to_owned()),
        recipients: raw
            .recipients
            .unwrap_or_else(|| vec!["各镇人民政府、各街道办事处".to_owned()]),
        copies: raw.copies.unwrap_or_default(),
        contact: raw.contact,
    }
}
