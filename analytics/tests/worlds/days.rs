//! Hours and days of a batch, from what was said, in exact fractions.

use std::collections::{BTreeMap, BTreeSet};

use crate::calendar::Day;
use crate::fraction::Fraction;
use crate::index::{class, indices, primary};
use crate::invent::{Batch, PARAMETERS, Said, Stand};

/// A valid or invalid hour: its exact mean and its extremes.
#[derive(Debug, Clone)]
pub(crate) struct Hour {
    mean: Fraction,
    least: i64,
    most: i64,
    count: i64,
    expected: i64,
    valid: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct StationDay {
    pub(crate) mean: Fraction,
    pub(crate) hours: usize,
    pub(crate) valid: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct TownDay {
    pub(crate) mean: Fraction,
    pub(crate) devices: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct DistrictDay {
    pub(crate) mean: Fraction,
    towns: usize,
    standing: usize,
    pub(crate) valid: bool,
}

/// Who (a device, township or district), when, and which parameter.
type Key = (String, Day, usize);

/// The days under one rule of validity.
#[derive(Debug, Clone, Default)]
pub(crate) struct Days {
    pub(crate) stations: BTreeMap<Key, StationDay>,
    pub(crate) towns: BTreeMap<Key, TownDay>,
    pub(crate) districts: BTreeMap<Key, DistrictDay>,
}

/// All that the oracle knows of a batch.
pub(crate) struct Known<'a> {
    pub(crate) batch: &'a Batch,
    stands: BTreeMap<&'a str, Vec<&'a Stand>>,
    last_words: BTreeMap<(&'a str, i64), &'a Said>,
    hours: BTreeMap<(String, i64, usize), Hour>,
    /// Under the operational rule.
    pub(crate) days: Days,
    /// Under the rule of statements of compliance.
    pub(crate) strict: Days,
}

impl<'a> Known<'a> {
    pub(crate) fn of(batch: &'a Batch) -> Self {
        let mut known = Self {
            batch,
            stands: BTreeMap::new(),
            last_words: BTreeMap::new(),
            hours: BTreeMap::new(),
            days: Days::default(),
            strict: Days::default(),
        };
        for world in &batch.worlds {
            for stand in &world.stands {
                known.stands.entry(stand.device.as_str()).or_default().push(stand);
            }
            for said in &world.said {
                let kept = known
                    .last_words
                    .entry((said.device.as_str(), said.minute))
                    .or_insert(said);
                if said.received > kept.received {
                    *kept = said;
                }
            }
        }
        known.hours = known.make_hours();
        known.days = known.make_days(known.hours_of_a_day(false));
        known.strict = known.make_days(known.hours_of_a_day(true));
        known
    }

    /// The hours that a day of each parameter needs.
    pub(crate) fn hours_of_a_day(&self, strict: bool) -> [usize; 3] {
        let rules = &self.batch.rules;
        [0, 1, 2].map(|parameter| {
            let own = usize::from(rules.day_min_hours[parameter]);
            match (strict, parameter) {
                (false, _) => own,
                (true, 0) => rules.tsp_day_min_hours.into(),
                (true, _) => own.max(20),
            }
        })
    }

    /// Where a device stands on a day.
    fn stand(&self, device: &str, day: Day) -> Option<&Stand> {
        let all = self.stands.get(device)?;
        let covers = |s: &&&Stand| s.from.is_none_or(|from| from <= day) && s.to.is_none_or(|to| day <= to);
        all.iter().find(covers).copied()
    }

    fn make_hours(&self) -> BTreeMap<(String, i64, usize), Hour> {
        let mut values: BTreeMap<(&str, i64, usize), Vec<i64>> = BTreeMap::new();
        for ((device, minute), said) in &self.last_words {
            for (parameter, value) in said.values.iter().enumerate() {
                if let Some((tenths, 'N')) = value {
                    values
                        .entry((*device, minute.div_euclid(60), parameter))
                        .or_default()
                        .push(*tenths);
                }
            }
        }
        let hour = |((device, hour, parameter), tenths): ((&str, i64, usize), Vec<i64>)| {
            let stand = self.stand(device, self.batch.zone.day_of(hour));
            let expected = stand.map_or(60, |stand| 60 / stand.interval_minutes);
            let count = tenths.len() as i64;
            let exact = tenths.iter().map(|t| Fraction::new((*t).into(), 10));
            let found = Hour {
                mean: Fraction::mean(exact).unwrap(),
                least: *tenths.iter().min().unwrap(),
                most: *tenths.iter().max().unwrap(),
                count,
                expected,
                valid: count * 100 >= expected * i64::from(self.batch.rules.hour_min_percent),
            };
            ((device.to_owned(), hour, parameter), found)
        };
        values.into_iter().map(hour).collect()
    }

    fn make_days(&self, needed: [usize; 3]) -> Days {
        let mut days = Days::default();
        let mut hours: BTreeMap<Key, Vec<Fraction>> = BTreeMap::new();
        for ((device, hour, parameter), found) in self.hours.iter().filter(|(_, hour)| hour.valid) {
            let key = (device.clone(), self.batch.zone.day_of(*hour), *parameter);
            hours.entry(key).or_default().push(found.mean);
        }
        let mut of_towns: BTreeMap<Key, Vec<(String, Fraction)>> = BTreeMap::new();
        for ((device, day, parameter), means) in hours {
            let count = means.len();
            let found = StationDay {
                mean: Fraction::mean(means).unwrap(),
                hours: count,
                valid: count >= needed[parameter],
            };
            if let Some(stand) = self.stand(&device, day)
                && stand.kind == "township"
                && found.valid
            {
                let key = (stand.township.clone(), day, parameter);
                of_towns
                    .entry(key)
                    .or_default()
                    .push((device.clone(), found.mean));
            }
            days.stations.insert((device, day, parameter), found);
        }
        let mut of_districts: BTreeMap<Key, Vec<Fraction>> = BTreeMap::new();
        for ((town, day, parameter), stations) in of_towns {
            let mean = Fraction::mean(stations.iter().map(|(_, mean)| *mean)).unwrap();
            let devices = stations.into_iter().map(|(device, _)| device).collect();
            of_districts
                .entry((town[..6].to_owned(), day, parameter))
                .or_default()
                .push(mean);
            days.towns
                .insert((town, day, parameter), TownDay { mean, devices });
        }
        for ((district, day, parameter), towns) in of_districts {
            let standing = self.towns_standing(&district, day);
            let found = DistrictDay {
                towns: towns.len(),
                standing,
                valid: towns.len() * 100 >= standing * 75,
                mean: Fraction::mean(towns).unwrap(),
            };
            days.districts.insert((district, day, parameter), found);
        }
        days
    }

    /// The townships of a district in which a station of theirs stands on a day.
    fn towns_standing(&self, district: &str, day: Day) -> usize {
        let devices = self.stands.keys().filter(|device| device.starts_with(district));
        let towns: BTreeSet<&str> = devices
            .filter_map(|device| self.stand(device, day))
            .filter(|stand| stand.kind == "township")
            .map(|stand| stand.township.as_str())
            .collect();
        towns.len()
    }

    pub(crate) fn hourly(&self) -> Vec<Vec<String>> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for ((device, hour, parameter), found) in &self.hours {
            let day = Day(hour.div_euclid(24));
            let tenths = |t: i64| float(Fraction::new(t.into(), 10));
            rows.push(vec![
                device.clone(),
                format!("{day}T{:02}:00:00Z", hour.rem_euclid(24)),
                PARAMETERS[*parameter].to_owned(),
                float(found.mean),
                tenths(found.least),
                tenths(found.most),
                found.count.to_string(),
                found.expected.to_string(),
                found.valid.to_string(),
            ]);
        }
        sorted(rows, 3)
    }

    pub(crate) fn daily(&self) -> Vec<Vec<String>> {
        let needed = self.hours_of_a_day(false);
        let row = |((device, day, parameter), found): (&Key, &StationDay)| {
            let stand = self.stand(device, *day);
            vec![
                device.clone(),
                day.to_string(),
                PARAMETERS[*parameter].to_owned(),
                float(found.mean),
                found.hours.to_string(),
                found.valid.to_string(),
                stand.map(|s| s.township.clone()).unwrap_or_default(),
                stand.map(|s| s.kind.to_owned()).unwrap_or_default(),
                needed[*parameter].to_string(),
            ]
        };
        sorted(self.days.stations.iter().map(row).collect(), 3)
    }

    pub(crate) fn township_daily(&self) -> Vec<Vec<String>> {
        let needed = self.hours_of_a_day(false);
        let row = |((town, day, parameter), found): (&Key, &TownDay)| {
            vec![
                town.clone(),
                day.to_string(),
                PARAMETERS[*parameter].to_owned(),
                float(found.mean),
                found.devices.len().to_string(),
                needed[*parameter].to_string(),
            ]
        };
        sorted(self.days.towns.iter().map(row).collect(), 3)
    }

    pub(crate) fn district_daily(&self) -> Vec<Vec<String>> {
        let needed = self.hours_of_a_day(false);
        let row = |((district, day, parameter), found): (&Key, &DistrictDay)| {
            vec![
                district.clone(),
                day.to_string(),
                PARAMETERS[*parameter].to_owned(),
                float(found.mean),
                found.towns.to_string(),
                found.standing.to_string(),
                found.valid.to_string(),
                needed[*parameter].to_string(),
            ]
        };
        sorted(self.days.districts.iter().map(row).collect(), 3)
    }

    /// Valid days of statements of compliance: (level, code, day, parameter) → mean.
    pub(crate) fn areas(&self) -> BTreeMap<(&'static str, String, Day, usize), Fraction> {
        let mut out = BTreeMap::new();
        for ((code, day, parameter), found) in &self.strict.towns {
            out.insert(("township", code.clone(), *day, *parameter), found.mean);
        }
        for ((code, day, parameter), found) in self.strict.districts.iter().filter(|(_, day)| day.valid) {
            out.insert(("district", code.clone(), *day, *parameter), found.mean);
        }
        out
    }

    pub(crate) fn area_daily(&self) -> Vec<Vec<String>> {
        let needed = self.hours_of_a_day(true);
        let row = |((level, code, day, parameter), mean): ((&str, String, Day, usize), Fraction)| {
            vec![
                level.to_owned(),
                code,
                day.to_string(),
                PARAMETERS[parameter].to_owned(),
                float(mean),
                needed[parameter].to_string(),
            ]
        };
        sorted(self.areas().into_iter().map(row).collect(), 4)
    }

    pub(crate) fn aqi_daily(&self) -> Vec<Vec<String>> {
        let row = |((level, code, day), of_day): ((&str, String, Day), [Option<i128>; 3])| {
            let text = |index: Option<i128>| index.map(|i| i.to_string()).unwrap_or_default();
            vec![
                level.to_owned(),
                code,
                day.to_string(),
                text(of_day[0]),
                text(of_day[1]),
                text(of_day[2]),
                of_day[2].map(class).unwrap_or_default().to_owned(),
                primary(of_day).to_owned(),
            ]
        };
        sorted(indices(&self.areas()).into_iter().map(row).collect(), 3)
    }

    pub(crate) fn flags_daily(&self) -> Vec<Vec<String>> {
        let mut counts: BTreeMap<Key, [usize; 3]> = BTreeMap::new();
        for ((device, minute), said) in &self.last_words {
            let day = self.batch.zone.day_of(minute.div_euclid(60));
            for (parameter, value) in said.values.iter().enumerate() {
                let Some((_, flag)) = value else { continue };
                let of_flag = match flag {
                    'N' => 0,
                    'T' => 1,
                    _ => 2,
                };
                counts.entry(((*device).to_owned(), day, parameter)).or_default()[of_flag] += 1;
            }
        }
        let row = |((device, day, parameter), counts): (Key, [usize; 3])| {
            let head = [device, day.to_string(), PARAMETERS[parameter].to_owned()];
            head.into_iter().chain(counts.map(|n| n.to_string())).collect()
        };
        sorted(counts.into_iter().map(row).collect(), 3)
    }
}

fn float(fraction: Fraction) -> String {
    fraction.to_f64().to_string()
}

/// In the order of the first columns, as SQL sorts texts.
fn sorted(mut rows: Vec<Vec<String>>, columns: usize) -> Vec<Vec<String>> {
    rows.sort_by(|a, b| a[..columns].cmp(&b[..columns]));
    rows
}
