//! Made-up tables in the form of the real ones, with the cases that real weeks seldom have.
//!
//! Four ranked stations in three townships (one in another district), a township without any, and a construction site
//! that must not count. PM2.5 of 2016-W09 and W10 is set so that means end in exactly .5 and townships tie; in W11 one
//! township has too few days; in W12 a station has a single day, so that the order of averaging shows.

use super::calendar::{Day, days, iso_week};
use super::random::Random;
use super::world::Place;

const HEADER: &str = "\"No\",\"year\",\"month\",\"day\",\"hour\",\"PM2.5\",\"PM10\",\"TEMP\",\"PRES\",\"WSPM\",\"station\"\r\n";
const MISSING: &str = "NA";

/// A ranked station of the district.
pub(crate) const A1: &str = "110109-A-1";
const A2: &str = "110109-A-2";
const B1: &str = "110109-B-1";
const SITE: &str = "110109-A-SITE";
/// The station of the other district.
pub(crate) const D1: &str = "110102-D-1";

pub(crate) fn place() -> Place {
    Place::new("110109")
        .township("110109001", "甲街道")
        .township("110109002", "乙镇")
        .township("110109003", "无站镇")
        .township("110102001", "丁街道")
        .station(A1, "township", "110109001", "1h")
        .station(A2, "township", "110109001", "1h")
        .station(B1, "township", "110109002", "1h")
        .station(SITE, "site", "110109001", "1h")
        .station(D1, "township", "110102001", "1h")
}

/// A table a station: (station, text).
pub(crate) fn tables(random: &mut Random) -> Vec<(&'static str, String)> {
    [A1, A2, B1, SITE, D1]
        .map(|station| (station, table(station, random)))
        .into()
}

fn table(station: &str, random: &mut Random) -> String {
    let mut text = HEADER.to_owned();
    let mut number = 0;
    let year_before = days(Day::of(2015, 2, 9), Day::of(2015, 4, 5));
    for day in year_before.chain(days(Day::of(2016, 1, 1), Day::of(2016, 4, 5))) {
        let level = random.between(15, 180);
        let outage = if random.chance(12) {
            random.between(3, 9)
        } else {
            0
        };
        for hour in 0..24 {
            number += 1;
            let free = if hour < outage || random.chance(3) {
                MISSING.to_owned()
            } else {
                reading(level, random)
            };
            let pm25 = set(station, day, hour).unwrap_or(free);
            let pm10 = if random.chance(3) {
                MISSING.to_owned()
            } else {
                reading(level + 20, random)
            };
            let (year, month, day) = day.civil();
            text += &format!(
                "{number},{year},{month},{day},{hour},{pm25},{pm10},-0.5,1024.5,{}.{},\"{station}\"\r\n",
                random.between(0, 9),
                random.between(0, 10)
            );
        }
    }
    text
}

/// A value around a level; one in eight has a decimal.
fn reading(level: u64, random: &mut Random) -> String {
    let value = level + random.between(0, 40);
    match random.between(0, 8) {
        0 => format!("{value}.{}", random.between(1, 10)),
        _ => value.to_string(),
    }
}

/// PM2.5 where it is set and not random.
fn set(station: &str, day: Day, hour: u64) -> Option<String> {
    if station == SITE {
        return Some("900".to_owned());
    }
    let week = |number| iso_week(2016, number).map_or(0, |monday| day.0 - monday.0);
    let text = |value: i64| Some(value.to_string());
    match (station, week(9), week(10), week(11), week(12)) {
        // Six valid days alternate, the seventh has 18 hours: 49.5, published 50; then 48.5, published 48.
        (A1 | A2, at @ 0..=5, ..) => text(49 + at % 2),
        (A1 | A2, _, at @ 0..=5, ..) => text(48 + at % 2),
        (A1 | A2, 6, ..) | (A1 | A2, _, 6, ..) => {
            if hour < 6 {
                Some(MISSING.to_owned())
            } else {
                text(300)
            }
        }
        (B1, 0..=6, ..) => text(51),
        (B1, _, 0..=6, ..) => text(48),
        (B1, _, _, 4..=6, _) => Some(MISSING.to_owned()),
        (A2, _, _, _, 1..=6) => Some(MISSING.to_owned()),
        _ => None,
    }
}

/// A1's first day of 2016-W10 again, with 148 instead of 48 in each hour.
pub(crate) fn corrections() -> String {
    let mut text = HEADER.to_owned();
    for hour in 0..24 {
        text += &format!("{hour},2016,3,7,{hour},148,{MISSING},1,1000,1,\"{A1}\"\r\n");
    }
    text
}
