//! Random ledgers against a slow second opinion: exact fractions, no SQL, no rounding but the one that is asked for.

#[path = "../../../tests/support/fraction.rs"]
#[allow(dead_code)]
mod fraction;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use dustwatch_analytics::LedgerReport;
use fraction::{Fraction, print};
use proptest::prelude::*;

use crate::desk::{Desk, lines};

/// Items of the kind: key, how a period's values become one, whether low is better, places, limit.
const ITEMS: [(&str, &str, bool, u32, &str); 6] = [
    ("mean_low", "mean", true, 1, "5"),
    ("mean_high", "mean", false, 2, "4.5"),
    ("sum_low", "sum", true, 0, "12"),
    ("last_low", "last", true, 1, "5"),
    ("worst_low", "worst", true, 1, "7"),
    ("worst_high", "worst", false, 0, "3"),
];

const SUBJECTS: [&str; 5] = ["甲", "乙", "丙", "丁", "戊"];

/// What a line says: subject, day, point, value in hundredths of every item.
type Line = (usize, NaiveDate, usize, i64);

fn kind() -> String {
    let mut text = "key = \"made_up\"\nname = \"虚构\"\nranked = \"mean_low\"\n\n[subject]\ncolumn = \"subject\"\nkind = \"text\"\n\n\
                    [point]\ncolumn = \"point\"\n\n"
        .to_owned();
    for (key, combine, lower, decimals, limit) in ITEMS {
        let better = if lower { "lower" } else { "higher" };
        text += &format!(
            "[[item]]\nkey = \"{key}\"\nname = \"{key}\"\ntype = \"number\"\ndecimals = {decimals}\nbetter = \"{better}\"\n\
             combine = \"{combine}\"\nlimit = {limit}\n\n"
        );
    }
    text
}

fn file(list: &[Line]) -> String {
    let mut text = "date,subject,point,mean_low,mean_high,sum_low,last_low,worst_low,worst_high\n".to_owned();
    for (subject, date, point, value) in list {
        let value = print(i128::from(*value), 2);
        text += &format!(
            "{date},{},{point}号{}\n",
            SUBJECTS[*subject],
            format!(",{value}").repeat(6)
        );
    }
    text
}

/// The values of a span combined, a subject, exactly.
fn combined(
    list: &[Line],
    span: (NaiveDate, NaiveDate),
    combine: &str,
    lower: bool,
) -> BTreeMap<usize, Fraction> {
    let mut told: BTreeMap<usize, Vec<(NaiveDate, Fraction)>> = BTreeMap::new();
    for (subject, date, _, value) in list {
        if (span.0..=span.1).contains(date) {
            let value = Fraction::new(i128::from(*value), 100);
            told.entry(*subject).or_default().push((*date, value));
        }
    }
    let worst = |values: &mut dyn Iterator<Item = Fraction>| if lower { values.max() } else { values.min() };
    told.into_iter()
        .map(|(subject, told)| {
            let last = told.iter().map(|(date, _)| *date).max();
            let mut values = told.iter().map(|(_, value)| *value);
            let value = match combine {
                "mean" => Fraction::mean(values),
                "sum" => Some(values.fold(Fraction::ZERO, Fraction::plus)),
                "worst" => worst(&mut values),
                _ => worst(
                    &mut told
                        .iter()
                        .filter(|(date, _)| Some(*date) == last)
                        .map(|(_, value)| *value),
                ),
            };
            (subject, value.unwrap())
        })
        .collect()
}

fn span(first: &str, last: &str) -> (NaiveDate, NaiveDate) {
    (first.parse().unwrap(), last.parse().unwrap())
}

/// For each subject of August 2024: rank, value, previous, change, rank change, last year, change, verdict.
fn expected(list: &[Line], item: (&str, &str, bool, u32, &str)) -> Vec<String> {
    let (_, combine, lower, places, limit) = item;
    let rounded = |span| -> BTreeMap<usize, i128> {
        let exact = combined(list, span, combine, lower);
        exact
            .into_iter()
            .map(|(s, v)| (s, v.round_half_even(places)))
            .collect()
    };
    let now = rounded(span("2024-08-01", "2024-08-31"));
    let before = rounded(span("2024-07-01", "2024-07-31"));
    let last_year = rounded(span("2023-08-01", "2023-08-31"));
    let rank = |values: &BTreeMap<usize, i128>, own: i128, best: bool| {
        let stands_before = |other: &i128| if lower == best { *other < own } else { *other > own };
        1 + values.values().filter(|other| stands_before(other)).count() as i128
    };
    let change = |value: i128, base: Option<&i128>| match base {
        Some(0) | None => String::new(),
        Some(base) => print(Fraction::new((value - base) * 100, *base).round_half_even(1), 1),
    };
    let text = |value: Option<&i128>| value.map(|v| print(*v, places)).unwrap_or_default();
    let limit = Fraction::parse(limit).unwrap();
    let mut out: Vec<String> = now
        .iter()
        .map(|(subject, value)| {
            let own = Fraction::new(*value, 10i128.pow(places));
            let verdict = match (lower, own.cmp(&limit)) {
                (true, std::cmp::Ordering::Greater) => "exceed",
                (false, std::cmp::Ordering::Less) => "below",
                _ => "compliant",
            };
            let previous = before.get(subject);
            let moved = previous.map(|p| rank(&before, *p, true) - rank(&now, *value, true));
            format!(
                "{}|{}|{}|{}|{}|{}|{}|{}|{}|{verdict}",
                SUBJECTS[*subject],
                rank(&now, *value, true),
                rank(&now, *value, false),
                print(*value, places),
                text(previous),
                change(*value, previous),
                moved.map(|m| m.to_string()).unwrap_or_default(),
                text(last_year.get(subject)),
                change(*value, last_year.get(subject)),
            )
        })
        .collect();
    out.sort();
    out
}

fn got(report: &LedgerReport) -> Vec<String> {
    let mut table = report.table();
    let status = table.headers.iter().position(|h| h == "status").unwrap();
    table.rows.retain(|row| row[status].text() == "ranked");
    let columns = [
        "name",
        "rank",
        "rank_worst",
        "value",
        "previous_value",
        "change",
        "rank_change",
        "last_year_value",
        "last_year_change",
        "verdict",
    ];
    let mut out = lines(&table, &columns);
    out.sort();
    out
}

/// A day in one of the three months that are compared, or beside them.
fn day() -> impl Strategy<Value = NaiveDate> {
    let months = ["2024-08", "2024-08", "2024-07", "2023-08", "2024-06"];
    (0..months.len(), prop::sample::select(vec![1u32, 2, 15, 30])).prop_map(move |(month, day)| {
        format!("{}-{day:02}", months[month])
            .parse::<NaiveDate>()
            .unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_figure_of_a_random_ledger_is_the_exact_one(
        list in prop::collection::vec((0..SUBJECTS.len(), day(), 0usize..3, 0i64..900), 1..60)
    ) {
        let mut list = list;
        list.sort();
        list.dedup_by_key(|line| (line.0, line.1, line.2));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let desk = Desk::with_ledgers(&[("made_up.toml", kind().as_str())]);
            let imported = desk.ledger("made_up", file(&list)).await;
            assert_eq!((imported.added.new, imported.refused.len()), (6 * list.len() as u64, 0));
            for item in ITEMS {
                let report = desk.ledger_report("made_up", Some(item.0), "2024-08").await;
                assert_eq!(got(&report), expected(&list, item), "{} of {}", item.0, file(&list));
            }
        });
    }
}
