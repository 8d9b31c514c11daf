//! What several pages have: tables by columns, forms of a period and a parameter, links that keep the language.

use dustwatch_analytics::Period;
use maud::{Markup, html};

use crate::figures::{Figures, LIMIT};
use crate::lang::Lang;
use crate::table::Row;

/// A column of a page's table: its head, and where its text comes from.
pub(super) struct Column<'a> {
    pub(super) head: &'a str,
    pub(super) field: &'a str,
    /// Whether it holds numbers, which stand to the right.
    pub(super) is_number: bool,
}

/// A column of texts.
pub(super) fn text<'a>(head: &'a str, field: &'a str) -> Column<'a> {
    Column {
        head,
        field,
        is_number: false,
    }
}

/// A column of numbers.
pub(super) fn number<'a>(head: &'a str, field: &'a str) -> Column<'a> {
    Column {
        head,
        field,
        is_number: true,
    }
}

/// A table of rows; says so when there are none.
pub(super) fn table<'a>(lang: Lang, columns: &[Column<'_>], rows: impl Iterator<Item = Row<'a>>) -> Markup {
    let rows: Vec<Row<'_>> = rows.collect();
    if rows.is_empty() {
        return html! { p.note { (lang.of("没有记录。", "None.")) } };
    }
    html! {
        table {
            thead { tr { @for column in columns { th.n[column.is_number] scope="col" { (column.head) } } } }
            tbody {
                @for row in rows {
                    tr.last[row.is("last")] {
                        @for column in columns {
                            td.n[column.is_number] { (cell(row, column, lang)) }
                        }
                    }
                }
            }
        }
    }
}

fn cell(row: Row<'_>, column: &Column<'_>, lang: Lang) -> Markup {
    let shown = row.text(column.field);
    match column.field {
        "township" | "name" | "township_name" if !row.text("township_code").is_empty() => {
            html! { a href=(link("townships", row.text("township_code"), lang)) { (shown) } }
        }
        "name" if !row.text("device").is_empty() => {
            html! { a href=(link("stations", row.text("device"), lang)) { (shown) } }
        }
        "change_percent" | "last_year_percent" if !shown.is_empty() && !shown.starts_with('-') => {
            html! { "+" (shown) }
        }
        _ if shown.is_empty() => html! { "–" },
        // The table keeps three places; here the eye wants one.
        "peak" | "mean" | "threshold" => {
            html! { (row.number(column.field).map_or_else(String::new, |n| format!("{n:.1}"))) }
        }
        "kind" | "level" | "verdict" | "outcome" | "rule" | "parameter" => html! { (word(lang, shown)) },
        _ => html! { (shown) },
    }
}

/// The address of a township's or a station's page.
pub(super) fn link(kind: &str, name: &str, lang: Lang) -> String {
    format!("/{kind}/{}?lang={}", escaped(name), lang.key())
}

/// A number of rows; a list that is full may have been cut.
pub(super) fn counted(rows: usize) -> String {
    let cut = if rows >= LIMIT as usize { "≥ " } else { "" };
    format!("{cut}{rows}")
}

/// A name as a part of an address.
pub(super) fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// The form with which another period, and another parameter where there are several, is asked for.
pub(super) fn form(figures: &Figures, lang: Lang, period: Period, parameter: Option<&str>) -> Markup {
    html! {
        form method="get" {
            input type="hidden" name="lang" value=(lang.key());
            @if let Some(chosen) = parameter {
                div {
                    label for="parameter" { (lang.of("指标", "Parameter")) }
                    select id="parameter" name="parameter" {
                        @for (_, known) in figures.settings.parameters.iter() {
                            @if ["tsp", "pm25", "pm10"].contains(&known.key.as_str()) {
                                option value=(known.key) selected[known.key == chosen] {
                                    (lang.of(&known.name, &known.name_en))
                                }
                            }
                        }
                    }
                }
            }
            div {
                label for="period" { (lang.of("时段（2019-W32、2019-08、2019-08-06）", "Period (2019-W32, 2019-08, 2019-08-06)")) }
                input id="period" name="period" value=(period) size="24";
            }
            button type="submit" { (lang.of("查询", "Show")) }
        }
    }
}

/// Name and unit of a parameter.
pub(super) fn named(figures: &Figures, lang: Lang, key: &str) -> (String, String) {
    let parameters = &figures.settings.parameters;
    match parameters.find(key).map(|id| parameters.get(id)) {
        Some(known) => (
            lang.of(&known.name, &known.name_en).to_owned(),
            known.unit.clone(),
        ),
        None => (key.to_owned(), String::new()),
    }
}

/// A word of the tables as people say it.
pub(super) fn word(lang: Lang, text: &str) -> &str {
    let chinese = match text {
        "township" => "镇街监测站",
        "site" => "工地",
        "road" => "道路",
        "reference" => "对照",
        "alarm" => "超标",
        "severe" => "严重超标",
        "compliant" => "达标",
        "exceeds" => "超标",
        "interview" => "约谈",
        "accountability" => "建议问责",
        "tsp_15min" => "TSP 15 分钟超限",
        "tsp_15min_severe" => "TSP 15 分钟严重超限",
        "tsp_background" => "TSP 超过镇街背景两倍",
        "tsp" => "TSP",
        "pm25" => "PM2.5",
        "pm10" => "PM10",
        "dustfall" => "降尘",
        other => other,
    };
    lang.of(chinese, text)
}
