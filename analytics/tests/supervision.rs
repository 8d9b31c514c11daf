//! Who is called in: scenarios of the action plan, and random histories against a slow reading of the rules.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{World, days};
use dustwatch_analytics::{
    AnalyticsError, MonthlyValue, Outcome, Period, Published, SupervisionRow, supervise, supervision,
};
use dustwatch_config::RuleSettings;

const TOWNSHIPS: [&str; 6] = ["t1", "t2", "t3", "t4", "t5", "t6"];

async fn world() -> World {
    let lines: Vec<String> = TOWNSHIPS.iter().map(|t| format!("{t},镇{t},110109")).collect();
    World::new(&lines.iter().map(String::as_str).collect::<Vec<_>>(), &[]).await
}

fn month(number: i64) -> Period {
    format!("{}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1)
        .parse()
        .unwrap()
}

/// August 2019.
const AUGUST: i64 = 2019 * 12 + 7;

/// Values of some months, a month a line, a township a column; `None` without data.
fn values(parameter: &str, first: i64, months: &[[Option<i64>; 6]]) -> Vec<MonthlyValue> {
    let mut out = Vec::new();
    for (at, of_month) in months.iter().enumerate() {
        for (township, value) in TOWNSHIPS.iter().zip(of_month) {
            out.push(MonthlyValue {
                parameter: parameter.to_owned(),
                month: month(first + at as i64),
                township: (*township).to_owned(),
                mean: value.map(|v| v as f64),
                value: value.map(|v| Published::new(v, 0)),
                basis: 30,
            });
        }
    }
    out
}

fn some(values: [i64; 6]) -> [Option<i64>; 6] {
    values.map(Some)
}

fn summary(rows: &[SupervisionRow]) -> Vec<String> {
    rows.iter()
        .map(|r| {
            let months: Vec<String> = r
                .months
                .iter()
                .map(|m| format!("{}:{}#{}", m.month, m.value, m.rank_worst))
                .collect();
            format!(
                "{} {} {} {} {}",
                r.outcome.as_str(),
                r.rules,
                r.parameter,
                r.township_code,
                months.join(",")
            )
        })
        .collect()
}

#[tokio::test]
async fn two_months_among_the_last_three_without_improvement_lead_to_an_interview_then_to_a_proposal() {
    let world = world().await;
    // t4 is third from the end and better than last year; t5 and t6 are not.
    let mut all = values("tsp", AUGUST - 12, &[some([10, 20, 30, 50, 50, 60])]);
    all.extend(values(
        "tsp",
        AUGUST - 1,
        &[
            some([10, 20, 30, 40, 50, 60]),
            some([11, 21, 31, 41, 51, 61]),
            some([12, 22, 32, 42, 52, 62]),
        ],
    ));
    let july = supervise(&world.settings, month(AUGUST - 1), &all).await.unwrap();
    assert!(july.rows.is_empty(), "{:?}", july.rows);
    let august = supervise(&world.settings, month(AUGUST), &all).await.unwrap();
    assert_eq!(
        summary(&august.rows),
        [
            "interview R2 tsp t6 2019-07:60#1,2019-08:61#1",
            "interview R2 tsp t5 2019-07:50#2,2019-08:51#2",
        ]
    );
    assert!(august.settings.contains("r2_k=2"), "{}", august.settings);
    let september = supervise(&world.settings, month(AUGUST + 1), &all).await.unwrap();
    assert_eq!(
        summary(&september.rows),
        [
            "accountability R2 tsp t6 2019-07:60#1,2019-08:61#1,2019-09:62#1",
            "accountability R2 tsp t5 2019-07:50#2,2019-08:51#2,2019-09:52#2",
            "interview R2 tsp t4 2019-07:40#3,2019-08:41#3,2019-09:42#3",
        ],
        "t4 has no value of last September to be better than, and rose since August"
    );
    assert_eq!(september.rows[0].met_before.as_deref(), Some("2019-08"));
    let table = september.table();
    assert_eq!(table.rows[0].len(), table.headers.len());
}

#[tokio::test]
async fn dustfall_that_rose_is_reason_enough_unless_both_are_asked_for() {
    let mut world = world().await;
    let mut all = values("dustfall", AUGUST - 12, &[some([5, 5, 5, 5, 5, 9])]);
    all.extend(values(
        "dustfall",
        AUGUST - 1,
        &[some([4, 4, 4, 6, 7, 8]), some([4, 4, 6, 4, 7, 8])],
    ));
    let list = supervise(&world.settings, month(AUGUST), &all).await.unwrap();
    assert_eq!(
        summary(&list.rows),
        [
            "interview R3a R3b dustfall t5 2019-07:7#2,2019-08:7#2",
            "interview R3a dustfall t3 2019-08:6#3",
        ],
        "t6 fell against last year"
    );
    world.settings.rules.r3_combine = "and".to_owned();
    let list = supervise(&world.settings, month(AUGUST), &all).await.unwrap();
    assert_eq!(
        summary(&list.rows),
        ["interview R3a R3b dustfall t5 2019-07:7#2,2019-08:7#2"]
    );
    world.settings.rules.r3_basis = "mom".to_owned();
    let list = supervise(&world.settings, month(AUGUST), &all).await.unwrap();
    assert!(list.rows.is_empty(), "{:?}", list.rows);
}

#[tokio::test]
async fn a_month_without_data_neither_extends_nor_ends_a_streak_unless_the_settings_say_so() {
    let mut world = world().await;
    let missing = [Some(1), Some(2), Some(3), Some(4), Some(5), None];
    let all = values(
        "pm25",
        AUGUST - 2,
        &[some([1, 2, 3, 4, 5, 60]), missing, some([1, 2, 3, 4, 5, 61])],
    );
    let july = supervise(&world.settings, month(AUGUST - 1), &all).await.unwrap();
    assert!(july.rows.iter().all(|r| r.township_code != "t6"));
    let of_t6 = |rows: &[SupervisionRow]| -> Vec<String> {
        let rows: Vec<_> = rows.iter().filter(|r| r.township_code == "t6").cloned().collect();
        summary(&rows)
    };
    let list = supervise(&world.settings, month(AUGUST), &all).await.unwrap();
    assert_eq!(
        of_t6(&list.rows),
        ["interview R2 pm25 t6 2019-06:60#1,2019-08:61#1"]
    );
    world.settings.rules.streak_missing = "break".to_owned();
    let list = supervise(&world.settings, month(AUGUST), &all).await.unwrap();
    assert!(of_t6(&list.rows).is_empty());
}

#[tokio::test]
async fn the_list_is_made_from_the_tables_by_valid_months() {
    let mut world = World::new(
        &["t1,甲镇,110109", "t2,乙镇,110109"],
        &["a,township,t1,1h,,", "b,township,t2,1h,,"],
    )
    .await;
    world.settings.rules.last_n = 1;
    // b is the last in both months; June has 26 valid days of a, so a is not ranked there.
    for (device, first, last, value) in [
        ("a", "2019-06-01", "2019-06-26", "99"),
        ("b", "2019-06-01", "2019-06-30", "70"),
        ("a", "2019-07-01", "2019-07-31", "50"),
        ("b", "2019-07-01", "2019-07-27", "71.4"),
    ] {
        world.append(days(device, first, last, "tsp", value)).await;
    }
    world.roll_up().await;
    let list = supervision(&world.lake, &world.settings, "2019-07".parse().unwrap(), None)
        .await
        .unwrap();
    assert_eq!(
        summary(&list.rows),
        ["interview R2 tsp t2 2019-06:70#1,2019-07:71#1"]
    );
    let basis: Vec<u32> = list.rows[0].months.iter().map(|m| m.basis).collect();
    assert_eq!(basis, [30, 27]);
    assert!(list.provenance.unwrap().observations_version.is_some());
    let week = supervision(&world.lake, &world.settings, "2019-W30".parse().unwrap(), None).await;
    assert!(matches!(week, Err(AnalyticsError::Request(_))), "{week:?}");
}

/// A generator of our own, so that a history can be made again from its number.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// Thousandths of a unit: (unrounded, published).
type Months = Vec<BTreeMap<&'static str, (i64, i64)>>;

fn invent(random: &mut Random) -> BTreeMap<&'static str, Months> {
    let mut out = BTreeMap::new();
    for parameter in ["pm25", "tsp", "dustfall"] {
        let mut months = Vec::new();
        for _ in 0..18 {
            let mut of_month = BTreeMap::new();
            let nobody = random.below(12) == 0;
            for township in TOWNSHIPS {
                if !nobody && random.below(7) > 0 {
                    let published = (20 + random.below(8) as i64) * 1000;
                    of_month.insert(
                        township,
                        (published + random.below(3) as i64 * 200 - 200, published),
                    );
                }
            }
            months.push(of_month);
        }
        out.insert(parameter, months);
    }
    out
}

