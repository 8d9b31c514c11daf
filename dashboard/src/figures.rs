//! Questions and their answers, kept as long as the tables stand still.
//!
//! Invariant: an answer is given again only while every table has the version that it was computed at.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{Datelike, NaiveDate};
use dustwatch_analytics::{
    AlarmFilter, HotspotRequest, Period, RankRequest, RejectedFilter, SourceChoice, Table, alarms_list,
    dustfall, hotspots, latest, rank, rejected_list, station_hours, supervision, township_days,
};
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind};
use dustwatch_observation::Clock;
use tokio::sync::{Mutex, OnceCell, watch};

use crate::error::{AskError, ServeError};

/// How long versions are believed before they are read again.
const FRESH: Duration = Duration::from_secs(1);
/// Answers that are kept at most; then all are forgotten.
const KEPT: usize = 500;
/// Alarms and rejections of a page at most.
pub(crate) const LIMIT: u32 = 500;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    /// What each monitor said last, on the base day or the day before.
    Latest,
    /// The townships, ranked.
    Ranking { parameter: String, period: Period },
    /// A township's daily means.
    TownshipDays {
        township: String,
        parameter: String,
        period: Period,
    },
    /// A monitor's hourly means.
    StationHours {
        device: String,
        parameter: String,
        period: Period,
    },
    /// Alarms of sites.
    Alarms { period: Period },
    /// Places that stand out.
    Hotspots { parameter: String, period: Period },
    /// Dustfall of months.
    Dustfall { period: Period },
    /// Who is called in.
    Supervision { month: Period },
    /// What could not be taken.
    Rejected { period: Period },
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) table: Table,
    /// The version of `observations` that it was made from, where it was.
    pub(crate) observations_version: Option<u64>,
}

/// The versions of the tables that answers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Versions([Option<u64>; 7]);

const TABLES: [TableKind; 7] = [
    TableKind::Observations,
    TableKind::Hourly,
    TableKind::Qc,
    TableKind::Alarms,
    TableKind::Dustfall,
    TableKind::Rejected,
    TableKind::Replays,
];

/// The tables, asked.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) settings: Settings,
    lake: Lake,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    versions: Versions,
    read_at: Option<Instant>,
    /// The newest local day that has observations.
    newest: Option<NaiveDate>,
    answers: HashMap<Question, Arc<OnceCell<Arc<Answer>>>>,
}

impl Figures {
    pub(crate) fn open(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, ServeError> {
        Ok(Self {
            lake: Lake::new(&settings)?,
            settings,
            clock,
            kept: Mutex::default(),
            changed: watch::Sender::new(0),
        })
    }

    /// The answer at the newest versions. Many who ask the same at once wait for one computation.
    pub(crate) async fn ask(&self, question: Question) -> Result<Arc<Answer>, AskError> {
        let mut kept = self.kept.lock().await;
        self.refresh(&mut kept).await?;
        let base = self.base(&kept);
        if kept.answers.len() >= KEPT && !kept.answers.contains_key(&question) {
            kept.answers.clear();
        }
        let cell = kept.answers.entry(question.clone()).or_default().clone();
        drop(kept);
        // Newer tables take the cell out of the list: then this answer is given to those who wait for it, and not kept.
        let answer = cell
            .get_or_try_init(async || self.compute(&question, base).await.map(Arc::new))
            .await;
        answer.cloned()
    }

    /// The local day that pages are about unless they say another: today, or the newest day that has observations.
    pub(crate) async fn day(&self) -> Result<NaiveDate, AskError> {
        let mut kept = self.kept.lock().await;
        self.refresh(&mut kept).await?;
        Ok(self.base(&kept))
    }

    fn base(&self, kept: &Kept) -> NaiveDate {
        let today = self.today();
        kept.newest.map_or(today, |newest| newest.min(today))
    }

    fn today(&self) -> NaiveDate {
        let now = self.clock.now().to_chrono();
        now.map_or(NaiveDate::default(), |now| {
            now.with_timezone(&self.settings.district.timezone).date_naive()
        })
    }

    /// Reads the versions anew, unless that was done just now, and forgets answers of older ones.
    async fn refresh(&self, kept: &mut Kept) -> Result<(), AskError> {
        if kept.read_at.is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(());
        }
        let mut versions = Versions::default();
        for (version, kind) in versions.0.iter_mut().zip(TABLES) {
            *version = self
                .lake
                .version(kind)
                .await
                .map_err(dustwatch_analytics::AnalyticsError::from)?;
        }
        if versions != kept.versions || kept.read_at.is_none() {
            kept.answers.clear();
            kept.newest = match versions.0[0] {
                Some(version) => {
                    let days = self
                        .lake
                        .days(version)
                        .await
                        .map_err(dustwatch_analytics::AnalyticsError::from)?;
                    days.last()
                        .map(|day| NaiveDate::default() + chrono::Duration::days((*day).into()))
                }
                None => None,
            };
            kept.versions = versions;
            self.changed.send_modify(|count| *count += 1);
        }
        kept.read_at = Some(Instant::now());
        Ok(())
    }

