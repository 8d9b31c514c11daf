//! A district with dustfall points, and a slow second opinion on its results in exact fractions.

use std::collections::BTreeMap;

use super::calendar::{Day, month_length};
use super::csv::Table;
use super::fraction::{Fraction, print};
use super::oracle::{Line, percent, ranks};
use super::world::{Place, World};

/// A month, counted from January of year 0.
pub(crate) type Month = i64;

/// A point: code, township, and further cells `mn,diameter_cm,area_cm2,exposure_days`.
pub(crate) type Point<'a> = (&'a str, &'a str, &'a str);

pub(crate) fn month(year: i64, month: i64) -> Month {
    year * 12 + month - 1
}

/// `2019-08`
pub(crate) fn month_text(at: Month) -> String {
    format!("{:04}-{:02}", at.div_euclid(12), at.rem_euclid(12) + 1)
}

/// The last day of a month.
pub(crate) fn last_day(at: Month) -> Day {
    let (year, month) = (at.div_euclid(12), at.rem_euclid(12) + 1);
    Day::of(year, month, month_length(year, month))
}

/// What a result counts for in means: below the detection limit of 0.3, half of it.
pub(crate) fn counted(result: Fraction) -> Fraction {
    let above = result.plus(Fraction::new(-3, 10));
    if above.to_f64() < 0.0 {
        Fraction::new(15, 100)
    } else {
        result
    }
}

/// A district whose townships have points, with further lines of `dustwatch.toml`.
pub(crate) fn world(place: &Place, points: &[Point<'_>], settings: &str) -> World {
    let world = World::new(place);
    let mut text = "site,name,township,mn,diameter_cm,area_cm2,exposure_days\n".to_owned();
    for (site, township, cells) in points {
        text += &format!("{site},{site} 降尘点,{township},{cells}\n");
    }
    world.write("points.csv", &text);
    let file = world.path("dustwatch.toml");
    let toml = std::fs::read_to_string(&file).expect("the settings were written");
    world.write(
        "dustwatch.toml",
        &format!("{toml}\n[dustfall]\npoints = \"points.csv\"\n{settings}\n"),
    );
    world
}

/// Imports a file that is written first; the lines that the command lists, and what it says.
#[track_caller]
pub(crate) fn import(world: &World, name: &str, text: &str, options: &[&str]) -> (Table, String) {
    let file = world.write(name, text).display().to_string();
    let command = [&["dustfall", "import", &file, "--format", "csv"], options].concat();
    let said = world.dustwatch(&command);
    said.expect_code(0);
    (Table::parse(&said.stdout), said.stderr)
}

/// Some columns of some rows of `dustfall report`: those of a level.
#[track_caller]
pub(crate) fn report(world: &World, period: &str, level: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let said = world.dustwatch(&["dustfall", "report", "--period", period, "--format", "csv"]);
    let table = Table::parse(&said.ok());
    let at: Vec<usize> = columns.iter().map(|name| table.position(name)).collect();
    let levels = table.position("level");
    let rows = table.rows.iter().filter(|row| row[levels] == level);
    rows.map(|row| at.iter().map(|i| row[*i].clone()).collect())
        .collect()
}

/// The months of units by exact means: what `rank --parameter dustfall` is compared with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Months {
    /// Of a unit and month: the mean, and the points that contributed.
    pub(crate) means: BTreeMap<(String, Month), (Fraction, usize)>,
    /// Months that a year needs.
    pub(crate) year_min_months: usize,
}

#[derive(Debug, Clone, Copy)]
struct Figure {
    /// None with fewer months than needed.
    mean: Option<Fraction>,
    points: usize,
    days: i64,
}

impl Figure {
    fn value(self) -> Option<i128> {
        Some(self.mean?.round_half_even(1))
    }
}

impl Months {
    /// The figure of a unit over so many months from `first` on, if any has a value.
    fn figure(&self, unit: &str, first: Month, count: i64, needed: usize) -> Option<Figure> {
        let months = (first..first + count).filter_map(|at| {
            let (mean, points) = self.means.get(&(unit.to_owned(), at))?;
            Some((at, *mean, *points))
        });
        let months: Vec<(Month, Fraction, usize)> = months.collect();
        let mean = Fraction::mean(months.iter().map(|m| m.1));
        Some(Figure {
            mean: mean.filter(|_| months.len() >= needed),
            points: months.iter().map(|m| m.2).max()?,
            days: months.iter().map(|m| last_day(m.0).civil().2).sum(),
        })
    }

    /// The lines of `rank --parameter dustfall`, least first: of one month, or of a year that begins with `first`.
    pub(crate) fn ranking(&self, units: &[(String, String)], first: Month, count: i64) -> Vec<Line> {
        let needed = if count == 12 { self.year_min_months } else { 1 };
        let figures = |first: Month, count: i64, needed: usize| -> Vec<Option<Figure>> {
            let of = |(code, _): &(String, String)| self.figure(code, first, count, needed);
            units.iter().map(of).collect()
        };
        let now = figures(first, count, needed);
        let before = figures(first - count, count, needed);
        let last_year = figures(first - 12, count, needed);
        let last = first + count - 1;
        let so_far = figures(last.div_euclid(12) * 12, last.rem_euclid(12) + 1, 1);
        let value = |figure: &Option<Figure>| figure.and_then(Figure::value);
        let values = |list: &[Option<Figure>]| list.iter().map(value).collect::<Vec<_>>();
        let (best, worst) = (ranks(&values(&now), false), ranks(&values(&now), true));
        let best_before = ranks(&values(&before), false);
        let mut order: Vec<usize> = (0..units.len()).collect();
        let key = |at: usize| {
            let figure = now[at];
            // To nine places, which is where ties end.
            let mean = figure.and_then(|f| f.mean);
            let nano = mean.map(|mean| (mean.to_f64() * 1e9).round() as i128);
            (mean.is_none(), value(&figure), nano, units[at].0.clone())
        };
        order.sort_by_key(|at| key(*at));
        let printed = |value: Option<i128>| value.map(|v| print(v, 1)).unwrap_or_default();
        let text = |value: Option<i128>| value.map(|v| v.to_string()).unwrap_or_default();
        let rank = |rank: Option<usize>| rank.and_then(|r| i128::try_from(r).ok());
        order
            .into_iter()
            .map(|at| {
                let own = value(&now[at]);
                let moved = rank(best_before[at])
                    .zip(rank(best[at]))
                    .map(|(then, now)| then - now);
                let cells = vec![
                    text(rank(best[at])),
                    text(rank(worst[at])),
                    units[at].0.clone(),
                    units[at].1.clone(),
                    printed(own),
                    String::new(),
                    now[at].map_or(0, |f| f.points).to_string(),
                    now[at].map_or(0, |f| f.days).to_string(),
                    printed(value(&before[at])),
                    percent(own, value(&before[at])).unwrap_or_default(),
                    text(rank(best_before[at])),
                    text(moved),
                    printed(value(&last_year[at])),
                    percent(own, value(&last_year[at])).unwrap_or_default(),
                    printed(value(&so_far[at])),
                    if own.is_some() {
                        "ranked"
                    } else {
                        "insufficient_data"
                    }
                    .to_owned(),
                ];
                Line {
                    cells,
                    mean: now[at].and_then(|f| f.mean),
                }
            })
            .collect()
    }
}
