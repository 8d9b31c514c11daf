//! Figures of periods, from exact days.

use std::collections::BTreeMap;

use crate::arithmetic::{change, percentile, share, text};
use crate::calendar::Day;
use crate::days::Known;
use crate::fraction::{Fraction, print};
use crate::index::{class, indices, primary};
use crate::invent::{PARAMETERS, World};
use crate::span::{Kind, Span};

/// Edition, its first day, and class 2 limits: annual and daily of TSP, PM10, PM2.5.
type Edition = (&'static str, (i64, i64, i64), [(i128, i128); 3]);

static EDITIONS: [Edition; 3] = [
    ("GB 3095-2012", (1, 1, 1), [(200, 300), (70, 150), (35, 75)]),
    (
        "GB 3095-2026 transition",
        (2026, 3, 1),
        [(200, 300), (60, 120), (30, 60)],
    ),
    ("GB 3095-2026", (2031, 1, 1), [(200, 300), (50, 100), (25, 50)]),
];

fn edition(day: Day) -> &'static Edition {
    let in_force = |e: &&Edition| Day::of(e.1.0, e.1.1, e.1.2) <= day;
    EDITIONS.iter().rev().find(in_force).unwrap()
}

/// A period's mean, if its days suffice.
struct Figure {
    days: usize,
    mean: Option<Fraction>,
    value: Option<i128>,
}

