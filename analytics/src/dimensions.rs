//! Configuration as SQL tables: `stations`, `townships`, `parameters`, `standards`, `dustfall_points`, those of quality
//! control, the standards' own, `limits` and `breakpoints`, and `column_comments`.
//!
//! Invariant: they say what the settings say; columns are those of the configuration files, empty cells null.

use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use dustwatch_config::{DustfallPoint, Settings, Station};
use dustwatch_observation::{Decimal, Rescaled};

use crate::compliance::compliance_hours;
use crate::period::day_number;
use crate::{AnalyticsError, alarms, qc};

/// A table under the name that SQL knows it by.
pub(crate) type NamedTable = (&'static str, Arc<dyn TableProvider>);

/// The tables with their names.
pub(crate) fn tables(settings: &Settings) -> Result<Vec<NamedTable>, AnalyticsError> {
    let mut tables = vec![
        ("stations", table(stations(settings))?),
        ("townships", table(townships(settings))?),
        ("parameters", table(parameters(settings))?),
        ("standards", table(standards(settings))?),
        ("dustfall_points", table(dustfall_points(settings)?)?),
        ("limits", table(standard_tables::limits(settings))?),
        ("breakpoints", table(standard_tables::breakpoints_by_edition())?),
        ("column_comments", table(comments::columns(settings)?)?),
    ];
    tables.extend(qc::tables(settings)?);
    tables.extend(alarms::tables(settings)?);
    Ok(tables)
}

mod comments;
mod standard_tables;

pub(crate) type Columns = Vec<(&'static str, ArrayRef)>;

/// Columns as a table in memory.
pub(crate) fn table(columns: Columns) -> Result<Arc<dyn TableProvider>, AnalyticsError> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )?;
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}

/// A column of texts.
pub(crate) fn text<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn stations(settings: &Settings) -> Columns {
    let list = settings.registry.stations();
    let day = |of: fn(&Station) -> Option<NaiveDate>| -> ArrayRef {
        Arc::new(
            list.iter()
                .map(|s| of(s).map(day_number))
                .collect::<Date32Array>(),
        )
    };
    vec![
        ("device", text(list.iter().map(|s| Some(s.device.as_str())))),
        ("name", text(list.iter().map(|s| Some(&s.name)))),
        ("kind", text(list.iter().map(|s| Some(s.kind.as_str())))),
        ("township", text(list.iter().map(|s| Some(&s.township)))),
        (
            "lat",
            Arc::new(list.iter().map(|s| s.lat).collect::<Float64Array>()),
        ),
        (
            "lon",
            Arc::new(list.iter().map(|s| s.lon).collect::<Float64Array>()),
        ),
        (
            "interval",
            text(list.iter().map(|s| Some(interval(s.interval_seconds)))),
        ),
        (
            "interval_seconds",
            Arc::new(
                list.iter()
                    .map(|s| Some(i64::from(s.interval_seconds)))
                    .collect::<Int64Array>(),
            ),
        ),
        ("model", text(list.iter().map(|s| s.model.as_ref()))),
        ("valid_from", day(|s| s.valid_from)),
        ("valid_to", day(|s| s.valid_to)),
    ]
}

