//! How a notice says things: changes, dates, units, numbers.
//!
//! Invariants: digits are half-width, ranges have `—`; a figure that there is not is `—`; negative means fell.

use std::cmp::Ordering;

use chrono::{Datelike, NaiveDate};

use crate::{Period, PeriodKind, Published};

/// What stands where there is no figure.
pub(super) const NONE: &str = "—";

/// `2019年8月5日`
pub(super) fn date(day: NaiveDate) -> String {
    format!("{}年{}", day.year(), month_day(day))
}

fn month_day(day: NaiveDate) -> String {
    format!("{}月{}日", day.month(), day.day())
}

/// `2019年8月5日—8月11日`; the year again when it changes.
pub(super) fn span(period: Period) -> String {
    let (first, last) = (period.first(), period.last());
    match (first == last, first.year() == last.year()) {
        (true, _) => date(first),
        (false, true) => format!("{}—{}", date(first), month_day(last)),
        (false, false) => format!("{}—{}", date(first), date(last)),
    }
}

/// `2019年8月5日—8月11日（第32周）`
pub(super) fn period(period: Period) -> String {
    match period.kind() {
        PeriodKind::Week => format!("{}（第{}周）", span(period), period.first().iso_week().week()),
        PeriodKind::Month => short_period(period),
        _ => span(period),
    }
}

/// `2018年第32周` for a week, the span for anything else.
pub(super) fn short_period(period: Period) -> String {
    let week = period.first().iso_week();
    match period.kind() {
        PeriodKind::Week => format!("{}年第{}周", week.year(), week.week()),
        PeriodKind::Month => format!("{}年{}月", period.first().year(), period.first().month()),
        _ => span(period),
    }
}

/// `本周`, `本月`
pub(super) fn this(period: Period) -> &'static str {
    match period.kind() {
        PeriodKind::Month => "本月",
        _ => "本周",
    }
}

/// `上周`, `上月`
pub(super) fn last(period: Period) -> &'static str {
    match period.kind() {
        PeriodKind::Month => "上月",
        _ => "上周",
    }
}

/// `2024年10月上半月`, `2024年10月`: what the city's lists are of.
pub(super) fn list_period(period: Period) -> String {
    let first = period.first();
    let month = format!("{}年{}月", first.year(), first.month());
    match (period.kind(), first.day()) {
        (PeriodKind::Month, _) => month,
        (PeriodKind::HalfMonth, 1) => format!("{month}上半月"),
        (PeriodKind::HalfMonth, _) => format!("{month}下半月"),
        _ => span(period),
    }
}

/// `PM2.5`
pub(super) fn parameter(key: &str) -> String {
    match key {
        "pm25" => "PM2.5".to_owned(),
        "pm10" => "PM10".to_owned(),
        "tsp" => "TSP".to_owned(),
        "dustfall" => "降尘".to_owned(),
        other => other.to_owned(),
    }
}

/// `细颗粒物（PM2.5）`, for the first mention.
pub(super) fn parameter_in_full(key: &str) -> String {
    let name = match key {
        "pm25" => "细颗粒物",
        "pm10" => "可吸入颗粒物",
        "tsp" => "粗颗粒物",
        _ => return parameter(key),
    };
    format!("{name}（{}）", parameter(key))
}

/// `微克/立方米`
pub(super) fn unit(unit: &str) -> String {
    match unit {
        "µg/m³" | "μg/m³" | "ug/m3" => "微克/立方米".to_owned(),
        other => other.to_owned(),
    }
}

