//! Promise: real dustfall, of counties and of cities, is ranked as an independent computation ranks it and as it was
//! published.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use support::csv::Table;
use support::dustfall::{Months, counted, import, month, month_text, world};
use support::fraction::{Fraction, print};
use support::oracle::{compare, percent};
use support::world::{Place, World};

/// A real table, if it is here; where it is not, standard error says so.
fn table(name: &str) -> Option<Table> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/dustfall")
        .join(name);
    match std::fs::read_to_string(&file) {
        Ok(text) => Some(Table::parse(&text)),
        Err(_) => {
            eprintln!(
                "skipped: the real data of ../shared are not here ({})",
                file.display()
            );
            None
        }
    }
}

/// Each named unit a township with one point, and their codes.
fn units(names: &[&str], settings: &str) -> (World, Vec<(String, String)>) {
    let code = |at: usize| format!("990000{at:03}");
    let mut place = Place::new("990000");
    for (at, name) in names.iter().enumerate() {
        place = place.township(&code(at), name);
    }
    let codes: Vec<String> = (0..names.len()).map(code).collect();
    let points: Vec<(&str, &str, &str)> = names
        .iter()
        .zip(&codes)
        .map(|(name, code)| (*name, code.as_str(), ",,,"))
        .collect();
    let world = world(&place, &points, settings);
    let names = names.iter().map(|name| (*name).to_owned());
    (world, codes.into_iter().zip(names).collect())
}

#[track_caller]
fn rank(world: &World, period: &str) -> String {
    let question = [
        "rank",
        "--parameter",
        "dustfall",
        "--period",
        period,
        "--format",
        "csv",
    ];
    world.dustwatch(&question).ok()
}

/// 22 counties, 36 months, as measured by others: 0 stands for "not measured".
#[test]
fn counties_of_three_years_are_ranked_as_exact_fractions_rank_them() {
    let Some(table) = table("taiwan_tsp_dustfall_2017_2019.csv") else {
        return;
    };
    let (months, cities, values) = (table.column("ym"), table.column("city"), table.column("dustfall"));
    let names: Vec<&str> = cities.iter().copied().take(22).collect();
    let (world, units) = units(&names, "year_min_months = 12");
    let codes: BTreeMap<&str, &str> = units
        .iter()
        .map(|(code, name)| (name.as_str(), code.as_str()))
        .collect();
    let mut text = "site,month,value\n".to_owned();
    let mut expected = Months {
        year_min_months: 12,
        ..Months::default()
    };
    let mut missing = 0;
    for ((ym, city), value) in months.iter().zip(&cities).zip(&values) {
        let ym: i64 = ym.parse().unwrap();
        let at = month(ym / 100 + 1911, ym % 100);
        text += &format!("{city},{},{value}\n", month_text(at));
        let exact = Fraction::parse(value).unwrap();
        if exact == Fraction::ZERO {
            missing += 1;
            continue;
        }
        expected
            .means
            .insert((codes[city].to_owned(), at), (counted(exact), 1));
    }
    let (listed, said) = import(&world, "taiwan.csv", &text, &[]);
    assert_eq!(listed.rows.len(), missing);
    assert!(
        listed
            .rows
            .iter()
            .all(|row| row[2] == "flagged" && row[3] == "not_measured")
    );
    let counts = format!(
        "{} lines: {} new, 0 corrected, 0 unchanged, {missing} of them",
        values.len(),
        values.len()
    );
    assert!(said.contains(&counts), "{said}");
    for at in [
        month(2017, 1),
        month(2018, 2),
        month(2018, 12),
        month(2019, 7),
        month(2019, 12),
    ] {
        let period = month_text(at);
        compare(&period, &rank(&world, &period), &expected.ranking(&units, at, 1));
    }
    for year in 2017..=2019 {
        let printed = rank(&world, &year.to_string());
        compare(
            &year.to_string(),
            &printed,
            &expected.ranking(&units, month(year, 1), 12),
        );
    }
}

/// The ministry's list of November 2020: one decimal, equal values share a rank, changes from published values.
#[test]
fn a_published_list_of_cities_reproduces() {
    let Some(table) = table("mee_202011_2plus26_top14.csv") else {
        return;
    };
    let (cities, values) = (table.column("city"), table.column("mean_t_km2_month"));
    let changes = table.column("yoy_pct");
    let tenths = |text: &str| Fraction::parse(text).unwrap().round_half_even(1);
    let mut text = "site,month,value\n".to_owned();
    for ((city, value), change) in cities.iter().zip(&values).zip(&changes) {
        let fits = |base: &i128| percent(Some(tenths(value)), Some(*base)).as_deref() == Some(change);
        let bases: Vec<i128> = (1..400).filter(fits).collect();
        assert_eq!(bases.len(), 1, "{city}: one value of last year gives {change} %");
        text += &format!("{city},2019-11,{}\n{city},2020-11,{value}\n", print(bases[0], 1));
    }
    let (world, _) = units(&cities, "");
    import(&world, "mee.csv", &text, &[]);
    let printed = Table::parse(&rank(&world, "2020-11"));
    let of = |column: &str| -> BTreeMap<String, String> {
        let names = printed.column("township");
        let cells = printed.column(column).into_iter().map(str::to_owned);
        names.into_iter().map(str::to_owned).zip(cells).collect()
    };
    let published = |column: &str| -> BTreeMap<String, String> {
        let cells = table.column(column).into_iter().map(str::to_owned);
        cities.iter().map(|city| (*city).to_owned()).zip(cells).collect()
    };
    assert_eq!(of("value"), published("mean_t_km2_month"));
    assert_eq!(of("rank"), published("rank_low_first"));
    assert_eq!(of("last_year_percent"), published("yoy_pct"));
}
