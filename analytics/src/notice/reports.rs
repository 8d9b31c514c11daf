//! What a weekly notice says beside concentrations: the city's lists, alarms of sites, enforcement.
//!
//! Invariant: each comes from one version of its table, which the notice prints; a table that nobody has made yet is
//! said to be missing, which is not the same as nothing having happened.

use chrono::{Days, NaiveDate};
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind, TableVersion};

use crate::alarms::{SiteAlarms, site_alarms};
use crate::city_bulletin::{CheckedBulletin, lists_within};
use crate::enforcement::enforcement_of;
use crate::{AnalyticsError, EnforcementBy, EnforcementReport, EnforcementRequest, Period};

/// How long after its last day a list of the city is still news: the next two half-months.
const LIST_DAYS: u64 = 45;

/// Versions of the tables that the reports were read from; `None` for one that there was not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportVersions {
    /// Of `city_bulletin`.
    pub city_bulletin: Option<u64>,
    /// Of `alarms`.
    pub alarms: Option<u64>,
    /// Of `enforcement`.
    pub enforcement: Option<u64>,
    /// Of `dustfall`, in a month's dispatch.
    pub dustfall: Option<u64>,
}

/// What was reported; `None` where there is no table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// For each parameter the city's newest list, when it is not too old.
    pub lists: Option<Vec<CheckedBulletin>>,
    /// Monitors with an alarm in the week or in the week before, most alarms first.
    pub alarms: Option<Vec<SiteAlarms>>,
    /// Counts by the plan's seven actions, with the week before.
    pub enforcement: Option<EnforcementReport>,
    /// What they were read from.
    pub versions: ReportVersions,
}

/// The reports of a week, from the newest versions or from named ones.
pub(super) async fn reports(
    lake: &Lake,
    settings: &Settings,
    week: Period,
    versions: Option<ReportVersions>,
) -> Result<Reports, AnalyticsError> {
    let mut reports = Reports::default();
    let lists = (TableKind::CityBulletin, versions.map(|v| v.city_bulletin));
    if let Some(table) = table(lake, lists).await? {
        reports.versions.city_bulletin = table.version;
        let span = Period::range(days_before(week.last(), LIST_DAYS), week.last());
        let found = match span {
            Some(span) => lists_within(settings, &table, span).await?,
            None => Vec::new(),
        };
        reports.lists = Some(newest(found));
    }
    let alarms = (TableKind::Alarms, versions.map(|v| v.alarms));
    if let Some(table) = table(lake, alarms).await? {
        reports.versions.alarms = table.version;
        reports.alarms = Some(site_alarms(settings, table, week).await?);
    }
    let enforcement = (TableKind::Enforcement, versions.map(|v| v.enforcement));
    if let Some(table) = table(lake, enforcement).await? {
        reports.versions.enforcement = table.version;
        let request = EnforcementRequest {
            period: week,
            by: EnforcementBy::Action,
        };
        reports.enforcement = Some(enforcement_of(settings, &table, &request).await?);
    }
    Ok(reports)
}

/// A table in its newest version, or in the one that a notice named; `None` when there is or was none.
async fn table(
    lake: &Lake,
    (kind, pinned): (TableKind, Option<Option<u64>>),
) -> Result<Option<TableVersion>, AnalyticsError> {
    let version = match pinned {
        Some(None) => return Ok(None),
        Some(version) => version,
        None => None,
    };
    let table = lake.read(kind, version).await?;
    Ok(table.version.is_some().then_some(table))
}

fn days_before(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN)
}

/// The last list of each parameter, in the order in which parameters come.
fn newest(lists: Vec<CheckedBulletin>) -> Vec<CheckedBulletin> {
    let mut newest: Vec<CheckedBulletin> = Vec::new();
    for list in lists {
        newest.retain(|other| other.parameter != list.parameter);
        newest.push(list);
    }
    newest.sort_by(|a, b| a.parameter.cmp(&b.parameter));
    newest
}
