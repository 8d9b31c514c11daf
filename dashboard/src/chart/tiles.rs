//! The district as tiles: a square a township, where `townships.csv` puts it.

use maud::{Markup, html};

const SIDE: f64 = 96.0;

/// A township's tile.
#[derive(Debug)]
pub(crate) struct Tile<'a> {
    pub(crate) column: i32,
    pub(crate) row: i32,
    pub(crate) name: &'a str,
    pub(crate) link: String,
    pub(crate) value: Option<f64>,
}

/// Tiles with their values; colours go from the lowest to the highest in five steps of equal width.
pub(crate) fn tiles(title: &str, list: &[Tile<'_>]) -> Markup {
    let least = |of: fn(&Tile<'_>) -> i32| list.iter().map(of).min().unwrap_or(0);
    let most = |of: fn(&Tile<'_>) -> i32| list.iter().map(of).max().unwrap_or(0);
    let (left, top) = (least(|tile| tile.column), least(|tile| tile.row));
    let width = f64::from(most(|tile| tile.column) - left + 1) * SIDE;
    let height = f64::from(most(|tile| tile.row) - top + 1) * SIDE;
    let values = || list.iter().filter_map(|tile| tile.value);
    let (low, high) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    html! {
        svg.tiles role="group" aria-label=(title) viewBox={"0 0 " (width) " " (height)} width=(width) height=(height) {
            @for tile in list {
                @let x = f64::from(tile.column - left) * SIDE;
                @let y = f64::from(tile.row - top) * SIDE;
                a href=(tile.link) {
                    rect class={"tile " (shade(tile.value, low, high))} x=(x + 2.0) y=(y + 2.0) rx="4"
                        width=(SIDE - 4.0) height=(SIDE - 4.0) {}
                    text x=(x + SIDE / 2.0) y=(y + 42.0) text-anchor="middle" { (short(tile.name)) }
                    text x=(x + SIDE / 2.0) y=(y + 66.0) text-anchor="middle" {
                        (tile.value.map_or("–".to_owned(), |value| format!("{value:.0}")))
                    }
                }
            }
        }
    }
}

fn shade(value: Option<f64>, low: f64, high: f64) -> &'static str {
    let Some(value) = value else { return "none" };
    let share = if high > low {
        (value - low) / (high - low)
    } else {
        0.0
    };
    ["c0", "c1", "c2", "c3", "c4"][(share * 5.0).clamp(0.0, 4.0) as usize]
}

/// A name without what all have: 大峪街道 is 大峪.
fn short(name: &str) -> &str {
    let cut = name
        .strip_suffix("街道")
        .or_else(|| name.strip_suffix("地区"))
        .unwrap_or(name);
    if cut.is_empty() { name } else { cut }
}
