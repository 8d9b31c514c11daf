//! Now: what the district's monitors say at this moment.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::response::{Html, Response};
use maud::{Markup, html};

use super::parts::{counted, link, number, table, text};
use super::{Asked, Page, Shared, finish};
use crate::chart::{Tile, tiles};
use crate::error::AskError;
use crate::figures::{Answer, Figures, Question, days_before};
use crate::lang::Lang;
use crate::table::{Row, rows};

/// Sites that are listed.
const WORST: usize = 10;

pub(super) async fn page(State(figures): Shared, Query(asked): Query<Asked>) -> Response {
    finish(write(&figures, &asked).await, &figures, asked.lang)
}

async fn write(figures: &Figures, asked: &Asked) -> Result<Html<String>, AskError> {
    let lang = asked.lang;
    let latest = figures.ask(Question::Latest).await?;
    let period = days_before(figures.day().await?, 2);
    let alarms = figures.ask(Question::Alarms { period }).await?;
    let body = html! {
        section.card { (facts(&latest, alarms.table.rows.len(), lang)) }
        div.grid {
            section.card {
                h2 { (lang.of("各镇街 TSP（监测站最新值均值，µg/m³）", "TSP by township (mean of the stations' newest values, µg/m³)")) }
                (map(figures, &latest, lang))
            }
            section.card {
                h2 { (lang.of("TSP 最高的工地", "Sites with the highest TSP")) }
                (worst(&latest, lang))
            }
        }
        section.card {
            h2 { (lang.of("近两日报警", "Alarms of two days")) }
            (table(lang, &[
                text(lang.of("工地", "Site"), "name"), text(lang.of("镇街", "Township"), "township"),
                text(lang.of("规则", "Rule"), "rule"), text(lang.of("级别", "Level"), "level"),
                text(lang.of("开始", "Began"), "started"), text(lang.of("结束", "Ended"), "ended"),
                number(lang.of("峰值", "Peak"), "peak"), number(lang.of("限值", "Threshold"), "threshold"),
            ], rows(&alarms.table).take(20)))
        }
    };
    let page = Page {
        figures,
        asked: Some(asked),
        lang,
        path: "/",
        title: lang.of("实时", "Now").to_owned(),
        version: latest.observations_version,
        body,
    };
    Ok(page.render())
}

/// How many speak, since when, and how many are above a limit.
fn facts(latest: &Answer, alarms: usize, lang: Lang) -> Markup {
    let all = latest.table.rows.len();
    let heard = rows(&latest.table).filter(|row| row.is("heard")).count();
    let newest = rows(&latest.table)
        .map(|row| row.text("observed"))
        .max()
        .unwrap_or_default();
    html! {
        dl.facts {
            div { dt { (lang.of("在报监测点", "Monitors heard")) } dd { (heard) " / " (all) } }
            div { dt { (lang.of("最新观测", "Newest observation")) } dd { (clock(newest)) } }
            div { dt { (lang.of("近两日报警", "Alarms of two days")) } dd { (counted(alarms)) } }
        }
    }
}

/// `2019-08-06 10:00:00` as `08-06 10:00:00`.
fn clock(text: &str) -> String {
    text.get(5..).unwrap_or("–").to_owned()
}

fn map(figures: &Figures, latest: &Answer, lang: Lang) -> Markup {
    let mut means: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
    for row in rows(&latest.table).filter(|row| row.text("kind") == "township") {
        if let Some(value) = normal(row, "tsp") {
            let mean = means.entry(row.text("township")).or_default();
            *mean = (mean.0 + value, mean.1 + 1);
        }
    }
    let own = figures.settings.district.code.as_str();
    let townships = figures
        .settings
        .registry
        .townships()
        .iter()
        .filter(|township| township.district == own);
    let placed: Vec<Tile<'_>> = townships
        .filter_map(|township| {
            Some(Tile {
                column: township.tile_x?,
                row: township.tile_y?,
                name: &township.name,
                link: link("townships", &township.code, lang),
                value: means
                    .get(township.code.as_str())
                    .map(|(sum, n)| sum / f64::from(*n)),
            })
        })
        .collect();
    if placed.is_empty() {
        return html! { p.note { (lang.of("townships.csv 没有图上位置。", "townships.csv has no places on the map.")) } };
    }
    html! {
        figure {
            (tiles(lang.of("各镇街 TSP", "TSP by township"), &placed))
            figcaption { (lang.of(
                "示意图。颜色由低到高五级，未经审核的实时值，不用于考核。",
                "Schematic. Five shades from low to high; unreviewed values, not for appraisal.",
            )) }
        }
    }
}

/// A value that the device called normal.
fn normal(row: Row<'_>, key: &str) -> Option<f64> {
    row.text(&format!("{key}_flag"))
        .is_empty()
        .then(|| row.number(key))
        .flatten()
}

fn worst(latest: &Answer, lang: Lang) -> Markup {
    let mut sites: Vec<(f64, Row<'_>)> = rows(&latest.table)
        .filter(|row| row.text("kind") == "site")
        .filter_map(|row| Some((normal(row, "tsp")?, row)))
        .collect();
    sites.sort_by(|a, b| b.0.total_cmp(&a.0));
    table(
        lang,
        &[
            text(lang.of("工地", "Site"), "name"),
            number("TSP", "tsp"),
            number("PM10", "pm10"),
            number("PM2.5", "pm25"),
        ],
        sites.into_iter().take(WORST).map(|(_, row)| row),
    )
}
