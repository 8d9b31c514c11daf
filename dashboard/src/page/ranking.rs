//! Ranking: any ranked parameter over any period, as the notices rank.

use axum::extract::{Query, State};
use axum::response::{Html, Response};
use maud::html;

use super::parts::{form, named, number, table, text};
use super::{Asked, Page, Shared, finish};
use crate::chart::{Bar, bars};
use crate::error::AskError;
use crate::figures::{Figures, Question, last_week};
use crate::lang::Lang;
use crate::table::rows;

pub(super) async fn page(State(figures): Shared, Query(asked): Query<Asked>) -> Response {
    finish(write(&figures, &asked).await, &figures, asked.lang)
}

async fn write(figures: &Figures, asked: &Asked) -> Result<Html<String>, AskError> {
    let lang = asked.lang;
    let period = asked.period(last_week(figures.day().await?))?;
    let parameter = asked.parameter().to_owned();
    let answer = figures
        .ask(Question::Ranking {
            parameter: parameter.clone(),
            period,
        })
        .await?;
    let (name, unit) = named(figures, lang, &parameter);
    let shown: Vec<Bar<'_>> = rows(&answer.table)
        .filter_map(|row| {
            Some(Bar {
                name: row.text("township"),
                value: row.number("value")?,
                shown: row.text("value"),
                is_last: row.is("last"),
            })
        })
        .collect();
    let is_ahead = period.first() > figures.day().await?;
    let title = format!("{name} {}", lang.of("镇街排名", "by township"));
    let csv = format!("/api/v1/ranking?parameter={parameter}&period={period}&format=csv");
    let body = html! {
        (form(figures, lang, period, Some(&parameter)))
        section.card {
            h2 { (period) " · " (unit) }
            @if shown.is_empty() {
                p.note { (nothing(is_ahead, lang)) }
            } @else {
                figure {
                    (bars(&title, &shown))
                    figcaption { (lang.of("▲ 为末三名（含并列）。浓度由低到高。", "▲ marks the last three, ties included. From clean to dirty.")) }
                }
            }
        }
        section.card {
            (table(lang, &[
                number(lang.of("排名", "Rank"), "rank"), text(lang.of("镇街", "Township"), "township"),
                number(lang.of("浓度", "Value"), "value"), number(lang.of("环比 %", "Change %"), "change_percent"),
                number(lang.of("同比 %", "Year on year %"), "last_year_percent"),
                number(lang.of("累计", "Since January"), "cumulative_value"),
                number(lang.of("排名变化", "Rank change"), "rank_change"),
                number(lang.of("监测站", "Stations"), "stations"), number(lang.of("有效天数", "Valid days"), "valid_days"),
            ], rows(&answer.table)))
            p.noprint { a href=(csv) download { (lang.of("下载 CSV", "Download CSV")) } }
        }
    };
    let page = Page {
        figures,
        asked: Some(asked),
        lang,
        path: "/ranking",
        title,
        version: answer.observations_version,
        body,
    };
    Ok(page.render())
}

/// Why no township has a value.
fn nothing(is_ahead: bool, lang: Lang) -> &'static str {
    match is_ahead {
        true => lang.of(
            "该时段在最新观测日之后，尚无数据。",
            "This period lies after the newest day that has observations.",
        ),
        false => lang.of(
            "该时段没有镇街达到有效数据要求。",
            "No township has enough valid data in this period.",
        ),
    }
}
