//! Promise: of any laboratory's weighings, the ranking of townships is the one that exact fractions give, to the last
//! printed digit.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use support::dustfall::{Month, Months, counted, import, last_day, month, month_text, world};
use support::fraction::{Fraction, print};
use support::oracle::compare;
use support::random::Random;
use support::world::Place;

/// A laboratory's file, how many of its samples are invalid, and the townships' months.
struct Laboratory {
    text: String,
    samples: usize,
    invalid: usize,
    months: Months,
}

/// A point of a made-up district.
struct Point {
    site: String,
    township: String,
    /// Inner diameter in mm, or the area in mm² of its mouth.
    diameter: Option<i128>,
    area: Option<i128>,
}

const FIRST: Month = 2018 * 12;
const MONTHS: i64 = 24;

/// π to the digits that the method states.
fn pi() -> Fraction {
    Fraction::new(31_415_926_536, 10_000_000_000)
}

fn district(random: &mut Random) -> (Place, Vec<Point>) {
    let mut place = Place::new("110109");
    let mut points = Vec::new();
    for number in 1..=6 {
        let code = format!("11010900{number}");
        place = place.township(&code, &format!("第{number}镇"));
        for point in 1..=random.between(1, 4) {
            let (diameter, area) = match random.between(0, 4) {
                0 => (None, Some(17_670)),
                1 => (None, Some(35_325)),
                2 => (Some(148), None),
                _ => (Some(150), None),
            };
            points.push(Point {
                site: format!("P{number}-{point}"),
                township: code.clone(),
                diameter,
                area,
            });
        }
    }
    (place, points)
}

impl Point {
    /// The mouth in cm².
    fn mouth(&self) -> Fraction {
        match (self.area, self.diameter) {
            (Some(area), _) => Fraction::new(area, 100),
            (None, Some(tenths)) => pi().times(Fraction::new(tenths * tenths, 400)),
            _ => unreachable!("a point has a mouth"),
        }
    }
}

/// Exposures of every point from month to month, weighed by a laboratory that has its troubles.
fn laboratory(random: &mut Random, points: &[Point]) -> Laboratory {
    let mut text =
        "site,sample,replicate,exposed_from,exposed_to,m1_g,m1_second_g,m0_g,m2_g,note\n".to_owned();
    let (mut samples, mut invalid) = (0, 0);
    let mut results: BTreeMap<(usize, Month), Vec<Fraction>> = BTreeMap::new();
    for (at, point) in points.iter().enumerate() {
        let mut start = last_day(FIRST - 1).plus(-(random.between(0, 4) as i64));
        for month in FIRST..FIRST + MONTHS {
            let end = last_day(month).plus(-(random.between(0, 4) as i64));
            let replicates = if random.chance(15) { 2 } else { 1 };
            for replicate in 1..=replicates {
                if random.chance(8) {
                    continue;
                }
                samples += 1;
                let (line, result) = sample(random, point, end.0 - start.0);
                text += &format!("{},S{samples},{replicate},{start},{end},{line}\n", point.site);
                match result {
                    Some(result) => results.entry((at, month)).or_default().push(result),
                    None => invalid += 1,
                }
            }
            start = end;
        }
    }
    Laboratory {
        text,
        samples,
        invalid,
        months: townships(points, results),
    }
}

/// The rest of a line, and its result unless it is invalid.
fn sample(random: &mut Random, point: &Point, days: i64) -> (String, Option<Fraction>) {
    // Everything in 10⁻⁴ g.
    let m0 = random.between(200_000, 600_000) as i128;
    let m2 = random.between(25, 50) as i128;
    let net = match random.between(0, 100) {
        0..3 => -(random.between(1, 40) as i128),
        3..10 => random.between(0, 8) as i128,
        _ => random.between(300, 2_500) as i128,
    };
    let m1 = m0 + m2 + net;
    let again = random.chance(12).then(|| m1 + random.between(0, 8) as i128 - 3);
    let note = match random.between(0, 100) {
        0..3 => "缸内有鸟粪",
        3..6 => "无溢出，正常",
        _ => "",
    };
    let text = format!(
        "{},{},{},{},{note}",
        print(m1, 4),
        again.map(|m| print(m, 4)).unwrap_or_default(),
        print(m0, 4),
        print(m2, 4)
    );
    // Twice the net mass, so that the mean of two weighings is whole.
    let twice = again.unwrap_or(m1) + m1 - 2 * (m0 + m2);
    let is_valid = note != "缸内有鸟粪"
        && (28..=32).contains(&days)
        && again.is_none_or(|second| (second - m1).abs() < 4)
        && twice >= 0;
    let result = Fraction::new(twice, 20_000)
        .times(Fraction::new(300_000, i128::from(days)))
        .times(point.mouth().inverse());
    (text, is_valid.then_some(result))
}

/// Means of parallel samples, of which half the detection limit counts below it, and of the points of each township.
fn townships(points: &[Point], results: BTreeMap<(usize, Month), Vec<Fraction>>) -> Months {
    let mut months: BTreeMap<(String, Month), Vec<Fraction>> = BTreeMap::new();
    for ((at, month), values) in results {
        let mean = Fraction::mean(values).unwrap();
        let key = (points[at].township.clone(), month);
        months.entry(key).or_default().push(counted(mean));
    }
    let means = months.into_iter().map(|(key, values)| {
        (
            key,
            (Fraction::mean(values.iter().copied()).unwrap(), values.len()),
        )
    });
    Months {
        means: means.collect(),
        year_min_months: 10,
    }
}

#[test]
fn rankings_of_random_laboratories_are_those_of_exact_fractions() {
    let mut random = Random::printed();
    for _ in 0..4 {
        let (place, points) = district(&mut random);
        let lab = laboratory(&mut random, &points);
        let cells: Vec<String> = points
            .iter()
            .map(|p| {
                let diameter = p.diameter.map(|d| print(d, 1)).unwrap_or_default();
                let area = p.area.map(|a| print(a, 2)).unwrap_or_default();
                format!(",{diameter},{area},")
            })
            .collect();
        let listed: Vec<_> = points
            .iter()
            .zip(&cells)
            .map(|(p, cells)| (p.site.as_str(), p.township.as_str(), cells.as_str()))
            .collect();
        let world = world(&place, &listed, "year_min_months = 10");
        let (_, said) = import(&world, "lab.csv", &lab.text, &[]);
        let counts = format!(
            "{} lines: {} new, 0 corrected, 0 unchanged, {} of them flagged; 0 refused",
            lab.samples, lab.samples, lab.invalid
        );
        assert!(said.contains(&counts), "{counts:?} in {said}");
        let units: Vec<(String, String)> = place
            .townships
            .iter()
            .map(|township| (township.code.clone(), township.name.clone()))
            .collect();
        let mut asked: Vec<(String, Month, i64)> = vec![("2019".to_owned(), month(2019, 1), 12)];
        for _ in 0..4 {
            let at = FIRST + random.between(0, MONTHS as u64) as i64;
            asked.push((month_text(at), at, 1));
        }
        for (period, first, count) in asked {
            let question = [
                "rank",
                "--parameter",
                "dustfall",
                "--period",
                &period,
                "--format",
                "csv",
            ];
            let printed = world.dustwatch(&question).ok();
            compare(&period, &printed, &lab.months.ranking(&units, first, count));
        }
    }
}