fn random_rules(random: &mut Random, rules: &mut RuleSettings) {
    rules.last_n = 1 + random.below(3) as u32;
    rules.r2_k = 1 + random.below(3) as u32;
    rules.r3c_months = 1 + random.below(3) as u32;
    rules.r2_improved = random.pick(&["yoy", "mom", "rank", "ratio"]).to_owned();
    rules.r3_basis = random.pick(&["yoy", "mom"]).to_owned();
    rules.r3_combine = random.pick(&["or", "and"]).to_owned();
    rules.boundary = random.pick(&["include_ties", "truncate_raw"]).to_owned();
    rules.streak_missing = random.pick(&["skip", "break"]).to_owned();
}

/// The rank from the worst, and whether a township is among the last, of each that has a value.
fn ranks(
    of_month: &BTreeMap<&'static str, (i64, i64)>,
    rules: &RuleSettings,
) -> BTreeMap<&'static str, (u32, bool)> {
    let mut order: Vec<_> = of_month.iter().map(|(t, (raw, v))| (*v, *raw, *t)).collect();
    order.sort();
    order.reverse();
    let mut out = BTreeMap::new();
    for (place, (value, _, township)) in order.iter().enumerate() {
        let rank = 1 + order.iter().filter(|o| o.0 > *value).count() as u32;
        let is_last = if rules.boundary == "truncate_raw" {
            (place as u32) < rules.last_n
        } else {
            rank <= rules.last_n
        };
        out.insert(*township, (rank, is_last));
    }
    out
}

