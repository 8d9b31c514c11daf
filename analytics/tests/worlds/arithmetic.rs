//! Changes, shares and percentiles, in exact fractions.

use crate::fraction::{Fraction, print};

/// In percent of the base, from published values, with one place.
pub(crate) fn change(value: Option<i128>, base: Option<i128>) -> String {
    let exact = value
        .zip(base.filter(|base| *base != 0))
        .map(|(v, base)| Fraction::new((v - base) * 100, base));
    exact
        .map(|change| print(change.round_half_even(1), 1))
        .unwrap_or_default()
}

/// The share of good days in percent, with one place.
pub(crate) fn share(good: usize, all: usize, enough: bool) -> String {
    if !enough {
        return String::new();
    }
    print(
        Fraction::new(good as i128 * 100, all as i128).round_half_even(1),
        1,
    )
}

/// The 95th percentile by HJ 663: k = 1 + (n − 1) × 95 %, between the neighbours of k.
pub(crate) fn percentile(mut values: Vec<Fraction>) -> Option<Fraction> {
    values.sort();
    let count = i128::try_from(values.len()).unwrap();
    let steps = (count - 1) * 95;
    let below = *values.get(usize::try_from(steps.div_euclid(100)).ok()?)?;
    let above = values
        .get(usize::try_from(steps.div_euclid(100) + 1).unwrap())
        .copied()
        .unwrap_or(below);
    let rise = above.plus(below.times(Fraction::whole(-1)));
    Some(below.plus(rise.times(Fraction::new(steps.rem_euclid(100), 100))))
}

pub(crate) fn text(cell: Option<impl ToString>) -> String {
    cell.map(|cell| cell.to_string()).unwrap_or_default()
}

#[test]
fn percentiles_are_those_of_the_standard() {
    let exact = |values: &[i128]| percentile(values.iter().map(|v| Fraction::whole(*v)).collect());
    assert_eq!(exact(&[12, 18, 25, 31, 40]), Fraction::parse("38.2"));
    assert_eq!(exact(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), Fraction::parse("9.55"));
    assert_eq!(exact(&[7]), Fraction::parse("7"));
    assert_eq!(exact(&[]), None);
}
