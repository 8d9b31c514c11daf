//! From the keys as they are written to the settings as they are used: defaults, ranges, words.
//!
//! Every complaint names the file and the key.

use std::path::{Path, PathBuf};

use chrono::Offset;
use chrono_tz::Tz;
use dustwatch_observation::DistrictCode;

use crate::raw::{RawJournal, RawLake, RawNotice, RawStandards};
use crate::{
    ConfigError, DistrictSettings, DueSettings, JournalSettings, LakeSettings, NoticeSettings,
    StandardSettings,
};

/// Where the settings come from: for messages, and for paths beside the file.
pub(crate) struct Origin<'a> {
    pub(crate) file: Option<&'a Path>,
}

impl Origin<'_> {
    pub(crate) fn error(&self, key: &str, message: String) -> ConfigError {
        let origin = self
            .file
            .map_or_else(|| "built-in settings".to_owned(), |f| f.display().to_string());
        ConfigError::Value {
            origin,
            key: key.to_owned(),
            message,
        }
    }

    pub(crate) fn beside(&self, path: &Path) -> PathBuf {
        match self.file.and_then(Path::parent) {
            Some(folder) => folder.join(path),
            None => path.to_path_buf(),
        }
    }

    pub(crate) fn district(
        &self,
        code: Option<String>,
        district: Option<String>,
        timezone: Option<String>,
    ) -> Result<DistrictSettings, ConfigError> {
        let code = code.unwrap_or_else(|| "110109".to_owned());
        let name = timezone.unwrap_or_else(|| "Asia/Shanghai".to_owned());
        let unknown = || {
            self.error(
                "district.timezone",
                format!("{name:?} is not a time zone like Asia/Shanghai"),
            )
        };
        let timezone: Tz = name.parse().map_err(|_| unknown())?;
        if !has_whole_hours(timezone) {
            let message = format!("{name} is not whole hours from UTC, which hourly means need");
            return Err(self.error("district.timezone", message));
        }
        Ok(DistrictSettings {
            code: DistrictCode::new(&code).map_err(|e| self.error("district.code", e.to_string()))?,
            name: district.unwrap_or_else(|| "门头沟区".to_owned()),
            timezone,
        })
    }

    /// The meaning of a word out of a list; the first is the default.
    pub(crate) fn word<T: Copy>(
        &self,
        key: &str,
        word: Option<&str>,
        words: &[(&str, T)],
    ) -> Result<T, ConfigError> {
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

    pub(crate) fn journal(&self, raw: RawJournal) -> Result<JournalSettings, ConfigError> {
        let segment_bytes = raw.segment_bytes.unwrap_or(64 << 20);
        if segment_bytes < 1 << 20 {
            return Err(self.error("journal.segment_bytes", "must be at least 1048576".to_owned()));
        }
        let group_commit_ms = raw.group_commit_ms.unwrap_or(5);
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

    pub(crate) fn lake(&self, raw: RawLake) -> Result<LakeSettings, ConfigError> {
        let uri = match raw.uri {
            None => "data/lake".to_owned(),
            Some(uri) if uri.contains("://") => uri,
            Some(folder) => self.beside(Path::new(&folder)).display().to_string(),
        };
        let commit_interval_seconds = raw.commit_interval_seconds.unwrap_or(10);
        if !(1..=3600).contains(&commit_interval_seconds) {
            return Err(self.error("lake.commit_interval_seconds", "must be 1 to 3600".to_owned()));
        }
        let commit_rows = raw.commit_rows.unwrap_or(131_072);
        if !(1000..=10_000_000).contains(&commit_rows) {
            return Err(self.error("lake.commit_rows", "must be 1000 to 10000000".to_owned()));
        }
        let keep_versions_days = raw.keep_versions_days.unwrap_or(3);
        if !(1..=365).contains(&keep_versions_days) {
            return Err(self.error("lake.keep_versions_days", "must be 1 to 365".to_owned()));
        }
        let open_day_files = raw.open_day_files.unwrap_or(60);
        if !(2..=10_000).contains(&open_day_files) {
            return Err(self.error("lake.open_day_files", "must be 2 to 10000".to_owned()));
        }
        Ok(LakeSettings {
            uri,
            commit_interval_seconds,
            commit_rows,
            open_day_files,
            keep_versions_days,
            retain_days: raw.retain_days.unwrap_or(0),
            shutdown_seconds: raw.shutdown_seconds.unwrap_or(30),
        })
    }

    pub(crate) fn standards(&self, raw: &RawStandards) -> Result<StandardSettings, ConfigError> {
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
            tsp_month_min_days: in_range("tsp_month_min_days", raw.tsp_month_min_days.unwrap_or(5), 1, 31)?,
            tsp_year_min_days: in_range("tsp_year_min_days", raw.tsp_year_min_days.unwrap_or(60), 1, 366)?,
        })
    }
}

/// Whether a zone's clocks differ from UTC by whole hours, winter and summer of this century.
fn has_whole_hours(timezone: Tz) -> bool {
    let instants = [
        946_684_800i64,
        961_977_600,
        1_577_836_800,
        1_593_561_600,
        1_893_456_000,
        1_909_094_400,
    ];
    instants
        .into_iter()
        .filter_map(|seconds| chrono::DateTime::from_timestamp(seconds, 0))
        .all(|instant| instant.with_timezone(&timezone).offset().fix().local_minus_utc() % 3600 == 0)
}

pub(crate) fn notice(raw: RawNotice, origin: &Origin<'_>) -> Result<NoticeSettings, ConfigError> {
    Ok(NoticeSettings {
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
        template: raw.template.map(|file| origin.beside(&file)),
        due: raw.due.map(|due| DueSettings::resolve(due, origin)).transpose()?,
    })
}