impl Known<'_> {
    /// Whether the days that are valid are enough for a mean over a span.
    fn suffice(&self, days: &[Day], span: Span, tsp_statement: bool) -> bool {
        let rules = &self.batch.rules;
        let (month, february, year) = match tsp_statement {
            true => (
                rules.tsp_month_min_days,
                rules.tsp_month_min_days,
                rules.tsp_year_min_days,
            ),
            false => (rules.month_min_days, rules.february_min_days, rules.year_min_days),
        };
        let of_month = |number: i64| usize::from(if number == 2 { february } else { month });
        let needed = match span.kind {
            Kind::Day => 1,
            Kind::Week => rules.week_min_days.into(),
            Kind::HalfMonth => rules.half_month_min_days.into(),
            Kind::Month => of_month(span.first.civil().1),
            Kind::Year => usize::from(year),
            Kind::Range => {
                let percent = span.length() * i64::from(rules.range_min_percent);
                usize::try_from((percent + 99) / 100).unwrap()
            }
        };
        let months_suffice = (1..=12).all(|number| {
            let count = days.iter().filter(|day| day.civil().1 == number).count();
            count >= of_month(number)
        });
        days.len() >= needed && (span.kind != Kind::Year || months_suffice)
    }

    fn town_days(&self, town: &str, parameter: usize, span: Span) -> BTreeMap<Day, Fraction> {
        let of_town = self.days.towns.iter().filter(|((code, day, p), _)| {
            code == town && *p == parameter && *day >= span.first && *day <= span.last
        });
        of_town.map(|((_, day, _), found)| (*day, found.mean)).collect()
    }

    fn figure(&self, town: &str, parameter: usize, span: Span) -> Figure {
        let days = self.town_days(town, parameter, span);
        let valid: Vec<Day> = days.keys().copied().collect();
        let mean = Fraction::mean(days.into_values()).filter(|_| self.suffice(&valid, span, false));
        Figure {
            days: valid.len(),
            mean,
            value: mean.map(|mean| mean.round_half_even(self.batch.rules.places)),
        }
    }

    /// The lines of `rank`, in the order of the contract.
    pub(crate) fn ranking(
        &self,
        world: &World,
        parameter: usize,
        period: &str,
        city: bool,
        worst: bool,
    ) -> Vec<Vec<String>> {
        let span = Span::parse(period);
        let rules = &self.batch.rules;
        let worlds = self
            .batch
            .worlds
            .iter()
            .filter(|w| city || w.district == world.district);
        let towns: Vec<&str> = worlds
            .flat_map(|w| &w.towns)
            .map(|town| town.code.as_str())
            .collect();
        let of =
            |span: Span| -> Vec<Figure> { towns.iter().map(|t| self.figure(t, parameter, span)).collect() };
        let (now, before, last_year) = (of(span), of(span.previous()), of(span.last_year()));
        let so_far = Span {
            kind: Kind::Range,
            first: Day::of(span.last.civil().0, 1, 1),
            last: span.last,
        };
        let (best, last) = (ranks(&now, false), ranks(&now, true));
        let best_before = ranks(&before, false);
        let mut order: Vec<usize> = (0..towns.len()).collect();
        order.sort_by(|&a, &b| {
            let (x, y) = (now[a].mean, now[b].mean);
            let by_mean = if worst { y.cmp(&x) } else { x.cmp(&y) };
            let by_code = towns[a].cmp(towns[b]);
            let by_code = if worst && x.is_some() {
                by_code.reverse()
            } else {
                by_code
            };
            x.is_none().cmp(&y.is_none()).then(by_mean).then(by_code)
        });
        let mut from_worst: Vec<usize> = (0..towns.len()).filter(|&at| now[at].mean.is_some()).collect();
        from_worst.sort_by_key(|&at| std::cmp::Reverse((now[at].mean, towns[at])));
        from_worst.truncate(rules.last_n as usize);
        order
            .into_iter()
            .map(|at| {
                let is_last = match rules.truncate_raw {
                    true => from_worst.contains(&at),
                    false => last[at].is_some_and(|rank| rank <= rules.last_n as usize),
                };
                let sum = Fraction::mean(self.town_days(towns[at], parameter, so_far).into_values());
                let moved = best_before[at]
                    .zip(best[at])
                    .map(|(before, now)| before as i64 - now as i64);
                vec![
                    text(best[at]),
                    text(last[at]),
                    towns[at].to_owned(),
                    format!("{}镇", towns[at]),
                    self.published(now[at].value),
                    now[at]
                        .mean
                        .map(|mean| mean.to_f64().to_string())
                        .unwrap_or_default(),
                    self.stations(towns[at], parameter, span).to_string(),
                    now[at].days.to_string(),
                    self.published(before[at].value),
                    change(now[at].value, before[at].value),
                    text(best_before[at]),
                    text(moved),
                    self.published(last_year[at].value),
                    change(now[at].value, last_year[at].value),
                    self.published(sum.map(|mean| mean.round_half_even(rules.places))),
                    if now[at].value.is_some() {
                        "ranked"
                    } else {
                        "insufficient_data"
                    }
                    .to_owned(),
                    is_last.to_string(),
                    self.hours_of_a_day(false)[parameter].to_string(),
                ]
            })
            .collect()
    }

    fn published(&self, value: Option<i128>) -> String {
        value
            .map(|value| print(value, self.batch.rules.places))
            .unwrap_or_default()
    }

    fn stations(&self, town: &str, parameter: usize, span: Span) -> usize {
        let of_town = self.days.towns.iter().filter(|((code, day, p), _)| {
            code == town && *p == parameter && *day >= span.first && *day <= span.last
        });
        let devices: std::collections::BTreeSet<&String> =
            of_town.flat_map(|(_, found)| &found.devices).collect();
        devices.len()
    }

    /// Level, code and name of districts and of their townships: of one world, or of all of the batch.
    fn units(
        &self,
        world: &World,
        city: bool,
        districts: bool,
        townships: bool,
    ) -> Vec<(&'static str, String, String)> {
        let mut units = Vec::new();
        for other in self
            .batch
            .worlds
            .iter()
            .filter(|w| city || w.district == world.district)
        {
            let code = &other.district;
            if districts {
                let own = *code == world.district;
                let name = if own { format!("{code}区") } else { code.clone() };
                units.push(("district", code.clone(), name));
            }
            if townships {
                let towns = other.towns.iter();
                units.extend(towns.map(|t| ("township", t.code.clone(), format!("{}镇", t.code))));
            }
        }
        units.sort();
        units
    }

    /// The lines of `compliance` of the whole city: districts, then townships.
    pub(crate) fn compliance(&self, world: &World, parameter: usize, period: &str) -> Vec<Vec<String>> {
        let span = Span::parse(period);
        let (places, full) = (self.batch.rules.places, self.batch.rules.full);
        let areas = self.areas();
        let compared = |exact: Fraction| match full {
            true => exact,
            false => Fraction::new(exact.round_half_even(places), 10i128.pow(places)),
        };
        let judged_by = edition(span.last);
        let (annual, daily) = judged_by.2[parameter];
        let first = EDITIONS
            .iter()
            .position(|e| e.0 == edition(span.first).0)
            .unwrap();
        let last = EDITIONS.iter().position(|e| e.0 == judged_by.0).unwrap();
        let names: Vec<&str> = EDITIONS[first..=last].iter().map(|e| e.0).collect();
        let is_year = span.kind == Kind::Year;
        let verdict = |holds: Option<bool>| match holds.filter(|_| is_year) {
            Some(true) => "compliant".to_owned(),
            Some(false) => "exceed".to_owned(),
            None => String::new(),
        };
        self.units(world, true, true, true)
            .into_iter()
            .map(|(level, code, name)| {
                let of_unit: BTreeMap<Day, Fraction> = areas
                    .iter()
                    .filter(|((l, c, day, p), _)| {
                        *l == level
                            && *c == code
                            && *p == parameter
                            && *day >= span.first
                            && *day <= span.last
                    })
                    .map(|((_, _, day, _), mean)| (*day, *mean))
                    .collect();
                let valid: Vec<Day> = of_unit.keys().copied().collect();
                let enough = self.suffice(&valid, span, parameter == 0) && !valid.is_empty();
                let over = |(day, mean): &(&Day, &Fraction)| {
                    compared(**mean) > Fraction::whole(edition(**day).2[parameter].1)
                };
                let days_over = of_unit.iter().filter(over).count();
                let good = valid.len() - days_over;
                let mean = Fraction::mean(of_unit.values().copied()).filter(|_| enough);
                let percentile = percentile(of_unit.into_values().collect()).filter(|_| enough);
                let mean_holds = mean.map(|mean| compared(mean) <= Fraction::whole(annual));
                let percentile_holds = percentile.map(|p| compared(p) <= Fraction::whole(daily));
                vec![
                    level.to_owned(),
                    code,
                    name,
                    PARAMETERS[parameter].to_owned(),
                    names.join(" + "),
                    self.hours_of_a_day(true)[parameter].to_string(),
                    valid.len().to_string(),
                    mean.map(|mean| mean.to_f64().to_string()).unwrap_or_default(),
                    self.published(mean.map(|mean| mean.round_half_even(places))),
                    if is_year {
                        annual.to_string()
                    } else {
                        String::new()
                    },
                    verdict(mean_holds),
                    self.published(percentile.map(|p| p.round_half_even(places))),
                    daily.to_string(),
                    verdict(percentile_holds),
                    days_over.to_string(),
                    good.to_string(),
                    share(good, valid.len(), enough),
                    verdict(mean_holds.zip(percentile_holds).map(|(a, b)| a && b)),
                    if enough { "valid" } else { "insufficient_data" }.to_owned(),
                ]
            })
            .collect()
    }

    /// The lines of `aqi`: of the district or of its townships.
    pub(crate) fn aqi_days(&self, world: &World, period: &str, by_township: bool) -> Vec<Vec<String>> {
        let span = Span::parse(period);
        let all = indices(&self.areas());
        let mut lines = Vec::new();
        for (level, code, name) in self.units(world, false, !by_township, by_township) {
            for (at, basis) in ["pm25", "pm10", "pm25+pm10"].into_iter().enumerate() {
                let days: Vec<(Day, i128, &str)> = all
                    .iter()
                    .filter(|((l, c, day), _)| {
                        *l == level && *c == code && *day >= span.first && *day <= span.last
                    })
                    .filter_map(|((_, _, day), of_day)| Some((*day, of_day[at]?, primary(*of_day))))
                    .collect();
                let valid: Vec<Day> = days.iter().map(|(day, ..)| *day).collect();
                let enough = self.suffice(&valid, span, false) && !valid.is_empty();
                let count = |name: &str| days.iter().filter(|(_, index, _)| class(*index) == name).count();
                let names = ["优", "良", "轻度污染", "中度污染", "重度污染", "严重污染"];
                let good = count("优") + count("良");
                let highest = days.iter().map(|(_, index, _)| *index).max();
                let worst = days.iter().find(|(_, index, _)| Some(*index) == highest);
                let mut line = vec![
                    code.clone(),
                    name.clone(),
                    basis.to_owned(),
                    days.len().to_string(),
                ];
                line.extend(names.map(|name| count(name).to_string()));
                line.push(good.to_string());
                line.push(share(good, days.len(), enough));
                line.push(text(highest));
                line.push(text(worst.map(|(day, ..)| *day)));
                line.push(highest.map(class).unwrap_or_default().to_owned());
                line.push(
                    worst
                        .filter(|_| at == 2)
                        .map(|(.., primary)| *primary)
                        .unwrap_or_default()
                        .to_owned(),
                );
                line.push(if enough { "valid" } else { "insufficient_data" }.to_owned());
                lines.push(line);
            }
        }
        lines
    }
}

/// One more than those that are better; equal ones share a rank.
fn ranks(figures: &[Figure], highest_first: bool) -> Vec<Option<usize>> {
    let rank = |own: &Figure| {
        let own = own.value?;
        let better = |other: i128| if highest_first { other > own } else { other < own };
        Some(
            1 + figures
                .iter()
                .filter_map(|f| f.value)
                .filter(|other| better(*other))
                .count(),
        )
    };
    figures.iter().map(rank).collect()
}
