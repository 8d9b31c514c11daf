//! The SQL texts, and how values are put into them.
//!
//! A text names its values `$name`; [`bind`] writes them in as literals of the right type, quoted, so that the
//! planner sees constants and prunes files by them. `$$name` is a piece of SQL, a column's name for one, that only
//! this crate writes.

use std::fmt::Write as _;

use chrono::NaiveDate;
use dustwatch_observation::Decimal;

use crate::AnalyticsError;

pub(crate) const OBSERVATIONS: &str = include_str!("../sql/observations.sql");
pub(crate) const READINGS: &str = include_str!("../sql/readings.sql");
pub(crate) const HOURLY: &str = include_str!("../sql/hourly.sql");
pub(crate) const HOURLY_CURRENT: &str = include_str!("../sql/hourly_current.sql");
pub(crate) const DAILY: &str = include_str!("../sql/daily.sql");
pub(crate) const TOWNSHIP_DAILY: &str = include_str!("../sql/township_daily.sql");
pub(crate) const DISTRICT_DAILY: &str = include_str!("../sql/district_daily.sql");
pub(crate) const RANKING: &str = include_str!("../sql/ranking.sql");
pub(crate) const DISTRICT_PERIOD: &str = include_str!("../sql/district_period.sql");
pub(crate) const GOOD_DAYS: &str = include_str!("../sql/good_days.sql");
pub(crate) const AREA_DAILY: &str = include_str!("../sql/area_daily.sql");
pub(crate) const COMPLIANCE: &str = include_str!("../sql/compliance.sql");
pub(crate) const AQI_DAILY: &str = include_str!("../sql/aqi_daily.sql");
pub(crate) const AQI_DAYS: &str = include_str!("../sql/aqi_days.sql");
pub(crate) const FLAGS_DAILY: &str = include_str!("../sql/flags_daily.sql");
pub(crate) const COMPLETENESS: &str = include_str!("../sql/completeness.sql");
pub(crate) const COMPLETENESS_LEDGER: &str = include_str!("../sql/completeness_ledger.sql");
pub(crate) const COMPLETENESS_GAPS: &str = include_str!("../sql/completeness_gaps.sql");
pub(crate) const COMPLETENESS_SILENCES: &str = include_str!("../sql/completeness_silences.sql");
pub(crate) const COMPLETENESS_TOWNSHIPS: &str = include_str!("../sql/completeness_townships.sql");
pub(crate) const CORRECTED: &str = include_str!("../sql/corrected.sql");
pub(crate) const QC_EXCLUDED: &str = include_str!("../sql/qc_excluded.sql");
pub(crate) const QC_EXCLUDED_NONE: &str = include_str!("../sql/qc_excluded_none.sql");
pub(crate) const QC_HOURS: &str = include_str!("../sql/qc_hours.sql");
pub(crate) const QC_LIST: &str = include_str!("../sql/qc_list.sql");
pub(crate) const QC_OBSERVATIONS: &str = include_str!("../sql/qc_observations.sql");
pub(crate) const QC_PORTIONS: &str = include_str!("../sql/qc_portions.sql");
pub(crate) const QC_Q1: &str = include_str!("../sql/qc_q1_range.sql");
pub(crate) const QC_Q2: &str = include_str!("../sql/qc_q2_stuck.sql");
pub(crate) const QC_Q3: &str = include_str!("../sql/qc_q3_spike.sql");
pub(crate) const QC_Q4: &str = include_str!("../sql/qc_q4_size_order.sql");
pub(crate) const QC_Q5: &str = include_str!("../sql/qc_q5_tsp_derived.sql");
pub(crate) const QC_Q6: &str = include_str!("../sql/qc_q6_neighbours.sql");
pub(crate) const QC_Q7: &str = include_str!("../sql/qc_q7_clock.sql");
pub(crate) const QC_Q8: &str = include_str!("../sql/qc_q8_backfill.sql");
pub(crate) const QC_Q9: &str = include_str!("../sql/qc_q9_humidity.sql");
pub(crate) const QC_Q11: &str = include_str!("../sql/qc_q11_zeros.sql");
pub(crate) const QC_READINGS: &str = include_str!("../sql/qc_readings.sql");
pub(crate) const QC_ROWS: &str = include_str!("../sql/qc_rows.sql");
pub(crate) const QC_SORTED: &str = include_str!("../sql/qc_sorted.sql");
pub(crate) const QC_SUMMARY: &str = include_str!("../sql/qc_summary.sql");
pub(crate) const ALARM_READINGS: &str = include_str!("../sql/alarm_readings.sql");
pub(crate) const ALARM_WINDOWS: &str = include_str!("../sql/alarm_windows.sql");
pub(crate) const ALARM_EXCEEDANCES: &str = include_str!("../sql/alarm_exceedances.sql");
pub(crate) const ALARMS_MADE: &str = include_str!("../sql/alarms_made.sql");
pub(crate) const ALARMS_SORTED: &str = include_str!("../sql/alarms_sorted.sql");
pub(crate) const ALARMS: &str = include_str!("../sql/alarms.sql");
pub(crate) const ALARM_SITES: &str = include_str!("../sql/alarm_sites.sql");
pub(crate) const ALARMS_LIST: &str = include_str!("../sql/alarms_list.sql");
pub(crate) const ALARM_NEWS: &str = include_str!("../sql/alarm_news.sql");
pub(crate) const HOTSPOTS: &str = include_str!("../sql/hotspots.sql");
pub(crate) const LATEST: &str = include_str!("../sql/latest.sql");
pub(crate) const TOWNSHIP_DAYS: &str = include_str!("../sql/township_days.sql");
pub(crate) const STATION_HOURS: &str = include_str!("../sql/station_hours.sql");
pub(crate) const MONTHLY_VALUES: &str = include_str!("../sql/monthly_values.sql");
pub(crate) const STANDINGS: &str = include_str!("../sql/standings.sql");
pub(crate) const STREAKS: &str = include_str!("../sql/streaks.sql");
pub(crate) const TRIGGERS: &str = include_str!("../sql/triggers.sql");
pub(crate) const SUPERVISION: &str = include_str!("../sql/supervision.sql");
pub(crate) const SUPERVISION_MONTHS: &str = include_str!("../sql/supervision_months.sql");
pub(crate) const ANNUAL_PROGRESS: &str = include_str!("../sql/annual_progress.sql");
pub(crate) const DISTRICT_DAYS: &str = include_str!("../sql/district_days.sql");
pub(crate) const HANDED_IN: &str = include_str!("../sql/handed_in.sql");
pub(crate) const BULLETINS: &str = include_str!("../sql/bulletins.sql");
pub(crate) const BULLETIN_LIST: &str = include_str!("../sql/bulletin_list.sql");
pub(crate) const BULLETIN_R1: &str = include_str!("../sql/bulletin_r1.sql");
pub(crate) const BULLETIN_R1W: &str = include_str!("../sql/bulletin_r1w.sql");
pub(crate) const ENFORCEMENT_REPORT: &str = include_str!("../sql/enforcement_report.sql");
pub(crate) const LEDGER_REPORT: &str = include_str!("../sql/ledger_report.sql");
pub(crate) const DUSTFALL_DEPOSITION: &str = include_str!("../sql/dustfall_deposition.sql");
pub(crate) const DUSTFALL_POINT_MONTHS: &str = include_str!("../sql/dustfall_point_months.sql");
pub(crate) const DUSTFALL_MONTHLY: &str = include_str!("../sql/dustfall_monthly.sql");
pub(crate) const DUSTFALL_DISTRICT_MONTHLY: &str = include_str!("../sql/dustfall_district_monthly.sql");
pub(crate) const DUSTFALL_RANKING: &str = include_str!("../sql/dustfall_ranking.sql");
pub(crate) const DUSTFALL_VERDICTS: &str = include_str!("../sql/dustfall_verdicts.sql");
pub(crate) const DUSTFALL_REMARKS: &str = include_str!("../sql/dustfall_remarks.sql");
pub(crate) const REJECTED_LIST: &str = include_str!("../sql/rejected_list.sql");

