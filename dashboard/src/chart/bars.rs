//! Horizontal bars with their values, the last ones marked.

use maud::{Markup, html};

use super::ceiling;

// So narrow that its letters can be read when it is as wide as a phone.
const LEFT: f64 = 92.0;
const WIDTH: f64 = 440.0;
const STEP: f64 = 26.0;

/// A bar.
#[derive(Debug)]
pub(crate) struct Bar<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: f64,
    /// As it is printed.
    pub(crate) shown: &'a str,
    /// Whether it is among the last ones; a sign says so beside the colour.
    pub(crate) is_last: bool,
}

/// Bars in their order, with a title for those who cannot see them.
pub(crate) fn bars(title: &str, list: &[Bar<'_>]) -> Markup {
    let end = ceiling(list.iter().map(|bar| bar.value).fold(0.0, f64::max));
    let height = STEP * list.len() as f64 + 6.0;
    let scale = (WIDTH - LEFT - 66.0) / end;
    html! {
        svg.bars role="img" aria-label=(title) viewBox={"0 0 " (WIDTH) " " (height)} width=(WIDTH) height=(height) {
            @for (at, bar) in list.iter().enumerate() {
                @let y = STEP * at as f64 + 4.0;
                text x=(LEFT - 8.0) y=(y + 15.0) text-anchor="end" { (bar.name) }
                rect.bar.last[bar.is_last] x=(LEFT) y=(y) height="19"
                    width=(format!("{:.1}", (bar.value * scale).max(0.0))) {}
                text x=(format!("{:.1}", LEFT + bar.value.max(0.0) * scale + 6.0)) y=(y + 15.0) {
                    (bar.shown) @if bar.is_last { " ▲" }
                }
            }
        }
    }
}
