//! A township: its days, and who measures there.

use axum::extract::{Path, Query, State};
use axum::response::{Html, Response};
use maud::html;

use super::parts::{form, named, number, table, text};
use super::{Asked, Page, Shared, finish};
use crate::chart::line;
use crate::error::AskError;
use crate::figures::{Figures, Question, days_before};
use crate::table::rows;

pub(super) async fn page(
    State(figures): Shared,
    Path(code): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    finish(write(&figures, &code, &asked).await, &figures, asked.lang)
}

async fn write(figures: &Figures, code: &str, asked: &Asked) -> Result<Html<String>, AskError> {
    let lang = asked.lang;
    let name = figures.township(code)?.to_owned();
    let period = asked.period(days_before(figures.day().await?, 31))?;
    let parameter = asked.parameter().to_owned();
    let question = Question::TownshipDays {
        township: code.to_owned(),
        parameter: parameter.clone(),
        period,
    };
    let days = figures.ask(question).await?;
    let latest = figures.ask(Question::Latest).await?;
    let (shown, unit) = named(figures, lang, &parameter);
    let points: Vec<(String, Option<f64>)> = period
        .first()
        .iter_days()
        .take_while(|day| *day <= period.last())
        .map(|day| {
            let key = day.to_string();
            let row = rows(&days.table).find(|row| row.text("day") == key);
            (key[5..].to_owned(), row.and_then(|row| row.number("value")))
        })
        .collect();
    let heading = format!("{shown} · {unit}");
    let body = html! {
        (form(figures, lang, period, Some(&parameter)))
        section.card {
            h2 { (heading) " · " (lang.of("日均值", "daily means")) }
            figure {
                (line(&heading, &points, None))
                figcaption { (lang.of("断开处当日有效小时不足。", "A gap is a day with too few valid hours.")) }
            }
        }
        section.card {
            h2 { (lang.of("监测点", "Monitors")) }
            (table(lang, &[
                text(lang.of("名称", "Name"), "name"), text(lang.of("类型", "Kind"), "kind"),
                text(lang.of("最新观测", "Newest observation"), "observed"),
                number("TSP", "tsp"), number("PM10", "pm10"), number("PM2.5", "pm25"),
            ], rows(&latest.table).filter(|row| row.text("township") == code)))
        }
    };
    let page = Page {
        figures,
        asked: Some(asked),
        lang,
        path: "",
        title: name,
        version: days.observations_version,
        body,
    };
    Ok(page.render())
}
