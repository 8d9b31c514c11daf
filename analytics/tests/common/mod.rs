//! A small world: townships and stations of one's choice, a real Delta lake in a temporary folder.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

pub mod qc;

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use dustwatch_analytics::{Period, QueryResult, RankRequest, Ranking, SourceChoice, Table};
use dustwatch_config::{Registry, Settings};
use dustwatch_lake::{Appender, Lake, LocalDays, ObservationRows, TableKind};
use dustwatch_observation::{Decimal, Flag, Observation, Parameter, ParameterSet, Time};

/// Instant at which rows are received unless a test says otherwise.
pub const RECEIVED: &str = "2019-12-31T00:00:00Z";

pub struct World {
    pub settings: Settings,
    pub lake: Lake,
    appender: Appender,
    position: u64,
    _folder: tempfile::TempDir,
}

/// One value of one device at one time.
#[derive(Clone)]
pub struct Row {
    pub device: String,
    pub time: Time,
    pub parameter: String,
    pub value: String,
    pub flag: Flag,
    pub received: Time,
    /// Epoch and number, if its device has them.
    pub number: Option<(&'static str, u64)>,
}

pub fn time(text: &str) -> Time {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc().into()
}

/// A row: `row("a", "2019-08-06T00:00:00+08:00", "pm25", "35.2")`.
pub fn row(device: &str, at: &str, parameter: &str, value: &str) -> Row {
    Row {
        device: device.to_owned(),
        time: time(at),
        parameter: parameter.to_owned(),
        value: value.to_owned(),
        flag: Flag::Normal,
        received: time(RECEIVED),
        number: None,
    }
}

/// One row for each of the first `hours` hours of a local day (+08:00).
pub fn hours(device: &str, day: &str, parameter: &str, value: &str, hours: u32) -> Vec<Row> {
    (0..hours)
        .map(|hour| row(device, &format!("{day}T{hour:02}:00:00+08:00"), parameter, value))
        .collect()
}

/// A whole day of hourly rows.
pub fn day(device: &str, day: &str, parameter: &str, value: &str) -> Vec<Row> {
    hours(device, day, parameter, value, 24)
}

/// Whole days of hourly rows, from one to another day.
pub fn days(device: &str, first: &str, last: &str, parameter: &str, value: &str) -> Vec<Row> {
    let (first, last): (NaiveDate, NaiveDate) = (first.parse().unwrap(), last.parse().unwrap());
    first
        .iter_days()
        .take_while(|d| *d <= last)
        .flat_map(|d| day(device, &d.to_string(), parameter, value))
        .collect()
}

impl World {
    /// A world of lines `code,name,district` and `device,kind,township,interval,valid_from,valid_to`.
    pub async fn new(townships: &[&str], stations: &[&str]) -> Self {
        Self::with(townships, stations, 0).await
    }

    /// A world whose parameters are published with some places.
    pub async fn with(townships: &[&str], stations: &[&str], published_decimals: u8) -> Self {
        let mut settings = Settings::load(None).unwrap();
        let townships = format!("code,name,district\n{}\n", townships.join("\n"));
        let named: Vec<String> = stations
            .iter()
            .map(|s| format!("{},{s}", s.split(',').next().unwrap()))
            .collect();
        let stations = format!(
            "name,device,kind,township,interval,valid_from,valid_to\n{}\n",
            named.join("\n")
        );
        let paths = (Path::new("townships.csv"), Path::new("stations.csv"));
        settings.registry = Arc::new(Registry::parse((paths.0, &townships), (paths.1, &stations)).unwrap());
        let parameters: Vec<Parameter> = settings
            .parameters
            .iter()
            .map(|(_, p)| Parameter {
                published_decimals,
                ..p.clone()
            })
            .filter(|p| ["tsp", "pm10", "pm25"].contains(&p.key.as_str()))
            .collect();
        settings.parameters = Arc::new(ParameterSet::new(parameters).unwrap());
        Self::of(settings).await
    }

