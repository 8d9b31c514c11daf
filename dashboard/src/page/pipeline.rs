//! Pipeline: which monitors are silent, and what arrived and could not be taken.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::response::{Html, Response};
use maud::html;

use super::parts::{form, table, text};
use super::{Asked, Page, Shared, finish};
use crate::error::AskError;
use crate::figures::{Figures, LIMIT, Question, days_before};
use crate::table::rows;

pub(super) async fn page(State(figures): Shared, Query(asked): Query<Asked>) -> Response {
    finish(write(&figures, &asked).await, &figures, asked.lang)
}

async fn write(figures: &Figures, asked: &Asked) -> Result<Html<String>, AskError> {
    let lang = asked.lang;
    let period = asked.period(days_before(figures.day().await?, 7))?;
    let latest = figures.ask(Question::Latest).await?;
    let rejected = figures.ask(Question::Rejected { period }).await?;
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows(&rejected.table) {
        *reasons.entry(row.text("reason")).or_default() += 1;
    }
    let silent = rows(&latest.table).filter(|row| !row.is("heard"));
    let body = html! {
        (form(figures, lang, period, None))
        section.card {
            h2 { (lang.of("未在报的监测点", "Silent monitors")) }
            (table(lang, &[
                text(lang.of("名称", "Name"), "name"), text(lang.of("设备", "Device"), "device"),
                text(lang.of("类型", "Kind"), "kind"), text(lang.of("镇街", "Township"), "township_name"),
                text(lang.of("两日内最近一次", "Last heard, of two days"), "observed"),
            ], silent))
        }
        section.card {
            h2 { (lang.of("拒收", "Rejected")) " · " (period) }
            @if reasons.is_empty() {
                p.note { (lang.of("没有。", "None.")) }
            } @else {
                dl.facts { @for (reason, count) in &reasons { div { dt { (reason) } dd { (count) } } } }
            }
            @if rejected.table.rows.len() >= LIMIT as usize {
                p.note { (lang.of("仅统计最近的条目：", "Counted among the newest only: ")) (LIMIT) }
            }
            @if !reasons.is_empty() {
                (table(lang, &[
                    text(lang.of("收到（UTC）", "Received (UTC)"), "received_at"), text(lang.of("主题", "Topic"), "topic"),
                    text(lang.of("原因", "Reason"), "reason"), text(lang.of("说明", "Detail"), "detail"),
                ], rows(&rejected.table).take(50)))
            }
        }
    };
    let title = lang.of("数据链路", "Pipeline").to_owned();
    let page = Page {
        figures,
        asked: Some(asked),
        lang,
        path: "/pipeline",
        title,
        version: latest.observations_version,
        body,
    };
    Ok(page.render())
}
