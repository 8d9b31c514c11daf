//! Two hundred random small worlds: every figure equals a slow computation in exact fractions.
//!
//! Stations move, pause and stand at sites; hours are missing or flagged; observations come twice or are corrected,
//! townships tie on purpose, some have no station. The oracle shares no code with what it checks: it starts from what
//! was said, in fractions of whole numbers, by its own calendar and its own tables of the standards.
//!
//! Worlds of a batch are districts of one lake, so that a lake is filled and rolled up once for many; each world is then
//! asked as the district of its own settings. `DUSTWATCH_TEST_SEED` brings a batch back, `DUSTWATCH_TEST_WORLDS` sets
//! how many worlds there are.
#![allow(dead_code, clippy::unwrap_used)]

mod arithmetic;
#[path = "../../../tests/support/calendar.rs"]
mod calendar;
mod days;
mod figures;
#[path = "../../../tests/support/fraction.rs"]
mod fraction;
mod index;
mod invent;
mod lake;
#[path = "../../../tests/support/random.rs"]
mod random;
#[path = "../../../tests/support/span.rs"]
mod span;

use dustwatch_analytics::{
    AqiBy, AqiRequest, ComplianceRequest, Order, RankRequest, Scope, SourceChoice, Table, aqi_days,
    compliance, query, rank,
};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use days::Known;
use invent::{Batch, PARAMETERS, World};
use random::Random;

/// Worlds of a batch.
const BATCH: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_figure_of_two_hundred_worlds_is_exact() {
    let mut random = Random::printed();
    let worlds = std::env::var("DUSTWATCH_TEST_WORLDS")
        .ok()
        .and_then(|n| n.parse().ok());
    for number in 0..worlds.unwrap_or(200usize).div_ceil(BATCH) {
        let batch = Batch::invent(&mut random, number, BATCH);
        let known = Known::of(&batch);
        let (settings, lake, _folder) = lake::filled(&batch).await;
        tables(&settings, &lake, &known).await;
        for (number, world) in batch.worlds.iter().enumerate() {
            let mut settings = settings.clone();
            settings.district.code = dustwatch_observation::DistrictCode::new(&world.district).unwrap();
            settings.district.name = format!("{}区", world.district);
            ask_ranking(&settings, &lake, &known, world, &mut random).await;
            // Of the whole city, and so of every world.
            if number % 3 == 0 {
                ask_compliance(&settings, &lake, &known, world, &mut random).await;
            }
            if number % 2 == 0 {
                ask_aqi(&settings, &lake, &known, world, &mut random).await;
            }
        }
    }
}

/// Hours and days, of all worlds of a batch at once.
async fn tables(settings: &Settings, lake: &Lake, known: &Known<'_>) {
    for (what, order, expected, rough) in [
        (
            "device, hour, parameter, mean, min, max, n, expected, valid FROM hourly",
            "1, 2, 3",
            known.hourly(),
            3..6,
        ),
        (
            "device, day, parameter, mean, hours, valid, township, kind, day_min_hours FROM daily",
            "1, 2, 3",
            known.daily(),
            3..4,
        ),
        (
            "township, day, parameter, mean, stations, day_min_hours FROM township_daily",
            "1, 2, 3",
            known.township_daily(),
            3..4,
        ),
        (
            "district, day, parameter, mean, townships, townships_standing, valid, day_min_hours FROM district_daily",
            "1, 2, 3",
            known.district_daily(),
            3..4,
        ),
        (
            "level, code, day, parameter, mean, day_min_hours FROM area_daily",
            "1, 2, 3, 4",
            known.area_daily(),
            4..5,
        ),
        (
            "device, day, parameter, normal, over_range, invalid FROM flags_daily",
            "1, 2, 3",
            known.flags_daily(),
            0..0,
        ),
        (
            "level, code, day, iaqi_pm25, iaqi_pm10, aqi, class, primary_pollutant FROM aqi_daily",
            "1, 2, 3",
            known.aqi_daily(),
            0..0,
        ),
    ] {
        let text = format!("SELECT {what} ORDER BY {order}");
        let answer = query(lake, settings, &text).await.unwrap();
        compare(
            &text,
            &cells(&Table::from_result(&answer).unwrap()),
            &expected,
            rough,
        );
    }
}

