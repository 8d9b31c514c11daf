//! Who is first, who is last, who rose: the townships that a notice names.
//!
//! Invariants: ties at the boundary belong to the last ones unless the settings say otherwise; whoever has the lowest
//! value is never among the last.

use std::cmp::Ordering;

use dustwatch_config::RuleSettings;

use crate::notice::wording;
use crate::{Published, Ranking, RankingRow, Status};

/// The townships of a ranking, sorted into those that a notice names.
pub(super) struct Places<'a> {
    /// Those with a rank, best first.
    pub(super) ranked: Vec<&'a RankingRow>,
    /// Those without enough data, as listed.
    pub(super) absent: Vec<&'a RankingRow>,
    /// The first ones, best first.
    pub(super) best: Vec<&'a RankingRow>,
    /// The last ones, worst first.
    pub(super) last: Vec<&'a RankingRow>,
    /// Those that rose against the week before, most first.
    pub(super) risen: Vec<&'a RankingRow>,
}

impl<'a> Places<'a> {
    pub(super) fn of(ranking: &'a Ranking, rules: &RuleSettings) -> Self {
        let is_ranked = |row: &&RankingRow| row.status == Status::Ranked && row.value.is_some();
        let (mut ranked, absent): (Vec<_>, Vec<_>) = ranking.rows.iter().partition(is_ranked);
        ranked.sort_by(|a, b| by_value(a, b));
        let last = last(&ranked, rules);
        let is_last = |row: &RankingRow| contains(&last, row);
        let best = ranked
            .iter()
            .copied()
            .filter(|r| within(r.rank, rules.last_n) && !is_last(r))
            .collect();
        let mut risen: Vec<_> = ranked.iter().copied().filter(|row| rose(row)).collect();
        risen.sort_by(|a, b| {
            b.change_percent
                .cmp(&a.change_percent)
                .then_with(|| by_value(b, a))
        });
        Self {
            ranked,
            absent,
            best,
            last,
            risen,
        }
    }

    /// The lowest and the highest value.
    pub(super) fn range(&self) -> Option<(Published, Published)> {
        Some((self.ranked.first()?.value?, self.ranked.last()?.value?))
    }

    /// Whether a township is among the last ones.
    pub(super) fn is_last(&self, row: &RankingRow) -> bool {
        contains(&self.last, row)
    }
}

/// The last ones, worst first.
fn last<'a>(ranked: &[&'a RankingRow], rules: &RuleSettings) -> Vec<&'a RankingRow> {
    let mut worst: Vec<_> = ranked.iter().copied().filter(|row| row.rank != Some(1)).collect();
    worst.sort_by(|a, b| by_value(b, a));
    if rules.boundary == "truncate_raw" {
        worst.truncate(rules.last_n as usize);
    } else {
        worst.retain(|row| within(row.rank_worst, rules.last_n));
    }
    worst
}

fn by_value(a: &RankingRow, b: &RankingRow) -> Ordering {
    let mean = |row: &RankingRow| row.mean.unwrap_or_default();
    (a.value.cmp(&b.value))
        .then_with(|| mean(a).total_cmp(&mean(b)))
        .then_with(|| a.township_code.cmp(&b.township_code))
}

fn within(rank: Option<u32>, n: u32) -> bool {
    rank.is_some_and(|rank| rank <= n)
}

fn rose(row: &RankingRow) -> bool {
    row.change_percent
        .is_some_and(|change| change > Published::new(0, 0))
}

fn contains(rows: &[&RankingRow], row: &RankingRow) -> bool {
    rows.iter().any(|other| other.township_code == row.township_code)
}

/// `大峪街道、永定镇`
pub(super) fn names(rows: &[&RankingRow]) -> String {
    let names: Vec<&str> = rows.iter().map(|row| row.township.as_str()).collect();
    names.join("、")
}

/// `大峪街道（41微克/立方米）；城子街道、永定镇（均为39微克/立方米）`: equal values share a bracket.
pub(super) fn names_with_values(rows: &[&RankingRow], unit: &str) -> String {
    let groups: Vec<String> = rows
        .chunk_by(|a, b| a.value == b.value)
        .map(|group| {
            let all = if group.len() > 1 { "均为" } else { "" };
            let value = wording::figure(group[0].value);
            format!("{}（{all}{value}{unit}）", names(group))
        })
        .collect();
    groups.join("，")
}

/// `大峪街道（上升3.4%）、永定镇（上升2.0%）`
pub(super) fn names_with_changes(rows: &[&RankingRow]) -> String {
    let names: Vec<String> = rows
        .iter()
        .map(|row| format!("{}（{}）", row.township, wording::change(row.change_percent)))
        .collect();
    names.join("、")
}

/// `前三位`, `前三位（含并列共4个）`, `靠前` of fewer; stands behind 排名.
pub(super) fn first_title(rows: &[&RankingRow], n: u32) -> String {
    title("前", rows, n)
}

/// `后三位`, `后三位（含并列共4个）`, `靠后` of fewer; stands behind 排名.
pub(super) fn last_title(rows: &[&RankingRow], n: u32) -> String {
    title("后", rows, n)
}

fn title(end: &str, rows: &[&RankingRow], n: u32) -> String {
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    let number = wording::numeral(n);
    match count.cmp(&n) {
        Ordering::Less => format!("靠{end}"),
        Ordering::Equal => format!("{end}{number}位"),
        Ordering::Greater => format!("{end}{number}位（含并列共{count}个）"),
    }
}
