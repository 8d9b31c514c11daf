//! The tables of the national standards: limits by edition (GB 3095) and breakpoints of the index (HJ 633).

use std::sync::Arc;

use datafusion::arrow::array::{Date32Array, Int64Array};
use dustwatch_config::Settings;
use dustwatch_config::standards::Edition;

use super::{Columns, text};
use crate::functions::{INDICES, breakpoints};
use crate::period::day_number;

/// `limits`: class 2 limits in µg/m³ of each parameter that has them, by edition.
pub(super) fn limits(settings: &Settings) -> Columns {
    let keys = settings.parameters.iter().map(|(_, p)| p.key.as_str());
    let rows: Vec<(&str, Edition, (u32, u32))> = keys
        .flat_map(|key| Edition::ALL.map(|edition| (key, edition, edition.class2_limits(key))))
        .filter_map(|(key, edition, limits)| Some((key, edition, limits?)))
        .collect();
    let first = rows
        .iter()
        .map(|(_, edition, _)| edition.first_day().map(day_number));
    let last = rows
        .iter()
        .map(|(_, edition, _)| edition.last_day().map(day_number));
    let annual = rows.iter().map(|(_, _, (annual, _))| Some(i64::from(*annual)));
    let daily = rows.iter().map(|(_, _, (_, daily))| Some(i64::from(*daily)));
    vec![
        ("parameter", text(rows.iter().map(|(key, ..)| Some(key)))),
        (
            "edition",
            text(rows.iter().map(|(_, edition, _)| Some(edition.name()))),
        ),
        ("valid_from", Arc::new(first.collect::<Date32Array>())),
        ("valid_to", Arc::new(last.collect::<Date32Array>())),
        ("annual_limit", Arc::new(annual.collect::<Int64Array>())),
        ("day_limit", Arc::new(daily.collect::<Int64Array>())),
    ]
}

/// `breakpoints`: the concentrations, 24-hour means in µg/m³, at which the index of a pollutant has certain values.
pub(super) fn breakpoints_by_edition() -> Columns {
    let editions = [(Edition::Y2012, "HJ 633-2012"), (Edition::Y2026, "HJ 633-2026")];
    let mut rows = Vec::new();
    for key in ["pm25", "pm10"] {
        for (edition, name) in editions {
            let points = breakpoints(key, edition).into_iter().flatten();
            rows.extend(
                INDICES
                    .into_iter()
                    .zip(points)
                    .map(|(index, point)| (key, name, index, point)),
            );
        }
    }
    vec![
        ("parameter", text(rows.iter().map(|(key, ..)| Some(key)))),
        ("edition", text(rows.iter().map(|(_, name, ..)| Some(name)))),
        (
            "iaqi",
            Arc::new(
                rows.iter()
                    .map(|(_, _, index, _)| Some(*index))
                    .collect::<Int64Array>(),
            ),
        ),
        (
            "concentration",
            Arc::new(
                rows.iter()
                    .map(|(.., point)| Some(*point))
                    .collect::<Int64Array>(),
            ),
        ),
    ]
}
