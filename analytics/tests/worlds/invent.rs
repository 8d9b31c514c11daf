//! Random worlds: townships, stations that move, and what they say.

use crate::calendar::{Day, iso_week_of};
use crate::random::Random;

/// In the order of the table's columns.
pub(crate) const PARAMETERS: [&str; 3] = ["tsp", "pm10", "pm25"];

/// A time zone by its name, with an offset computed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    Shanghai,
    Utc,
    Phoenix,
    /// Summer time from the last Sunday of March to that of October, both at 1:00 UTC.
    Berlin,
}

impl Zone {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Zone::Shanghai => "Asia/Shanghai",
            Zone::Utc => "UTC",
            Zone::Phoenix => "America/Phoenix",
            Zone::Berlin => "Europe/Berlin",
        }
    }

    /// The local day of an hour, both counted from 1970-01-01 UTC.
    pub(crate) fn day_of(self, utc_hour: i64) -> Day {
        let offset = match self {
            Zone::Shanghai => 8,
            Zone::Utc => 0,
            Zone::Phoenix => -7,
            Zone::Berlin => {
                let year = Day(utc_hour.div_euclid(24)).civil().0;
                let last_sunday = |month| {
                    let end = Day::of(year, month, 31);
                    end.plus(-((end.weekday() + 1) % 7)).0 * 24 + 1
                };
                if (last_sunday(3)..last_sunday(10)).contains(&utc_hour) {
                    2
                } else {
                    1
                }
            }
        };
        Day((utc_hour + offset).div_euclid(24))
    }
}

/// What the settings say, chosen at random.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) hour_min_percent: u8,
    pub(crate) day_min_hours: [u8; 3],
    pub(crate) tsp_day_min_hours: u8,
    pub(crate) week_min_days: u16,
    pub(crate) half_month_min_days: u16,
    pub(crate) month_min_days: u16,
    pub(crate) february_min_days: u16,
    pub(crate) year_min_days: u16,
    pub(crate) range_min_percent: u8,
    pub(crate) tsp_month_min_days: u16,
    pub(crate) tsp_year_min_days: u16,
    pub(crate) places: u32,
    pub(crate) last_n: u32,
    pub(crate) truncate_raw: bool,
    pub(crate) full: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Town {
    pub(crate) code: String,
    pub(crate) district: String,
}

/// A device at a place for some days.
#[derive(Debug, Clone)]
pub(crate) struct Stand {
    pub(crate) device: String,
    pub(crate) kind: &'static str,
    pub(crate) township: String,
    pub(crate) interval_minutes: i64,
    pub(crate) from: Option<Day>,
    pub(crate) to: Option<Day>,
}

/// One observation: tenths and flag of each parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) device: String,
    /// Minutes since 1970-01-01 UTC.
    pub(crate) minute: i64,
    /// Of two for one minute the one received later holds.
    pub(crate) received: i64,
    pub(crate) values: [Option<(i64, char)>; 3],
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) district: String,
    pub(crate) towns: Vec<Town>,
    pub(crate) stands: Vec<Stand>,
    pub(crate) said: Vec<Said>,
}

/// Worlds that share a lake, settings and days.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) worlds: Vec<World>,
    pub(crate) rules: Rules,
    pub(crate) zone: Zone,
    pub(crate) days: Vec<Day>,
    anchor: Day,
}