/// Who meets which rules in each month, by walking through the months of each township.
fn slow(
    months: &Months,
    parameter: &str,
    rules: &RuleSettings,
) -> Vec<BTreeMap<&'static str, Vec<&'static str>>> {
    let ranks: Vec<_> = months.iter().map(|m| ranks(m, rules)).collect();
    let mut out = vec![BTreeMap::new(); months.len()];
    for township in TOWNSHIPS {
        let value = |at: usize| months[at].get(township).map(|v| v.1);
        // The share of the month's total, times the number of townships: compared by cross-multiplication.
        let share = |at: usize| {
            let total: i64 = months[at].values().map(|v| v.1).sum();
            value(at).map(|v| (i128::from(v) * months[at].len() as i128, i128::from(total)))
        };
        let (mut streak, mut start) = (0, 0);
        for at in 0..months.len() {
            let Some(now) = value(at) else {
                if rules.streak_missing == "break" || months[at].is_empty() {
                    streak = 0;
                }
                continue;
            };
            let (rank, is_last) = ranks[at][township];
            if is_last {
                if streak == 0 {
                    start = rank;
                }
                streak += 1;
            } else {
                streak = 0;
            }
            let before = at.checked_sub(1).and_then(value);
            let last_year = at.checked_sub(12).and_then(value);
            let fell = before.is_some_and(|b| now < b);
            let improved = match rules.r2_improved.as_str() {
                "mom" => fell,
                "rank" => rank > start,
                "ratio" => match (share(at), at.checked_sub(1).and_then(share)) {
                    (Some(a), Some(b)) => {
                        let (a, b) = (a.0 as f64 / a.1 as f64, b.0 as f64 / b.1 as f64);
                        (a * 1e6).round() < (b * 1e6).round()
                    }
                    _ => false,
                },
                _ => last_year.map_or(fell && rank > start, |y| now < y),
            };
            let repeated = is_last && streak >= rules.r2_k && !improved;
            let mut met = Vec::new();
            if parameter == "dustfall" {
                let base = if rules.r3_basis == "yoy" {
                    last_year.or(before)
                } else {
                    before
                };
                let rose = base.is_some_and(|b| now > b);
                if rose && (repeated || rules.r3_combine == "or") {
                    met.push("R3a");
                }
                if repeated && (rose || rules.r3_combine == "or") {
                    met.push("R3b");
                }
            } else if repeated {
                met.push("R2");
            }
            if !met.is_empty() {
                out[at].insert(township, met);
            }
        }
    }
    out
}

#[tokio::test]
async fn random_histories_are_judged_as_a_slow_reading_of_the_rules_judges_them() {
    let mut world = world().await;
    let (mut interviews, mut proposals) = (0, 0);
    for seed in 0..24 {
        let mut random = Random(seed * 977 + 11);
        let history = invent(&mut random);
        random_rules(&mut random, &mut world.settings.rules);
        let mut all = Vec::new();
        for (parameter, months) in &history {
            for (at, of_month) in months.iter().enumerate() {
                for (township, (raw, published)) in of_month {
                    all.push(MonthlyValue {
                        parameter: (*parameter).to_owned(),
                        month: month(AUGUST + at as i64),
                        township: (*township).to_owned(),
                        mean: Some(*raw as f64 / 1000.0),
                        value: Some(Published::new(published / 1000, 0)),
                        basis: 1,
                    });
                }
            }
        }
        let at = 12 + random.below(6) as usize;
        let list = supervise(&world.settings, month(AUGUST + at as i64), &all)
            .await
            .unwrap();
        let mut said: Vec<(String, String, String, bool)> = list
            .rows
            .iter()
            .map(|r| {
                (
                    r.parameter.clone(),
                    r.township_code.clone(),
                    r.rules.clone(),
                    r.outcome == Outcome::Accountability,
                )
            })
            .collect();
        said.sort();
        let mut expected = Vec::new();
        for (parameter, months) in &history {
            let met = slow(months, parameter, &world.settings.rules);
            for (township, rules) in &met[at] {
                let since = at.saturating_sub(world.settings.rules.r3c_months as usize);
                let again = met[since..at].iter().any(|m| m.contains_key(township));
                expected.push((
                    (*parameter).to_owned(),
                    (*township).to_owned(),
                    rules.join(" "),
                    again,
                ));
            }
        }
        expected.sort();
        assert_eq!(said, expected, "history {seed}, {:?}", world.settings.rules);
        proposals += expected.iter().filter(|e| e.3).count();
        interviews += expected.iter().filter(|e| !e.3).count();
    }
    assert!(
        interviews > 8 && proposals > 8,
        "{interviews} interviews, {proposals} proposals"
    );
}
