//! A line over days or hours; a gap where there is no value.

use maud::{Markup, html};

use super::ceiling;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 48.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 12.0;

/// Points in their order with their labels, of which some are written; `None` is a gap.
pub(crate) fn line(title: &str, points: &[(String, Option<f64>)], limit: Option<(f64, &str)>) -> Markup {
    let largest = points
        .iter()
        .filter_map(|point| point.1)
        .chain(limit.map(|limit| limit.0));
    let end = ceiling(largest.fold(0.0, f64::max));
    let step = (WIDTH - LEFT - 10.0) / (points.len().max(2) - 1) as f64;
    let x = |at: usize| LEFT + step * at as f64;
    let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value / end);
    let every = labelled(points.len());
    html! {
        svg.trend role="img" aria-label=(title) viewBox={"0 0 " (WIDTH) " " (HEIGHT)} width=(WIDTH) height=(HEIGHT) {
            @for part in [0.0, 0.5, 1.0] {
                @let at = format!("{:.1}", y(end * part));
                line.axis x1=(LEFT) x2=(WIDTH - 10.0) y1=(at) y2=(at) {}
                text.soft x=(LEFT - 6.0) y=(format!("{:.1}", y(end * part) + 4.0)) text-anchor="end" {
                    (trimmed(end * part))
                }
            }
            @if let Some((value, name)) = limit {
                @let at = format!("{:.1}", y(value));
                line.limit x1=(LEFT) x2=(WIDTH - 10.0) y1=(at) y2=(at) {}
                text.soft x=(WIDTH - 12.0) y=(format!("{:.1}", y(value) - 4.0)) text-anchor="end" { (name) }
            }
            @for run in runs(points) {
                @let path = run.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)))
                    .collect::<Vec<_>>().join(" ");
                @if run.len() == 1 {
                    circle.bar cx=(format!("{:.1}", x(run[0].0))) cy=(format!("{:.1}", y(run[0].1))) r="2.5" {}
                } @else {
                    polyline.line points=(path) {}
                }
            }
            @for (at, point) in points.iter().enumerate().step_by(every) {
                @let anchor = if x(at) > WIDTH - LEFT { "end" } else { "middle" };
                text.soft x=(format!("{:.1}", x(at))) y=(HEIGHT - 8.0) text-anchor=(anchor) {
                    (point.0)
                }
            }
        }
    }
}

/// Of how many points one is labelled: eight labels at most, and of hours at the same time of each day.
fn labelled(points: usize) -> usize {
    match points.div_ceil(8).max(1) {
        many if many > 12 => many.next_multiple_of(24),
        few => few,
    }
}

/// Stretches without a gap.
fn runs(points: &[(String, Option<f64>)]) -> Vec<Vec<(usize, f64)>> {
    let mut out: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    for (at, (_, value)) in points.iter().enumerate() {
        match (value, out.last_mut()) {
            (Some(value), Some(run)) => run.push((at, *value)),
            (None, Some(run)) if !run.is_empty() => out.push(Vec::new()),
            _ => {}
        }
    }
    out.retain(|run| !run.is_empty());
    out
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{labelled, runs};

    #[test]
    fn a_gap_ends_a_stretch() {
        let of = |values: &[Option<f64>]| -> Vec<usize> {
            let points: Vec<_> = values.iter().map(|value| (String::new(), *value)).collect();
            runs(&points).iter().map(Vec::len).collect()
        };
        assert_eq!(of(&[Some(1.0), Some(2.0), None, None, Some(3.0)]), [2, 1]);
        assert_eq!(of(&[None]), [0; 0]);
    }

    #[test]
    fn hours_of_a_week_are_labelled_at_midnight() {
        assert_eq!([0, 8, 31, 24, 168].map(labelled), [1, 1, 4, 3, 24]);
    }
}
