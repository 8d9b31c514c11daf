//! Drawings in a notice: the red masthead, and horizontal bars.
//!
//! Invariants: an axis starts at zero and ends behind the longest bar; what is drawn is what the table beside it says.

use crate::Published;
use crate::notice::document::html::escape;
use crate::notice::{Bar, Emphasis, Figure};

/// Width of a drawing; the type area's 156 mm at four units a millimetre.
const WIDTH: f64 = 624.0;
/// Height of one township's bars.
const LINE: f64 = 19.5;
/// Height of the legend.
const TOP: f64 = 24.0;
/// Height of the axis' labels.
const BOTTOM: f64 = 18.0;
/// Width of a letter of a label.
const LETTER: f64 = 13.0;
/// Room for the value behind the longest bar.
const ROOM: f64 = 44.0;

/// The agency's name across the type area, in narrow letters when it is long.
pub(super) fn masthead(agency: &str) -> String {
    const SIZE: f64 = 60.0;
    let letters = agency.chars().count() as f64;
    // A long name is pressed into the width; a short one keeps its letters.
    let fit = if letters * SIZE > WIDTH - 8.0 {
        format!(
            " textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"",
            WIDTH - 8.0
        )
    } else {
        String::new()
    };
    let name = escape(agency);
    format!(
        "<svg class=\"masthead\" viewBox=\"0 0 {WIDTH} 78\" role=\"img\" aria-label=\"{name}\">\
         <text x=\"{}\" y=\"58\" font-size=\"{SIZE}\" text-anchor=\"middle\"{fit}>{name}</text></svg>\n",
        WIDTH / 2.0
    )
}

/// The bars of a figure.
pub(super) fn bars(figure: &Figure) -> String {
    let scale = Scale::of(figure);
    let bottom = TOP + LINE * figure.bars.len() as f64;
    let mut svg = format!(
        "<svg class=\"bars\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">\n",
        bottom + BOTTOM,
        escape(&figure.caption)
    );
    svg.push_str(&legend(figure, scale.left));
    svg.push_str(&scale.grid(bottom));
    for (number, bar) in figure.bars.iter().enumerate() {
        svg.push_str(&line(bar, &scale, TOP + LINE * number as f64));
    }
    svg.push_str(&format!(
        "<path class=\"axis\" d=\"M{0} {TOP}V{bottom}\"/>\n</svg>\n",
        scale.left
    ));
    svg
}

/// Where a value lies across the drawing.
struct Scale {
    left: f64,
    per_unit: f64,
    step: f64,
    steps: u32,
}

impl Scale {
    fn of(figure: &Figure) -> Self {
        let values = figure
            .bars
            .iter()
            .flat_map(|bar| [bar.value, bar.previous])
            .flatten();
        let most = values.map(Published::to_f64).fold(0.0, f64::max);
        let letters = figure
            .bars
            .iter()
            .map(|bar| bar.label.chars().count())
            .max()
            .unwrap_or(0);
        let left = (letters as f64 * LETTER + 12.0).min(WIDTH / 2.0);
        let step = step(most);
        // At most seven steps, by the choice of the step.
        let steps = (most / step).ceil().max(1.0) as u32;
        let per_unit = (WIDTH - left - ROOM) / (step * f64::from(steps));
        Self {
            left,
            per_unit,
            step,
            steps,
        }
    }

    fn length(&self, value: Published) -> f64 {
        (value.to_f64() * self.per_unit).max(0.0)
    }

    /// Thin lines with their values below.
    fn grid(&self, bottom: f64) -> String {
        (0..=self.steps)
            .map(|number| {
                let value = self.step * f64::from(number);
                let x = self.left + value * self.per_unit;
                format!(
                    "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>\
                     <text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\">{value}</text>\n",
                    bottom + 14.0
                )
            })
            .collect()
    }
}

/// 1, 2 or 5 times a power of ten, so that `most` has at most seven of them.
fn step(most: f64) -> f64 {
    let mut step = 1.0;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if most <= step * factor * 7.0 || step > 1e15 {
                return step * factor;
            }
        }
        step *= 10.0;
    }
}

fn legend(figure: &Figure, left: f64) -> String {
    let entries = [
        ("current", &figure.current),
        ("last", &figure.last),
        ("previous", &figure.previous),
    ];
    let mut x = left;
    let mut svg = String::new();
    for (class, name) in entries {
        svg.push_str(&format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"5\" width=\"14\" height=\"9\"/>\
             <text class=\"legend\" x=\"{:.1}\" y=\"14\">{}</text>\n",
            x + 19.0,
            escape(name)
        ));
        x += 19.0 + name.chars().count() as f64 * LETTER + 18.0;
    }
    svg
}

fn line(bar: &Bar, scale: &Scale, top: f64) -> String {
    let left = scale.left;
    let mut svg = format!(
        "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        left - 7.0,
        top + 14.0,
        escape(&bar.label)
    );
    match bar.value {
        Some(value) => {
            let class = if bar.emphasis == Emphasis::Last {
                "last"
            } else {
                "current"
            };
            let width = scale.length(value);
            svg.push_str(&format!(
                "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"9\"/>\
                 <text class=\"value\" x=\"{:.1}\" y=\"{:.1}\">{value}</text>",
                top + 2.5,
                left + width + 5.0,
                top + 11.0
            ));
        }
        None => svg.push_str(&format!(
            "<text class=\"nothing\" x=\"{:.1}\" y=\"{:.1}\">有效数据不足</text>",
            left + 6.0,
            top + 11.0
        )),
    }
    if let Some(previous) = bar.previous {
        svg.push_str(&format!(
            "<rect class=\"previous\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"4\"/>",
            top + 12.5,
            scale.length(previous)
        ));
    }
    svg.push('\n');
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        assert_eq!(
            [0.0, 7.0, 41.0, 139.0, 141.0, 600.0].map(step),
            [1.0, 1.0, 10.0, 20.0, 50.0, 100.0]
        );
    }
}