/// A value that stands for a `$name`.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// A text, quoted when written.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// An exact number.
    Decimal(Decimal),
    /// A truth value.
    Bool(bool),
    /// A local day.
    Day(NaiveDate),
    /// A piece of SQL that this crate made; stands for a `$$name`.
    Sql(String),
}

/// The text with its values written in; comments are dropped.
///
/// # Errors
/// [`AnalyticsError::Defect`] when the text names a value that is not given.
pub(crate) fn bind(text: &str, values: &[(&str, Value)]) -> Result<String, AnalyticsError> {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.lines().filter(|line| !line.trim_start().starts_with("--")) {
        let mut rest = line;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = rest[at..].trim_start_matches('$');
            let piece = rest[at..].starts_with("$$");
            let end = after
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(after.len());
            let name = &after[..end];
            let value = values
                .iter()
                .find(|(n, v)| *n == name && matches!(v, Value::Sql(_)) == piece);
            let (_, value) = value
                .ok_or_else(|| AnalyticsError::Defect(format!("the query has no value for {name:?}")))?;
            write_literal(&mut out, value);
            rest = &after[end..];
        }
        out.push_str(rest);
        out.push('\n');
    }
    Ok(out)
}

fn write_literal(out: &mut String, value: &Value) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Text(text) => write!(out, "'{}'", text.replace('\'', "''")),
        Value::Integer(number) => write!(out, "CAST({number} AS BIGINT)"),
        Value::Decimal(number) => write!(out, "{number}"),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Day(day) => write!(out, "DATE '{}'", day.format("%Y-%m-%d")),
        Value::Sql(sql) => write!(out, "{sql}"),
    };
}

/// The type of a published figure: its places are kept when it is printed.
pub(crate) fn published_type(places: u8) -> Value {
    Value::Sql(format!("DECIMAL(18, {places})"))
}

/// Local days (days since 1970) as the list of an `IN`.
pub(crate) fn days(days: &[i32]) -> String {
    let date = |day: &i32| NaiveDate::default() + chrono::Duration::days((*day).into());
    let days: Vec<String> = days.iter().map(|day| format!("DATE '{}'", date(day))).collect();
    days.join(", ")
}

/// A column's name as SQL.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_become_literals_and_missing_ones_are_told() {
        let values = [
            ("a", Value::Text("it's".to_owned())),
            ("ab", Value::Integer(-3)),
            ("c", Value::Sql(identifier("tsp"))),
            ("d", Value::Day("2019-08-06".parse().unwrap())),
        ];
        let bound = bind(
            "-- $comment\nSELECT $a, $ab+1, $$c\n FROM x WHERE y = $d",
            &values,
        )
        .unwrap();
        assert_eq!(
            bound,
            "SELECT 'it''s', CAST(-3 AS BIGINT)+1, \"tsp\"\n FROM x WHERE y = DATE '2019-08-06'\n"
        );
        assert!(bind("SELECT $missing", &values).is_err());
        assert!(
            bind("SELECT $c", &values).is_err(),
            "a piece of SQL never stands for a value"
        );
    }
}