    /// Told whenever tables have changed; ends with the dashboard.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Looks for changes: whoever waits for them does not ask anything.
    pub(crate) async fn look(&self) {
        let mut kept = self.kept.lock().await;
        if let Err(error) = self.refresh(&mut kept).await {
            tracing::warn!(%error, "the tables cannot be looked at");
        }
    }

    /// Ends live connections: the largest count says that there is no more.
    pub(crate) fn close(&self) {
        self.changed.send_replace(u64::MAX);
    }

    async fn compute(&self, question: &Question, base: NaiveDate) -> Result<Answer, AskError> {
        let (lake, settings) = (&self.lake, &self.settings);
        let statement = match question {
            Question::Latest => latest(lake, settings, base.pred_opt().unwrap_or(base), base).await?,
            Question::Ranking { parameter, period } => {
                let ranking = rank(lake, settings, &RankRequest::new(parameter, *period)).await?;
                return Ok(Answer {
                    table: Table::from_ranking(&ranking),
                    observations_version: ranking.provenance.observations_version,
                });
            }
            Question::TownshipDays {
                township,
                parameter,
                period,
            } => {
                self.township(township)?;
                township_days(lake, settings, township, parameter, *period).await?
            }
            Question::StationHours {
                device,
                parameter,
                period,
            } => {
                self.station(device)?;
                station_hours(lake, settings, device, parameter, *period).await?
            }
            Question::Hotspots { parameter, period } => {
                let request = HotspotRequest {
                    parameter: parameter.clone(),
                    period: *period,
                    source: SourceChoice::Auto,
                    observations_version: None,
                };
                hotspots(lake, settings, &request).await?
            }
            other => return self.compute_plain(other).await,
        };
        Ok(Answer {
            table: Table::from_result(&statement.rows)?,
            observations_version: statement.provenance.observations_version,
        })
    }

    /// Questions that are not about versions of the observations alone.
    async fn compute_plain(&self, question: &Question) -> Result<Answer, AskError> {
        let (lake, settings) = (&self.lake, &self.settings);
        let mut observations_version = None;
        let table = match question {
            Question::Alarms { period } => {
                let filter = AlarmFilter {
                    period: Some(*period),
                    limit: LIMIT,
                    ..AlarmFilter::default()
                };
                Table::from_result(&alarms_list(lake, settings, &filter).await?)?
            }
            Question::Dustfall { period } => {
                Table::from_dustfall(&dustfall::report(lake, settings, *period, None).await?)
            }
            Question::Supervision { month } => {
                let list = supervision(lake, settings, *month, None).await?;
                observations_version = list.provenance.and_then(|made| made.observations_version);
                list.table()
            }
            Question::Rejected { period } => {
                let filter = RejectedFilter {
                    period: Some(*period),
                    limit: LIMIT,
                    ..RejectedFilter::default()
                };
                Table::from_result(&rejected_list(lake, settings, &filter).await?)?
            }
            _ => return Err(AskError::Failed),
        };
        Ok(Answer {
            table,
            observations_version,
        })
    }

    /// The name of a township of the district.
    pub(crate) fn township(&self, code: &str) -> Result<&str, AskError> {
        let found = self.settings.registry.township(code);
        found
            .map(|township| township.name.as_str())
            .ok_or_else(|| AskError::Unknown(format!("{code:?} is no township")))
    }

    /// A monitor's newest entry.
    pub(crate) fn station(&self, device: &str) -> Result<&dustwatch_config::Station, AskError> {
        let found = self.settings.registry.entries(device).last();
        found.ok_or_else(|| AskError::Unknown(format!("{device:?} is no monitor of stations.csv")))
    }
}

/// The last whole ISO week before a day ends.
pub(crate) fn last_week(day: NaiveDate) -> Period {
    let monday = day - chrono::Duration::days(i64::from(day.weekday().num_days_from_monday()) + 7);
    let week = monday.iso_week();
    Period::week(week.year(), week.week()).unwrap_or_else(|| Period::day(day))
}

/// So many days up to one.
pub(crate) fn days_before(day: NaiveDate, days: i64) -> Period {
    Period::range(day - chrono::Duration::days(days - 1), day).unwrap_or_else(|| Period::day(day))
}

/// The last whole calendar month before a day.
pub(crate) fn last_month(day: NaiveDate) -> Period {
    let last = day.with_day(1).and_then(|first| first.pred_opt()).unwrap_or(day);
    Period::month(last.year(), last.month()).unwrap_or_else(|| Period::day(day))
}
