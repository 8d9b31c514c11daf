//! A notice as the JSON that a template reads.
//!
//! Invariant: every text is what the notice says, unchanged; numbers stand beside texts only where a length is drawn.

use dustwatch_analytics::Published;
use dustwatch_analytics::notice::{Align, Bar, Block, Emphasis, Figure, Notice, Row, Section, Table};
use serde_json::{Value, json};

/// Everything that a notice says. The last paragraph is apart, `closing`, since it goes with the signature.
pub(crate) fn notice(notice: &Notice) -> Value {
    let mut sections: Vec<Value> = notice.sections.iter().map(section).collect();
    let closes = |section: &Section| matches!(section.blocks.last(), Some(Block::Paragraph(_)));
    let mut closing = Vec::new();
    if notice.sections.last().is_some_and(closes)
        && let Some(blocks) = sections.last_mut().and_then(|s| s["blocks"].as_array_mut())
    {
        closing.extend(blocks.pop());
    }
    let annexes: Vec<Value> = notice.annexes.iter().map(section).collect();
    json!({
        "masthead": notice.masthead,
        "number": notice.number,
        "title": notice.title,
        "period": notice.period,
        "revision": notice.revision,
        "recipients": notice.recipients,
        "sections": sections,
        "closing": closing,
        "signature": notice.signature,
        "date": notice.date,
        "contact": notice.contact,
        "annexes": annexes,
        "imprint": {
            "copies": notice.imprint.copies,
            "printer": notice.imprint.printer,
            "date": notice.imprint.date,
        },
        "provenance": notice.provenance.sentences(),
    })
}

fn section(section: &Section) -> Value {
    let blocks: Vec<Value> = section.blocks.iter().map(block).collect();
    json!({"heading": section.heading, "blocks": blocks})
}

fn block(block: &Block) -> Value {
    match block {
        Block::Subheading(text) => json!({"kind": "subheading", "text": text}),
        Block::Paragraph(text) => json!({"kind": "paragraph", "text": text}),
        Block::Table(table) => self::table(table),
        Block::Figure(figure) => self::figure(figure),
    }
}

fn table(table: &Table) -> Value {
    let weights = column_weights(table);
    let columns: Vec<Value> = (table.columns.iter().zip(weights))
        .map(|(column, weight)| {
            json!({"heading": column.heading, "align": align(column.align), "weight": weight})
        })
        .collect();
    let row = |row: &Row| json!({"cells": row.cells, "emphasis": emphasis(row.emphasis)});
    let rows: Vec<Value> = table.rows.iter().map(row).collect();
    json!({
        "kind": "table",
        "caption": table.caption,
        "unit": table.unit,
        "columns": columns,
        "rows": rows,
        "notes": table.notes,
    })
}

/// A chart, as `chart.typ` draws it.
pub(crate) fn figure(figure: &Figure) -> Value {
    let number = |value: Option<Published>| value.map(|value| value.to_f64().max(0.0));
    let bar = |bar: &Bar| {
        json!({
            "label": bar.label,
            "value": bar.value.map_or_else(|| "有效数据不足".to_owned(), |value| value.to_string()),
            "number": number(bar.value),
            "previous": number(bar.previous),
            "emphasis": emphasis(bar.emphasis),
        })
    };
    let bars: Vec<Value> = figure.bars.iter().map(bar).collect();
    json!({
        "kind": "figure",
        "caption": figure.caption,
        "unit": figure.unit,
        "current": figure.current,
        "previous": figure.previous,
        "last": figure.last,
        "bars": bars,
    })
}

fn emphasis(emphasis: Emphasis) -> &'static str {
    match emphasis {
        Emphasis::Plain => "plain",
        Emphasis::Last => "last",
        Emphasis::Absent => "absent",
    }
}

fn align(align: Align) -> &'static str {
    match align {
        Align::Left => "left",
        Align::Center => "center",
        Align::Right => "right",
    }
}

/// How wide the columns of a table are to each other: by their longest cell, half-width characters being one, and by
/// half of their heading, which may take two lines.
pub(crate) fn column_weights(table: &Table) -> Vec<usize> {
    let width = |text: &str| {
        text.chars()
            .map(|c| if c.is_ascii() { 1 } else { 2 })
            .sum::<usize>()
    };
    (table.columns.iter().enumerate())
        .map(|(at, column)| {
            let cells = table.rows.iter().filter_map(|row| row.cells.get(at));
            let longest = cells.map(|cell| width(cell)).max().unwrap_or(0);
            // Beyond this a cell takes more lines.
            longest.min(28).max(width(&column.heading).div_ceil(2)).max(4) + 1
        })
        .collect()
}