    /// A world of these settings, in a folder of its own.
    pub async fn of(mut settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        settings.lake.uri = folder.path().display().to_string();
        let lake = Lake::new(&settings).unwrap();
        let appender = Appender::open(&lake, TableKind::Observations, "test")
            .await
            .unwrap();
        Self {
            settings,
            lake,
            appender,
            position: 0,
            _folder: folder,
        }
    }

    /// Commits rows, as they are: without the deduplication that ingest does.
    pub async fn append(&mut self, rows: impl IntoIterator<Item = Row>) {
        let parameters = self.settings.parameters.clone();
        let mut builder = ObservationRows::new(parameters.clone());
        let mut days = LocalDays::new(self.settings.district.timezone);
        let mut observation = Observation::new(parameters.len());
        for row in rows {
            observation.clear();
            observation.device.push_str(&row.device);
            observation.time = row.time;
            if let Some((epoch, seq)) = row.number {
                observation.epoch.push_str(epoch);
                observation.seq = Some(seq);
            }
            let reading = observation.reading_mut(parameters.find(&row.parameter).unwrap());
            reading.value = Some(Decimal::parse(row.value.as_bytes()).unwrap());
            reading.flag = row.flag;
            builder.append(&observation, row.received, days.day_of(row.time).unwrap());
        }
        self.position += 1;
        self.appender
            .append_rows(&builder.take(), self.position)
            .await
            .unwrap();
    }

    pub async fn roll_up(&self) -> dustwatch_analytics::RollupReport {
        dustwatch_analytics::roll_up(&self.lake, &self.settings, |_| {})
            .await
            .unwrap()
    }

    pub async fn rebuild(&self) -> dustwatch_analytics::RollupReport {
        dustwatch_analytics::rebuild(&self.lake, &self.settings, |_| {})
            .await
            .unwrap()
    }

    /// The ranking from the rollup, after bringing it up to date; the same from raw observations is checked.
    pub async fn rank(&self, parameter: &str, period: &str) -> Ranking {
        let request = RankRequest::new(parameter, period.parse::<Period>().unwrap());
        self.rank_by(&request).await
    }

    pub async fn rank_by(&self, request: &RankRequest) -> Ranking {
        self.roll_up().await;
        let ask = |source| RankRequest {
            source,
            ..request.clone()
        };
        let rolled = dustwatch_analytics::rank(&self.lake, &self.settings, &ask(SourceChoice::Rollup))
            .await
            .unwrap();
        let raw = dustwatch_analytics::rank(&self.lake, &self.settings, &ask(SourceChoice::Raw))
            .await
            .unwrap();
        assert_eq!(
            rolled.rows, raw.rows,
            "rollup and observations give the same answer"
        );
        rolled
    }

    pub async fn query(&self, sql: &str) -> QueryResult {
        dustwatch_analytics::query(&self.lake, &self.settings, sql)
            .await
            .unwrap()
    }

    /// The cells of a query as text, `|` between columns.
    pub async fn lines(&self, sql: &str) -> Vec<String> {
        let table = Table::from_result(&self.query(sql).await).unwrap();
        table
            .rows
            .iter()
            .map(|r| {
                r.iter()
                    .map(|c| c.text().to_owned())
                    .collect::<Vec<_>>()
                    .join("|")
            })
            .collect()
    }
}

/// The cells of a ranking as text: the named columns, `|` between them.
pub fn cells(ranking: &Ranking, columns: &[&str]) -> Vec<String> {
    let table = Table::from_ranking(ranking);
    let at: Vec<usize> = columns
        .iter()
        .map(|c| table.headers.iter().position(|h| h == c).unwrap())
        .collect();
    table
        .rows
        .iter()
        .map(|r| {
            at.iter()
                .map(|i| r[*i].text().to_owned())
                .collect::<Vec<_>>()
                .join("|")
        })
        .collect()
}
