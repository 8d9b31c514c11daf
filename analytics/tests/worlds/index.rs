//! The air quality index in exact fractions, from the tables as HJ 633 prints them.

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::fraction::Fraction;

/// IAQI, PM2.5 and PM10 of HJ 633-2012, PM2.5 and PM10 of HJ 633-2026.
const TABLE: [[i128; 5]; 8] = [
    [0, 0, 0, 0, 0],
    [50, 35, 50, 35, 50],
    [100, 75, 150, 60, 120],
    [150, 115, 250, 115, 250],
    [200, 150, 350, 150, 350],
    [300, 250, 420, 250, 420],
    [400, 350, 500, 350, 500],
    [500, 500, 600, 500, 600],
];

/// The least whole number that is not below the exact index of a mean that is rounded to a whole number first.
fn index(mean: Fraction, pm10: bool, day: Day) -> i128 {
    let column = 1 + usize::from(pm10) + if day >= Day::of(2026, 3, 1) { 2 } else { 0 };
    let concentration = mean.round_half_even(0);
    for pair in TABLE.windows(2) {
        let (low, high) = (pair[0], pair[1]);
        if concentration <= high[column] {
            let slope = Fraction::new(high[0] - low[0], high[column] - low[column]);
            let exact = slope
                .times(Fraction::whole(concentration - low[column]))
                .plus(Fraction::whole(low[0]));
            return (low[0]..).find(|whole| Fraction::whole(*whole) >= exact).unwrap();
        }
    }
    500
}

/// Of each unit and day the indices of PM2.5, of PM10, and the AQI, which needs both.
pub(crate) fn indices<'a>(
    areas: &BTreeMap<(&'a str, String, Day, usize), Fraction>,
) -> BTreeMap<(&'a str, String, Day), [Option<i128>; 3]> {
    let mut out: BTreeMap<_, [Option<i128>; 3]> = BTreeMap::new();
    for ((level, code, day, parameter), mean) in areas {
        let at = match parameter {
            2 => 0,
            1 => 1,
            _ => continue,
        };
        out.entry((*level, code.clone(), *day)).or_default()[at] = Some(index(*mean, at == 1, *day));
    }
    for of_day in out.values_mut() {
        if let [Some(pm25), Some(pm10), _] = *of_day {
            of_day[2] = Some(pm25.max(pm10));
        }
    }
    out
}

/// The pollutants to which an AQI over 50 is due.
pub(crate) fn primary(of_day: [Option<i128>; 3]) -> &'static str {
    match of_day {
        [Some(pm25), Some(pm10), Some(aqi)] if aqi > 50 => match pm25.cmp(&pm10) {
            std::cmp::Ordering::Less => "pm10",
            std::cmp::Ordering::Equal => "pm25+pm10",
            std::cmp::Ordering::Greater => "pm25",
        },
        _ => "",
    }
}

pub(crate) fn class(index: i128) -> &'static str {
    let bounds = [50, 100, 150, 200, 300];
    let names = ["优", "良", "轻度污染", "中度污染", "重度污染", "严重污染"];
    names[bounds.iter().filter(|bound| index > **bound).count()]
}