impl Batch {
    pub(crate) fn invent(random: &mut Random, number: usize, worlds: usize) -> Self {
        let whole_years = number % 4 == 3;
        let anchor = match random.between(0, 5) {
            0 => Day::of(2026, 3, 1),
            1 => Day::of(2031, 1, 2),
            2 => Day::of(2021, 1, 3), // of 2020-W53
            _ => Day::of(2016, 2, 1).plus(random.between(0, 3000) as i64),
        };
        let (year, month, day) = anchor.civil();
        let days: Vec<Day> = if whole_years {
            let of_months = [year - 1, year]
                .into_iter()
                .flat_map(|year| (1..=12).map(move |month| (year, month)));
            of_months
                .flat_map(|(year, month)| [5, 28].map(|day| Day::of(year, month, day)))
                .collect()
        } else {
            let before = Day::of(year - 1, month, day.min(28));
            let around = |day: Day, from: i64, to: i64| (from..=to).map(move |offset| day.plus(offset));
            around(before, -8, 8).chain(around(anchor, -12, 12)).collect()
        };
        let zone = [Zone::Shanghai, Zone::Utc, Zone::Phoenix, Zone::Berlin][random.between(0, 4) as usize];
        let rules = rules(random, whole_years);
        let worlds = (0..worlds)
            .map(|index| world(random, index, zone, &days))
            .collect();
        Self {
            worlds,
            rules,
            zone,
            days,
            anchor,
        }
    }

    /// A period that has some of the days, mostly.
    pub(crate) fn period(&self, random: &mut Random) -> String {
        let day = self.days[random.between(0, self.days.len() as u64) as usize];
        let (year, month, date) = day.civil();
        match random.between(0, 8) {
            0 => format!("{year}"),
            1 | 2 => {
                let monday = day.plus(-day.weekday());
                let (year, week) = iso_week_of(monday);
                format!("{year}-W{week:02}")
            }
            3 => format!("{year}-{month:02}"),
            4 => format!("{year}-{month:02}-H{}", if date > 15 { 2 } else { 1 }),
            5 => day.to_string(),
            6 => {
                let (year, _, _) = self.anchor.civil();
                format!("{year}")
            }
            _ => format!("{day}..{}", day.plus(random.between(0, 20) as i64)),
        }
    }
}

fn rules(random: &mut Random, whole_years: bool) -> Rules {
    let mut from = |low: u64, high: u64| random.between(low, high + 1) as u16;
    let month_min_days = if whole_years { from(1, 2) } else { from(2, 8) };
    Rules {
        hour_min_percent: [50, 75, 100][usize::from(from(0, 2))],
        day_min_hours: [from(16, 22) as u8, from(16, 22) as u8, from(16, 22) as u8],
        tsp_day_min_hours: from(20, 24) as u8,
        week_min_days: from(1, 6),
        half_month_min_days: from(1, 9),
        month_min_days,
        february_min_days: if whole_years { 1 } else { from(1, 6) },
        year_min_days: if whole_years { from(12, 22) } else { from(5, 20) },
        range_min_percent: from(20, 90) as u8,
        tsp_month_min_days: from(1, 2),
        tsp_year_min_days: from(8, 18),
        places: u32::from(from(0, 1)),
        last_n: u32::from(from(1, 3)),
        truncate_raw: from(0, 1) == 1,
        full: from(0, 2) == 0,
    }
}

fn world(random: &mut Random, index: usize, zone: Zone, days: &[Day]) -> World {
    let district = format!("{}", 900_001 + index);
    let towns: Vec<Town> = (0..random.between(1, 5))
        .map(|town| Town {
            code: format!("{district}{town:03}"),
            district: district.clone(),
        })
        .collect();
    let levels: Vec<i64> = (0..3).map(|_| random.between(5, 260) as i64).collect();
    let (mut stands, mut said) = (Vec::new(), Vec::new());
    let mut before: Vec<Said> = Vec::new();
    for number in 0..random.between(0, 6) {
        let device = format!("{district}-{number}");
        let interval = [60, 60, 60, 30, 20][random.between(0, 5) as usize];
        stands.extend(stands_of(random, &device, interval, &towns, days));
        // A twin says what the one before said: townships tie.
        let stream = if !before.is_empty() && random.chance(40) {
            let same = |said: &Said| Said {
                device: device.clone(),
                ..said.clone()
            };
            before.iter().map(same).collect()
        } else {
            stream(random, &device, interval, zone, days, &levels)
        };
        said.extend(stream.iter().cloned());
        before = stream;
    }
    World {
        district,
        towns,
        stands,
        said,
    }
}

