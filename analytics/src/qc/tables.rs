//! Configuration of quality control as SQL tables: `qc_settings`, `qc_lists`, `calibrations`, `humidity_corrections`.
//!
//! Invariant: they say what the settings say, under the keys of `dustwatch.toml` and `calibration.toml`.

use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array};
use dustwatch_config::Settings;

use crate::AnalyticsError;
use crate::dimensions::{Columns, NamedTable, table, text};
use crate::period::day_number;

/// The tables with their names.
pub(crate) fn tables(settings: &Settings) -> Result<Vec<NamedTable>, AnalyticsError> {
    Ok(vec![
        ("qc_settings", table(thresholds(settings))?),
        ("qc_lists", table(lists(settings))?),
        ("calibrations", table(calibrations(settings))?),
        ("humidity_corrections", table(humidity_corrections(settings))?),
    ])
}

fn thresholds(settings: &Settings) -> Columns {
    let t = &settings.qc.thresholds;
    let whole = |value: u32| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::from(value)])) };
    let number = |value: f64| -> ArrayRef { Arc::new(Float64Array::from(vec![value])) };
    vec![
        ("plain_pressure_min", number(t.plain_pressure_min)),
        ("stuck_hourly_minutes", whole(t.stuck_hourly_minutes)),
        ("stuck_minutes", whole(t.stuck_minutes)),
        ("spike_mad_factor", whole(t.spike_mad_factor)),
        ("spike_min", whole(t.spike_min)),
        ("size_order_percent", whole(t.size_order_percent)),
        ("size_order_pm25", whole(t.size_order_pm25)),
        ("size_order_pm10", whole(t.size_order_pm10)),
        ("derived_residual_percent", number(t.derived_residual_percent)),
        ("neighbour_z", number(t.neighbour_z)),
        ("neighbour_hours", whole(t.neighbour_hours)),
        ("neighbour_min_deviation", number(t.neighbour_min_deviation)),
        ("clock_minutes", whole(t.clock_minutes)),
        ("backfill_hours", whole(t.backfill_hours)),
        ("humid_percent", number(t.humid_percent)),
        (
            "humid_is_suspect",
            Arc::new(BooleanArray::from(vec![t.humid_is_suspect])),
        ),
        ("zeros_min_parameters", whole(t.zeros_min_parameters)),
    ]
}

fn lists(settings: &Settings) -> Columns {
    let t = &settings.qc.thresholds;
    let lists = [
        ("mountain_township", &t.mountain_townships),
        ("stuck_exempt", &t.stuck_exempt),
        ("light_scattering_model", &t.light_scattering_models),
    ];
    let entries: Vec<(&str, &String)> = lists
        .into_iter()
        .flat_map(|(list, names)| names.iter().map(move |name| (list, name)))
        .collect();
    vec![
        ("list", text(entries.iter().map(|e| Some(e.0)))),
        ("name", text(entries.iter().map(|e| Some(e.1)))),
    ]
}

fn days(days: impl Iterator<Item = Option<NaiveDate>>) -> ArrayRef {
    Arc::new(days.map(|day| day.map(day_number)).collect::<Date32Array>())
}

fn numbers(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<Float64Array>())
}

fn calibrations(settings: &Settings) -> Columns {
    let list = || settings.qc.calibrations.lines.iter();
    vec![
        ("model", text(list().map(|c| Some(&c.model)))),
        ("parameter", text(list().map(|c| Some(&c.parameter)))),
        ("slope", numbers(list().map(|c| c.slope))),
        ("offset", numbers(list().map(|c| c.offset))),
        ("valid_from", days(list().map(|c| c.valid_from))),
        ("valid_to", days(list().map(|c| c.valid_to))),
    ]
}

fn humidity_corrections(settings: &Settings) -> Columns {
    let list = || settings.qc.calibrations.humidity.iter();
    vec![
        ("model", text(list().map(|c| Some(&c.model)))),
        ("parameter", text(list().map(|c| Some(&c.parameter)))),
        ("method", text(list().map(|c| Some(c.method.as_str())))),
        ("kappa", numbers(list().map(|c| c.kappa))),
        ("valid_from", days(list().map(|c| c.valid_from))),
        ("valid_to", days(list().map(|c| c.valid_to))),
    ]
}
