//! Dustfall: a month's, or several months', against the limit of the action plan.

use axum::extract::{Query, State};
use axum::response::{Html, Response};
use maud::html;

use super::parts::{form, number, table, text};
use super::{Asked, Page, Shared, finish};
use crate::chart::{Bar, bars};
use crate::error::AskError;
use crate::figures::{Figures, Question, last_month};
use crate::table::{Row, rows};

pub(super) async fn page(State(figures): Shared, Query(asked): Query<Asked>) -> Response {
    finish(write(&figures, &asked).await, &figures, asked.lang)
}

async fn write(figures: &Figures, asked: &Asked) -> Result<Html<String>, AskError> {
    let lang = asked.lang;
    let period = asked.period(last_month(figures.day().await?))?;
    let answer = figures.ask(Question::Dustfall { period }).await?;
    let of =
        |level: &'static str| rows(&answer.table).filter(move |row: &Row<'_>| row.text("level") == level);
    let limit = figures.settings.rules.r4_limit;
    let shown: Vec<Bar<'_>> = of("township")
        .filter_map(|row| {
            let value = row.number("value")?;
            Some(Bar {
                name: row.text("township"),
                value,
                shown: row.text("value"),
                is_last: value > limit,
            })
        })
        .collect();
    let columns = [
        number(lang.of("排名", "Rank"), "rank"),
        text(lang.of("单位", "Unit"), "name"),
        number(lang.of("降尘量", "Dustfall"), "value"),
        number(lang.of("环比 %", "Change %"), "change_percent"),
        number(lang.of("同比 %", "Year on year %"), "last_year_percent"),
        text(lang.of("是否达标", "Verdict"), "verdict"),
    ];
    let body = html! {
        (form(figures, lang, period, None))
        section.card {
            h2 { (period) " · t/(km²·30 d) · " (lang.of("限值", "limit")) " " (limit) }
            @if shown.is_empty() {
                p.note { (lang.of(
                    "该时段没有降尘结果；用 dustwatch dustfall import 导入实验室报表。",
                    "There are no results of this period; dustwatch dustfall import takes a laboratory's file.",
                )) }
            } @else {
                figure {
                    (bars(lang.of("各镇街降尘量", "Dustfall by township"), &shown))
                    figcaption { (lang.of("▲ 为超过限值。", "▲ is above the limit.")) }
                }
            }
        }
        @if !shown.is_empty() {
            section.card {
                h2 { (lang.of("全区与镇街", "District and townships")) }
                (table(lang, &columns, of("district").chain(of("township"))))
            }
            section.card {
                h2 { (lang.of("点位", "Points")) }
                (table(lang, &columns, of("point")))
            }
        }
    };
    let title = lang.of("降尘", "Dustfall").to_owned();
    let page = Page {
        figures,
        asked: Some(asked),
        lang,
        path: "/dustfall",
        title,
        version: None,
        body,
    };
    Ok(page.render())
}