/// A ranking of a world, or of the city, over a random period.
async fn ask_ranking(
    settings: &Settings,
    lake: &Lake,
    known: &Known<'_>,
    world: &World,
    random: &mut Random,
) {
    let source = match random.between(0, 10) {
        0 => SourceChoice::Raw,
        _ => SourceChoice::Rollup,
    };
    let parameter = random.between(0, 3) as usize;
    let period = known.batch.period(random);
    let city = random.chance(20);
    let worst = random.chance(30);
    let request = RankRequest {
        scope: if city { Scope::City } else { Scope::District },
        order: if worst { Order::Worst } else { Order::Best },
        source,
        ..RankRequest::new(PARAMETERS[parameter], period.parse().unwrap())
    };
    let ranking = rank(lake, settings, &request).await.unwrap();
    let expected = known.ranking(world, parameter, &period, city, worst);
    let what = format!(
        "ranking of {} {} {period} {request:?}",
        world.district, PARAMETERS[parameter]
    );
    compare(&what, &cells(&Table::from_ranking(&ranking)), &expected, 5..6);
}

/// Compliance of all worlds over a random period, as the city of one of them.
async fn ask_compliance(
    settings: &Settings,
    lake: &Lake,
    known: &Known<'_>,
    world: &World,
    random: &mut Random,
) {
    let period = known.batch.period(random);
    let parameter = random.between(0, 3) as usize;
    let request = ComplianceRequest {
        scope: Scope::City,
        ..ComplianceRequest::new(PARAMETERS[parameter], period.parse().unwrap())
    };
    let statement = compliance(lake, settings, &request).await.unwrap();
    let expected = known.compliance(world, parameter, &period);
    let what = format!(
        "compliance of {} {} {period}",
        world.district, PARAMETERS[parameter]
    );
    compare(
        &what,
        &cells(&Table::from_result(&statement.rows).unwrap()),
        &expected,
        7..8,
    );
}

/// Days by class of a world over a random period.
async fn ask_aqi(settings: &Settings, lake: &Lake, known: &Known<'_>, world: &World, random: &mut Random) {
    let period = known.batch.period(random);
    let by_township = random.chance(50);
    let request = AqiRequest {
        by: if by_township {
            AqiBy::Township
        } else {
            AqiBy::District
        },
        ..AqiRequest::new(period.parse().unwrap())
    };
    let statement = aqi_days(lake, settings, &request).await.unwrap();
    let expected = known.aqi_days(world, &period, by_township);
    let what = format!("days by class of {} {period}", world.district);
    compare(
        &what,
        &cells(&Table::from_result(&statement.rows).unwrap()),
        &expected,
        0..0,
    );
}

fn cells(table: &Table) -> Vec<Vec<String>> {
    let row = |row: &Vec<dustwatch_analytics::Cell>| row.iter().map(|cell| cell.text().to_owned()).collect();
    table.rows.iter().map(row).collect()
}

/// Compares row by row: all cells as text, those of the columns `rough`, which are not rounded, as numbers.
#[track_caller]
fn compare(what: &str, answer: &[Vec<String>], expected: &[Vec<String>], rough: std::ops::Range<usize>) {
    for (at, (row, wanted)) in answer.iter().zip(expected).enumerate() {
        let same = row.len() == wanted.len()
            && row
                .iter()
                .zip(wanted)
                .enumerate()
                .all(|(column, (cell, wanted))| {
                    cell == wanted
                        || (rough.contains(&column)
                            && match (cell.parse::<f64>(), wanted.parse::<f64>()) {
                                (Ok(cell), Ok(wanted)) => (cell - wanted).abs() <= 2e-9,
                                _ => false,
                            })
                });
        assert!(same, "{what}: row {at}:\n  answer {row:?}\n  oracle {wanted:?}");
    }
    assert_eq!(answer.len(), expected.len(), "{what}: rows");
}
