//! The second opinion: township rankings computed from CSV text, slowly, in exact fractions.
//!
//! The rules, in their order (GB 3095 and HJ 663; where they are silent, the recommended numbers):
//! an hour is valid with 75 % of the observations that its monitor lets expect; a day of a station with 20 valid
//! hours, its value the mean of the hourly means; a day of a township with one valid station, its value the mean over
//! its stations; a period with its minimum of valid days (a year in each month too), its value the mean over them. The published value is that
//! mean, rounded once, half to even. Ranks, changes and comparisons are made from published values.

use std::collections::{BTreeMap, BTreeSet};

use super::calendar::{Day, days};
use super::csv::Table;
use super::fraction::{Fraction, print};
use super::span::{Kind, Span};
use super::world::Place;

/// The columns of a ranking, in the order of the contract.
pub(crate) const COLUMNS: [&str; 18] = [
    "rank",
    "rank_worst",
    "township_code",
    "township",
    "value",
    "mean",
    "stations",
    "valid_days",
    "previous_value",
    "change_percent",
    "previous_rank",
    "rank_change",
    "last_year_value",
    "last_year_percent",
    "cumulative_value",
    "status",
    "last",
    "day_min_hours",
];

const HOUR_MIN_PERCENT: usize = 75;
const DAY_MIN_HOURS: usize = 20;
const LAST_N: usize = 3;

#[derive(Debug, Clone)]
struct Monitor {
    township: String,
    ranked: bool,
    expected_per_hour: usize,
    /// Valid observations by local hour: (day, hour) → minute → value.
    hours: BTreeMap<(Day, u32), BTreeMap<u32, Fraction>>,
}

/// All that is known of one parameter in a place.
#[derive(Debug, Clone)]
pub(crate) struct Oracle {
    place: Place,
    monitors: BTreeMap<String, Monitor>,
}

/// One township's line, as the contract says it; `mean` apart, since it is not rounded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// By the names of [`COLUMNS`]; `mean` is empty.
    pub(crate) cells: Vec<String>,
    pub(crate) mean: Option<Fraction>,
}

#[derive(Debug, Clone, PartialEq)]
struct Figure {
    mean: Option<Fraction>,
    value: Option<i128>,
    valid_days: usize,
    stations: usize,
}

impl Oracle {
    pub(crate) fn new(place: &Place) -> Self {
        let monitors = place.stations.iter().map(|station| {
            let expected_per_hour = match station.interval.as_str() {
                "1h" => 1,
                "1m" => 60,
                other => panic!("the oracle does not know the interval {other}"),
            };
            let monitor = Monitor {
                township: station.township.clone(),
                ranked: station.kind == "township",
                expected_per_hour,
                hours: BTreeMap::new(),
            };
            (station.device.clone(), monitor)
        });
        Self {
            place: place.clone(),
            monitors: monitors.collect(),
        }
    }

    /// Reads a column of a table with `year`, `month`, `day`, `hour` (local, the start of the hour) and `station`.
    pub(crate) fn read(&mut self, text: &str, column: &str) {
        let table = Table::parse(text);
        let at = |name: &str| table.position(name);
        let (year, month, day, hour) = (at("year"), at("month"), at("day"), at("hour"));
        let (station, value) = (at("station"), at(column));
        for row in &table.rows {
            let number = |at: usize| row[at].parse::<i64>().expect("a part of a date is a number");
            let day = Day::of(number(year), number(month), number(day));
            let hour = u32::try_from(number(hour)).expect("an hour is positive");
            self.observe(&row[station], day, hour, 0, Fraction::parse(&row[value]));
        }
    }

    /// Takes note of what a device said; of the same minute the last word counts.
    pub(crate) fn observe(
        &mut self,
        device: &str,
        day: Day,
        hour: u32,
        minute: u32,
        value: Option<Fraction>,
    ) {
        let monitor = self
            .monitors
            .get_mut(device)
            .expect("a table's station is in the place");
        let minutes = monitor.hours.entry((day, hour)).or_default();
        match value {
            Some(value) => minutes.insert(minute, value),
            None => minutes.remove(&minute),
        };
    }

    /// The mean of a station's day; `None` when it is not valid.
    fn station_day(monitor: &Monitor, day: Day) -> Option<Fraction> {
        let hours: Vec<Fraction> = (0..24)
            .filter_map(|hour| monitor.hours.get(&(day, hour)))
            .filter(|minutes| minutes.len() * 100 >= monitor.expected_per_hour * HOUR_MIN_PERCENT)
            .filter_map(|minutes| Fraction::mean(minutes.values().copied()))
            .collect();
        (hours.len() >= DAY_MIN_HOURS)
            .then(|| Fraction::mean(hours))
            .flatten()
    }

    /// The valid days of a township in a span with their means, and the stations that made them.
    fn township_days(&self, township: &str, span: Span) -> (BTreeMap<Day, Fraction>, BTreeSet<&str>) {
        let mut means = BTreeMap::new();
        let mut stations = BTreeSet::new();
        for day in days(span.first, span.last) {
            let of_day: Vec<Fraction> = self
                .monitors
                .iter()
                .filter(|(_, monitor)| monitor.ranked && monitor.township == township)
                .filter_map(|(device, monitor)| {
                    let mean = Self::station_day(monitor, day)?;
                    stations.insert(device.as_str());
                    Some(mean)
                })
                .collect();
            means.extend(Fraction::mean(of_day).map(|mean| (day, mean)));
        }
        (means, stations)
    }

    fn figure(&self, township: &str, span: Span) -> Figure {
        let (means, stations) = self.township_days(township, span);
        let (valid_days, stations) = (means.len(), stations.len());
        let enough = valid_days >= span.min_valid_days() && months_suffice(span, means.keys());
        let mean = Fraction::mean(means.into_values()).filter(|_| enough);
        Figure {
            mean,
            value: mean.map(|mean| mean.round_half_even(0)),
            valid_days,
            stations,
        }
    }