/// An interval as `stations.csv` writes it.
fn interval(seconds: u32) -> String {
    match seconds {
        s if s.is_multiple_of(3600) => format!("{}h", s / 3600),
        s if s.is_multiple_of(60) => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

fn townships(settings: &Settings) -> Columns {
    let list = settings.registry.townships();
    let aliases = list
        .iter()
        .map(|t| (!t.aliases.is_empty()).then(|| t.aliases.join("|")));
    vec![
        ("code", text(list.iter().map(|t| Some(&t.code)))),
        ("name", text(list.iter().map(|t| Some(&t.name)))),
        ("district", text(list.iter().map(|t| Some(&t.district)))),
        ("aliases", text(aliases)),
        (
            "area_km2",
            Arc::new(list.iter().map(|t| t.area_km2).collect::<Float64Array>()),
        ),
        (
            "lat",
            Arc::new(list.iter().map(|t| t.lat).collect::<Float64Array>()),
        ),
        (
            "lon",
            Arc::new(list.iter().map(|t| t.lon).collect::<Float64Array>()),
        ),
        (
            "tile_x",
            Arc::new(list.iter().map(|t| t.tile_x).collect::<Int32Array>()),
        ),
        (
            "tile_y",
            Arc::new(list.iter().map(|t| t.tile_y).collect::<Int32Array>()),
        ),
        (
            "district_name",
            text(list.iter().map(|t| t.district_name.as_ref())),
        ),
    ]
}

fn parameters(settings: &Settings) -> Columns {
    let list: Vec<_> = settings.parameters.iter().map(|(_, p)| p).collect();
    let whole = |values: Vec<u8>| -> ArrayRef {
        Arc::new(
            values
                .into_iter()
                .map(|v| Some(i64::from(v)))
                .collect::<Int64Array>(),
        )
    };
    let bound = |values: Vec<Option<Decimal>>| -> ArrayRef {
        Arc::new(
            values
                .into_iter()
                .map(|v| v.map(Decimal::to_f64))
                .collect::<Float64Array>(),
        )
    };
    vec![
        ("key", text(list.iter().map(|p| Some(&p.key)))),
        ("name", text(list.iter().map(|p| Some(&p.name)))),
        ("name_en", text(list.iter().map(|p| Some(&p.name_en)))),
        ("unit", text(list.iter().map(|p| Some(&p.unit)))),
        ("decimals", whole(list.iter().map(|p| p.decimals).collect())),
        (
            "published_decimals",
            whole(list.iter().map(|p| p.published_decimals).collect()),
        ),
        (
            "day_min_hours",
            whole(list.iter().map(|p| p.day_min_hours).collect()),
        ),
        (
            "compliance_day_min_hours",
            whole(list.iter().map(|p| compliance_hours(settings, &p.key)).collect()),
        ),
        ("min", bound(list.iter().map(|p| p.min).collect())),
        ("max", bound(list.iter().map(|p| p.max).collect())),
    ]
}

fn standards(settings: &Settings) -> Columns {
    let s = &settings.standards;
    let one = |value: u16| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::from(value)])) };
    vec![
        ("hour_min_percent", one(s.hour_min_percent.into())),
        ("week_min_days", one(s.week_min_days)),
        ("half_month_min_days", one(s.half_month_min_days)),
        ("month_min_days", one(s.month_min_days)),
        ("february_min_days", one(s.february_min_days)),
        ("year_min_days", one(s.year_min_days)),
        ("range_min_percent", one(s.range_min_percent.into())),
        ("tsp_day_min_hours", one(s.tsp_day_min_hours.into())),
        ("tsp_month_min_days", one(s.tsp_month_min_days)),
        ("tsp_year_min_days", one(s.tsp_year_min_days)),
    ]
}

fn dustfall_points(settings: &Settings) -> Result<Columns, AnalyticsError> {
    let list = &settings.dustfall.points;
    let day = |of: fn(&DustfallPoint) -> Option<NaiveDate>| -> ArrayRef {
        Arc::new(
            list.iter()
                .map(|p| of(p).map(day_number))
                .collect::<Date32Array>(),
        )
    };
    let degrees = |of: fn(&DustfallPoint) -> Option<f64>| -> ArrayRef {
        Arc::new(list.iter().map(of).collect::<Float64Array>())
    };
    let exact = |of: fn(&DustfallPoint) -> Option<Decimal>, precision, scale| {
        decimals(list.iter().map(of), precision, scale)
    };
    Ok(vec![
        ("site", text(list.iter().map(|p| Some(&p.site)))),
        ("name", text(list.iter().map(|p| Some(&p.name)))),
        ("township", text(list.iter().map(|p| Some(&p.township)))),
        ("mn", text(list.iter().map(|p| p.mn.as_ref()))),
        ("diameter_cm", exact(|p| p.diameter_cm, 6, 2)?),
        ("area_cm2", exact(|p| p.area_cm2, 12, 6)?),
        ("exposure_days", exact(|p| p.exposure_days, 7, 1)?),
        ("lat", degrees(|p| p.lat)),
        ("lon", degrees(|p| p.lon)),
        ("valid_from", day(|p| p.valid_from)),
        ("valid_to", day(|p| p.valid_to)),
    ])
}

/// A column of exact numbers.
///
/// # Errors
/// [`AnalyticsError::Defect`] when one has more places than the column, or does not fit.
pub(crate) fn decimals(
    values: impl Iterator<Item = Option<Decimal>>,
    precision: u8,
    scale: u8,
) -> Result<ArrayRef, AnalyticsError> {
    let exact = |value: Option<Decimal>| match value.map(|v| v.rescale(scale)) {
        None => Ok(None),
        Some(Rescaled::Exact(number)) => Ok(Some(i128::from(number))),
        Some(_) => Err(AnalyticsError::Defect(format!(
            "a number does not fit a column of {scale} places"
        ))),
    };
    let numbers: Decimal128Array = values.map(exact).collect::<Result<_, _>>()?;
    // A scale is at most 18.
    let numbers = numbers.with_precision_and_scale(precision, scale as i8)?;
    numbers.validate_decimal_precision(precision)?;
    Ok(Arc::new(numbers))
}
