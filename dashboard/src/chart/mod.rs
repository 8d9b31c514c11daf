//! Charts as SVG: bars, a line, tiles. Colours say nothing that a number or a word beside them does not say too.

mod bars;
mod line;
mod tiles;

pub(crate) use bars::{Bar, bars};
pub(crate) use line::line;
pub(crate) use tiles::{Tile, tiles};

/// A round number at or above the largest value, for the end of an axis.
fn ceiling(largest: f64) -> f64 {
    if largest <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(largest.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= largest);
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::ceiling;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (largest, end) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (48.0, 50.0),
            (101.0, 150.0),
            (612.4, 800.0),
            (6.5, 8.0),
        ] {
            assert!(
                (ceiling(largest) - end).abs() < 1e-9,
                "{largest}: {}",
                ceiling(largest)
            );
        }
    }
}