    fn figures(&self, codes: &[&str], span: Span) -> Vec<Figure> {
        codes.iter().map(|code| self.figure(code, span)).collect()
    }

    /// The ranking as `rank` prints it: of the district or of the whole place, best or worst first.
    pub(crate) fn ranking(&self, period: &str, whole_city: bool, worst_first: bool) -> Vec<Line> {
        let span = Span::parse(period);
        let townships: Vec<_> = self
            .place
            .townships
            .iter()
            .filter(|township| whole_city || township.district == self.place.district)
            .collect();
        let codes: Vec<&str> = townships.iter().map(|township| township.code.as_str()).collect();
        let now = self.figures(&codes, span);
        let before = self.figures(&codes, span.previous());
        let last_year = self.figures(&codes, span.last_year());
        let ranks = ranks(&values(&now), false);
        let worst = self::ranks(&values(&now), true);
        let ranks_before = self::ranks(&values(&before), false);
        let mut order: Vec<usize> = (0..codes.len()).collect();
        order.sort_by(|&a, &b| {
            let (x, y) = (now[a].mean, now[b].mean);
            let missing_last = x.is_none().cmp(&y.is_none());
            let by_mean = if worst_first { y.cmp(&x) } else { x.cmp(&y) };
            missing_last.then(by_mean).then(codes[a].cmp(codes[b]))
        });
        let year_start = Day::of(span.last.civil().0, 1, 1);
        let year_to_date = Span {
            kind: Kind::Range,
            first: year_start,
            last: span.last,
        };
        order
            .into_iter()
            .map(|i| {
                let figure = &now[i];
                let so_far = Fraction::mean(self.township_days(codes[i], year_to_date).0.into_values());
                let moved = match (ranks_before[i], ranks[i]) {
                    (Some(before), Some(now)) => Some(before as i128 - now as i128),
                    _ => None,
                };
                let status = if figure.value.is_some() {
                    "ranked"
                } else {
                    "insufficient_data"
                };
                let cells = vec![
                    text(ranks[i]),
                    text(worst[i]),
                    codes[i].to_owned(),
                    townships[i].name.clone(),
                    text(figure.value),
                    String::new(),
                    figure.stations.to_string(),
                    figure.valid_days.to_string(),
                    text(before[i].value),
                    text(percent(figure.value, before[i].value)),
                    text(ranks_before[i]),
                    text(moved),
                    text(last_year[i].value),
                    text(percent(figure.value, last_year[i].value)),
                    text(so_far.map(|mean| mean.round_half_even(0))),
                    status.to_owned(),
                    worst[i].is_some_and(|rank| rank <= LAST_N).to_string(),
                    DAY_MIN_HOURS.to_string(),
                ];
                Line {
                    cells,
                    mean: figure.mean,
                }
            })
            .collect()
    }
}

/// Whether a year has 27 valid days in each month, 25 in February; other spans need no such thing.
fn months_suffice<'a>(span: Span, valid: impl Iterator<Item = &'a Day>) -> bool {
    let mut counts = [0; 12];
    for day in valid {
        counts[usize::try_from(day.civil().1 - 1).expect("months are 1 to 12")] += 1;
    }
    let needed = |month: usize| if month == 1 { 25 } else { 27 };
    span.kind != Kind::Year || (0..12).all(|month| counts[month] >= needed(month))
}

/// Compares what `rank --format csv` printed with a ranking of the oracle: every column of every row.
#[track_caller]
pub(crate) fn compare(what: &str, printed: &str, expected: &[Line]) {
    let table = Table::parse(printed);
    assert_eq!(table.header, COLUMNS, "{what}: columns");
    let mean = table.position("mean");
    let mut rows = table.rows.clone();
    rows.iter_mut().for_each(|row| row[mean].clear());
    let cells: Vec<Vec<String>> = expected.iter().map(|line| line.cells.clone()).collect();
    assert_eq!(
        rows, cells,
        "{what}: printed (left), the oracle (right); means left out"
    );
    for (row, line) in table.rows.iter().zip(expected) {
        let exact = line.mean.map(Fraction::to_f64);
        let close = match (row[mean].parse::<f64>().ok(), exact) {
            // It is printed with six places.
            (Some(printed), Some(exact)) => (printed - exact).abs() <= 0.6e-6,
            (None, None) => row[mean].is_empty(),
            _ => false,
        };
        assert!(
            close,
            "{what}: mean of {}: printed {:?}, the oracle {exact:?}",
            row[2], row[mean]
        );
    }
}

fn values(figures: &[Figure]) -> Vec<Option<i128>> {
    figures.iter().map(|figure| figure.value).collect()
}

/// Standard competition ranks, 1 2 2 4: one more than those that are better.
pub(crate) fn ranks(values: &[Option<i128>], highest_first: bool) -> Vec<Option<usize>> {
    values
        .iter()
        .map(|own| {
            let own = (*own)?;
            let ahead = values.iter().flatten().filter(|other| match highest_first {
                true => **other > own,
                false => **other < own,
            });
            Some(1 + ahead.count())
        })
        .collect()
}

/// The change in percent, one place, from published values; `None` against nothing or zero.
pub(crate) fn percent(value: Option<i128>, base: Option<i128>) -> Option<String> {
    let (value, base) = (value?, base.filter(|base| *base != 0)?);
    let exact = Fraction::new((value - base) * 100, base);
    Some(print(exact.round_half_even(1), 1))
}

fn text(cell: Option<impl ToString>) -> String {
    cell.map(|cell| cell.to_string()).unwrap_or_default()
}