/// A figure in a table, `—` without one; a change keeps its sign.
pub(super) fn figure(value: Option<Published>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

/// `下降12.1%`, `上升3.4%`, `持平`, `—`.
pub(super) fn change(percent: Option<Published>) -> String {
    let Some(percent) = percent else {
        return NONE.to_owned();
    };
    match percent.cmp(&Published::new(0, 0)) {
        Ordering::Less => format!("下降{}%", percent.abs()),
        Ordering::Equal => "持平".to_owned(),
        Ordering::Greater => format!("上升{percent}%"),
    }
}

/// A change in a sentence: `环比下降12.1%`, `同比无可比数据`.
pub(super) fn change_clause(basis: &str, percent: Option<Published>) -> String {
    match percent {
        Some(_) => format!("{basis}{}", change(percent)),
        None => format!("{basis}无可比数据"),
    }
}

/// `↑2` moved up, `↓1` moved down, `持平`, `—`.
pub(super) fn rank_change(gained: Option<i32>) -> String {
    match gained {
        None => NONE.to_owned(),
        Some(0) => "持平".to_owned(),
        Some(gained) if gained > 0 => format!("↑{gained}"),
        Some(gained) => format!("↓{}", gained.unsigned_abs()),
    }
}

/// A share in percent with one place, rounded half to even; `—` of nothing.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return NONE.to_owned();
    }
    let (part, whole) = (u128::from(part) * 1000, u128::from(whole));
    let (quotient, rest) = (part / whole, part % whole);
    let up = match (2 * rest).cmp(&whole) {
        Ordering::Less => 0,
        Ordering::Equal => quotient % 2,
        Ordering::Greater => 1,
    };
    let tenths = quotient + up;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// How far a value lies from a limit: `低于48微克/立方米的年度目标7微克/立方米`.
pub(super) fn gap(value: Published, limit: u32, unit: &str) -> String {
    let scale = 10i64.saturating_pow(value.places().into());
    let gap = i64::from(limit)
        .saturating_mul(scale)
        .saturating_sub(value.decimal().mantissa());
    let distance = Published::new(gap.saturating_abs(), value.places());
    match gap.cmp(&0) {
        Ordering::Greater => format!("低于{limit}{unit}的年度目标{distance}{unit}"),
        Ordering::Equal => format!("与{limit}{unit}的年度目标持平"),
        Ordering::Less => format!("高于{limit}{unit}的年度目标{distance}{unit}"),
    }
}

/// `三`, `十二`: a number up to 99 in Chinese; digits above.
pub(super) fn numeral(number: u32) -> String {
    const DIGITS: [&str; 10] = ["〇", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let digit = |n: u32| DIGITS.get(n as usize).copied().unwrap_or_default();
    let ones = |n: u32| if n == 0 { "" } else { digit(n) };
    match number {
        0..10 => digit(number).to_owned(),
        10..20 => format!("十{}", ones(number % 10)),
        20..100 => format!("{}十{}", digit(number / 10), ones(number % 10)),
        _ => number.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn says_which_way_a_figure_went() {
        assert_eq!(change(Some(Published::new(-121, 1))), "下降12.1%");
        assert_eq!(change(Some(Published::new(34, 1))), "上升3.4%");
        assert_eq!(change(Some(Published::new(0, 1))), "持平");
        assert_eq!(change(None), "—");
        assert_eq!(change_clause("同比", None), "同比无可比数据");
        assert_eq!(
            [Some(2), Some(-1), Some(0), None].map(rank_change),
            ["↑2", "↓1", "持平", "—"].map(str::to_owned)
        );
    }

    #[test]
    fn writes_dates_and_weeks() {
        assert_eq!(
            period(Period::week(2019, 32).unwrap()),
            "2019年8月5日—8月11日（第32周）"
        );
        assert_eq!(
            period(Period::week(2019, 1).unwrap()),
            "2018年12月31日—2019年1月6日（第1周）"
        );
        assert_eq!(short_period(Period::week(2018, 32).unwrap()), "2018年第32周");
        assert_eq!(
            period(Period::day(NaiveDate::from_ymd_opt(2019, 8, 6).unwrap())),
            "2019年8月6日"
        );
    }

    #[test]
    fn measures_the_gap_to_a_limit() {
        let unit = unit("µg/m³");
        assert_eq!(
            gap(Published::new(41, 0), 48, &unit),
            "低于48微克/立方米的年度目标7微克/立方米"
        );
        assert_eq!(
            gap(Published::new(485, 1), 48, &unit),
            "高于48微克/立方米的年度目标0.5微克/立方米"
        );
        assert_eq!(
            gap(Published::new(480, 1), 48, &unit),
            "与48微克/立方米的年度目标持平"
        );
    }

    #[test]
    fn counts_and_shares() {
        assert_eq!(
            [3, 10, 13, 20, 42, 100].map(numeral),
            ["三", "十", "十三", "二十", "四十二", "100"]
        );
        assert_eq!(share(165, 168), "98.2");
        assert_eq!(share(1, 2000), "0.0");
        assert_eq!(share(3, 2000), "0.2");
        assert_eq!(share(168, 168), "100.0");
        assert_eq!(share(0, 0), "—");
    }
}