/// Where a device stands: nowhere, always at one place, or at two after each other, with or without days between.
fn stands_of(random: &mut Random, device: &str, interval: i64, towns: &[Town], days: &[Day]) -> Vec<Stand> {
    let mut stand = |from: Option<Day>, to: Option<Day>| Stand {
        device: device.to_owned(),
        kind: [
            "township",
            "township",
            "township",
            "township",
            "site",
            "reference",
        ][random.between(0, 6) as usize],
        township: towns[random.between(0, towns.len() as u64) as usize].code.clone(),
        interval_minutes: interval,
        from,
        to,
    };
    let (first, second) = (stand(None, None), stand(None, None));
    let moved = days[random.between(0, days.len() as u64) as usize];
    match random.between(0, 10) {
        0 => Vec::new(),
        1 | 2 => {
            let pause = random.between(0, 3) as i64;
            let left = Stand {
                to: Some(moved.plus(-1 - pause)),
                ..first
            };
            vec![
                left,
                Stand {
                    from: Some(moved),
                    ..second
                },
            ]
        }
        3 => vec![Stand {
            from: Some(moved),
            ..first
        }],
        _ => vec![first],
    }
}

fn stream(
    random: &mut Random,
    device: &str,
    interval: i64,
    zone: Zone,
    days: &[Day],
    levels: &[i64],
) -> Vec<Said> {
    let mut out = Vec::new();
    let level = levels[random.between(0, levels.len() as u64) as usize];
    let steady = random.chance(50);
    for &day in days {
        let absent = random.chance(8);
        let outage = if random.chance(15) {
            random.between(1, 10) as i64
        } else {
            0
        };
        let half = random.between(0, 3) as i64;
        if absent {
            continue;
        }
        let hours = (day.0 * 24 - 16..day.0 * 24 + 40).filter(|hour| zone.day_of(*hour) == day);
        for (at, hour) in hours.enumerate() {
            if (at as i64) < outage {
                continue;
            }
            for minute in (0..60).step_by(interval as usize) {
                if random.chance(2) {
                    continue;
                }
                let tenths = match steady {
                    true => level * 10 + 5 * half * (at as i64 % 2),
                    false => level * 10 + random.between(0, 400) as i64,
                };
                let heard = observation(random, device, hour * 60 + minute, tenths);
                more(random, &heard, &mut out);
                out.push(heard);
            }
        }
    }
    out
}

fn observation(random: &mut Random, device: &str, minute: i64, tenths: i64) -> Said {
    let value = |add: i64, random: &mut Random| {
        let flag = if random.chance(2) {
            ['F', 'M', 'S', 'D', 'C', 'T', 'B'][random.between(0, 7) as usize]
        } else {
            'N'
        };
        (!random.chance(1)).then_some((tenths + add, flag))
    };
    let mut values = [value(600, random), value(300, random), value(0, random)];
    if values.iter().all(Option::is_none) {
        values[0] = Some((tenths, 'N'));
    }
    Said {
        device: device.to_owned(),
        minute,
        received: minute * 10 + 5,
        values,
    }
}

/// The same again, or another content for the same minute, received before or after.
fn more(random: &mut Random, heard: &Said, out: &mut Vec<Said>) {
    if random.chance(1) {
        let again = random.between(1, 3) as i64;
        out.push(Said {
            received: heard.received + again,
            ..heard.clone()
        });
    }
    if random.chance(1) {
        let other = [-3, 4][random.between(0, 2) as usize];
        let mut correction = Said {
            received: heard.received + other,
            ..heard.clone()
        };
        correction.values[random.between(0, 3) as usize] = Some((random.between(0, 3000) as i64, 'N'));
        out.push(correction);
    }
}
