//! The validated settings that every process is built from.
//!
//! Order: defaults, then `dustwatch.toml`, then the environment (the broker's password only, so that no secret has to
//! stand in a file). Paths in the file are relative to the file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono_tz::Tz;
use dustwatch_observation::{DistrictCode, ParameterSet};

use crate::error::{load_toml, read};
use crate::qc::Known;
use crate::raw::RawSettings;
use crate::resolve::{Origin, notice};
use crate::{
    AlarmSettings, ConfigError, DueSettings, DustfallSettings, FrameSettings, HotspotSettings, LedgerKind,
    QcSettings, Registry, Shard, TlsSettings, builtin, dustfall, ledgers, parameters,
};

pub use crate::rules::RuleSettings;

/// Environment variable with the broker's password; it overrides `[broker] password`.
pub const PASSWORD_VARIABLE: &str = "DUSTWATCH_BROKER_PASSWORD";

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
    /// The kinds of ledgers that can be handed in, by key.
    pub ledgers: Arc<Vec<LedgerKind>>,
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
    /// `[qc]`
    pub qc: QcSettings,
    /// `[alarm]`
    pub alarm: AlarmSettings,
    /// `[hotspots]`
    pub hotspots: HotspotSettings,
    /// `[hj212]`
    pub hj212: Arc<FrameSettings>,
    /// `[dustfall]`
    pub dustfall: DustfallSettings,
    /// `[notice]`
    pub notice: NoticeSettings,
    /// `[serve]`: the address of the dashboard.
    pub serve_listen: String,
    /// `[serve]`: the address of `/metrics`, `/live` and `/ready`; empty for none.
    pub metrics_listen: String,
    /// Whether that address was asked for, or is the default.
    pub metrics_listen_is_set: bool,
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

impl DistrictSettings {
    /// The distance of the time zone from UTC, in seconds, eastwards positive: of times that are written without one.
    ///
    /// A district's days have whole-hour offsets; zones that change theirs get the one of the middle of winter.
    pub fn offset_seconds(&self) -> i32 {
        use chrono::{Offset, TimeZone};
        let winter = chrono::DateTime::UNIX_EPOCH.naive_utc() + chrono::Duration::days(50 * 365);
        let offset = self.timezone.offset_from_utc_datetime(&winter);
        offset.fix().local_minus_utc()
    }
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
    /// `mqtt://HOST:PORT` or `mqtts://HOST:PORT`
    pub url: String,
    /// How to encrypt; present exactly when the url says `mqtts://`.
    pub tls: Option<TlsSettings>,
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
    /// Rejected messages of a device that are kept in an hour of UTC; the others are counted.
    pub rejects_per_device_per_hour: u32,
    /// Bytes of their payloads that are kept in an hour.
    pub reject_bytes_per_device_per_hour: u64,
    /// Group of the MQTT 5 shared subscription that this ingester is one of. `ack_after` is then `Lake`: what only the
    /// journal of one member has would be out of reach while that member is away.
    pub share: Option<String>,
    /// With `share`, how long the broker keeps messages for a member that is away, in seconds, before it ends its session.
    pub session_expiry_seconds: u32,
    /// The part of the devices that this ingester takes, where the broker has no shared subscriptions.
    pub shard: Option<Shard>,
}

/// What a command line says about the broker; it wins over the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokerOverrides {
    /// As `[broker] url`.
    pub url: Option<String>,
    /// As `[broker] share`.
    pub share: Option<String>,
    /// As `[broker] shard`.
    pub shard: Option<String>,
}

impl fmt::Debug for BrokerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerSettings")
            .field("url", &self.url)
            .field("tls", &self.tls)
            .field("share", &self.share)
            .field("shard", &self.shard)
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
    /// Shortest time from one sync to the next, in milliseconds: what comes faster waits for company.
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
    /// Files that the running day may have before they are made one; a day that is over has one.
    pub open_day_files: u32,
    /// Days for which earlier versions of the tables stay readable.
    pub keep_versions_days: u32,
    /// Days for which observations and rejections are kept; 0 keeps them for ever.
    pub retain_days: u32,
    /// Longest wait of a shutdown for the last commit, in seconds; what was received is in the journal then.
    pub shutdown_seconds: u32,
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
    /// Valid days that make a TSP month valid in a statement of compliance (5; GB 3095 table 4).
    pub tsp_month_min_days: u16,
    /// Valid days that make a TSP year valid in a statement of compliance (60; GB 3095 table 4).
    pub tsp_year_min_days: u16,
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
    /// Layout of PDF files, a Typst file; the built-in one without.
    pub template: Option<PathBuf>,
    /// Notices that are made by themselves; none without the section.
    pub due: Option<DueSettings>,
}

impl Settings {
    /// The settings of a file, or of the built-in Mentougou district.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and the line or key at fault.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_with(file, BrokerOverrides::default())
    }

    /// The settings of a file, or of the built-in Mentougou district, with what a command line says instead.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and the line or key at fault.
    pub fn load_with(file: Option<&Path>, overrides: BrokerOverrides) -> Result<Self, ConfigError> {
        let password = std::env::var(PASSWORD_VARIABLE).ok();
        let mut raw = match file {
            Some(file) => load_toml(file)?,
            None => RawSettings::default(),
        };
        raw.broker.url = overrides.url.or(raw.broker.url);
        raw.broker.share = overrides.share.or(raw.broker.share);
        raw.broker.shard = overrides.shard.or(raw.broker.shard);
        Self::resolve(raw, file, password)
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
        let parameters = parameters::parse(&parameters.0, &parameters.1)?;
        let known = Known {
            is_parameter: &|key| parameters.find(key).is_some(),
            is_township: &|code| registry.township(code).is_some(),
        };
        let qc = QcSettings::resolve(raw.qc, &origin, &known)?;
        let alarm = AlarmSettings::resolve(raw.alarm, &origin, known.is_parameter)?;
        // The built-in points stand in the built-in townships; another list of townships starts without points.
        let points = match (&raw.dustfall.points, &raw.district.townships) {
            (None, Some(_)) => Vec::new(),
            (path, _) => {
                let (file, text) = part(path, builtin::DUSTFALL_POINTS, "dustfall_points.csv")?;
                dustfall::points(&file, &text, &registry)?
            }
        };
        Ok(Self {
            file: file.map(Path::to_path_buf),
            district,
            registry: Arc::new(registry),
            parameters: Arc::new(parameters),
            qc,
            alarm,
            hotspots: HotspotSettings::resolve(&raw.hotspots, &origin)?,
            hj212: Arc::new(FrameSettings::resolve(raw.hj212, &origin)?),
            ledgers: Arc::new(ledgers::load(
                raw.district
                    .ledgers
                    .map(|folder| origin.beside(&folder))
                    .as_deref(),
            )?),
            broker: origin.broker(raw.broker, password)?,
            journal: origin.journal(raw.journal)?,
            lake: origin.lake(raw.lake)?,
            standards: origin.standards(&raw.standards)?,
            rules: RuleSettings::resolve(&raw.rules, &|key, message| {
                origin.error(&format!("rules.{key}"), message)
            })?,
            dustfall: DustfallSettings::resolve(raw.dustfall, points, &|key, message| {
                origin.error(&format!("dustfall.{key}"), message)
            })?,
            notice: notice(raw.notice, &origin)?,
            metrics_listen_is_set: raw.serve.metrics_listen.is_some(),
            metrics_listen: raw
                .serve
                .metrics_listen
                .unwrap_or_else(|| "127.0.0.1:9464".to_owned()),
            serve_listen: raw.serve.listen.unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
        })
    }
}
