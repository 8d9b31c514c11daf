//! Supervision: who is called in, who is proposed for accountability, and by which months.

use axum::extract::{Query, State};
use axum::response::{Html, Response};
use maud::html;

use super::parts::{Column, form, table};
use super::{Asked, Page, Shared, finish};
use crate::error::AskError;
use crate::figures::{Figures, Question, last_month};
use crate::table::rows;

pub(super) async fn page(State(figures): Shared, Query(asked): Query<Asked>) -> Response {
    finish(write(&figures, &asked).await, &figures, asked.lang)
}

async fn write(figures: &Figures, asked: &Asked) -> Result<Html<String>, AskError> {
    let lang = asked.lang;
    let month = asked.period(last_month(figures.day().await?))?;
    let answer = figures.ask(Question::Supervision { month }).await?;
    let columns: Vec<Column<'_>> = answer
        .table
        .headers
        .iter()
        .map(|field| Column {
            head: head(lang, field),
            field,
            is_number: false,
        })
        .collect();
    let body = html! {
        (form(figures, lang, month, None))
        section.card {
            h2 { (month) }
            p.note { (lang.of("约谈、问责均为建议，由人决定；只有月度最终数据触发。",
                "Interviews and accountability are proposals, and people decide; only final months trigger.")) }
            (table(lang, &columns, rows(&answer.table)))
        }
    };
    let title = lang.of("约谈问责", "Supervision").to_owned();
    let page = Page {
        figures,
        asked: Some(asked),
        lang,
        path: "/supervision",
        title,
        version: answer.observations_version,
        body,
    };
    Ok(page.render())
}

/// Columns that have a name in Chinese; the others keep theirs.
fn head(lang: crate::lang::Lang, field: &str) -> &str {
    let chinese = match field {
        "outcome" => "建议",
        "rules" => "规则",
        "parameter" => "指标",
        "township" => "镇街",
        "township_code" => "代码",
        "value" => "数值",
        "rank_worst" => "倒数名次",
        "months_in_row" => "连续月数",
        "months" => "月份",
        "values" => "各月数值",
        "ranks_worst" => "各月倒数名次",
        "basis" => "依据",
        "previous_value" => "上月",
        "change_percent" => "环比 %",
        "last_year_value" => "去年同期",
        "last_year_percent" => "同比 %",
        "met_before" => "此前约谈",
        other => other,
    };
    lang.of(chinese, field)
}
