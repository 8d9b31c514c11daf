//! Sites: alarms, and places that stand out from their surroundings.

use axum::extract::{Query, State};
use axum::response::{Html, Response};
use maud::html;

use super::parts::{form, named, number, table, text};
use super::{Asked, Page, Shared, finish};
use crate::error::AskError;
use crate::figures::{Figures, Question, last_week};
use crate::table::rows;

/// Places that are listed of each kind.
const PLACES: usize = 15;
/// Alarms that are listed, the newest.
const ALARMS: usize = 100;

pub(super) async fn page(State(figures): Shared, Query(asked): Query<Asked>) -> Response {
    finish(write(&figures, &asked).await, &figures, asked.lang)
}

async fn write(figures: &Figures, asked: &Asked) -> Result<Html<String>, AskError> {
    let lang = asked.lang;
    let period = asked.period(last_week(figures.day().await?))?;
    let parameter = asked.parameter().to_owned();
    let places = figures
        .ask(Question::Hotspots {
            parameter: parameter.clone(),
            period,
        })
        .await?;
    let alarms = figures.ask(Question::Alarms { period }).await?;
    let (name, unit) = named(figures, lang, &parameter);
    let columns = [
        number(lang.of("排名", "Rank"), "rank"),
        text(lang.of("地点", "Place"), "name"),
        text(lang.of("镇街", "Township"), "township"),
        number(lang.of("浓度", "Value"), "value"),
        number(lang.of("周边", "Surroundings"), "surroundings"),
        number(lang.of("倍数", "Ratio"), "ratio"),
        number(lang.of("报警", "Alarms"), "alarms"),
    ];
    let of = |kind: &'static str| {
        rows(&places.table)
            .filter(move |row| row.text("kind") == kind)
            .take(PLACES)
    };
    let body = html! {
        (form(figures, lang, period, Some(&parameter)))
        section.card {
            h2 { (name) " · " (unit) " · " (lang.of("高于周边的工地", "sites above their surroundings")) }
            (table(lang, &columns, of("site")))
        }
        section.card {
            h2 { (lang.of("热点网格", "Hot spot cells")) " (" (figures.settings.hotspots.grid_m) " m)" }
            (table(lang, &columns, of("cell")))
        }
        section.card {
            h2 { (lang.of("报警", "Alarms")) " · " (period) }
            p.note { (lang.of("报警规则见“dustwatch alarms rules”；本地默认值，不是北京市标准。",
                "The rules: dustwatch alarms rules. The default is the district's own, no standard of Beijing.")) }
            (table(lang, &[
                text(lang.of("工地", "Site"), "name"), text(lang.of("镇街", "Township"), "township"),
                text(lang.of("规则", "Rule"), "rule"), text(lang.of("级别", "Level"), "level"),
                text(lang.of("开始", "Began"), "started"), text(lang.of("结束", "Ended"), "ended"),
                number(lang.of("时段数", "Windows"), "windows"), number(lang.of("峰值", "Peak"), "peak"),
                number(lang.of("均值", "Mean"), "mean"), number(lang.of("限值", "Threshold"), "threshold"),
            ], rows(&alarms.table).take(ALARMS)))
        }
    };
    let title = lang.of("工地与热点", "Sites and hot spots").to_owned();
    let page = Page {
        figures,
        asked: Some(asked),
        lang,
        path: "/sites",
        title,
        version: places.observations_version,
        body,
    };
    Ok(page.render())
}
