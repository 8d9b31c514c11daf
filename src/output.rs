//! Tables on standard output: for people, as CSV, as JSON.

use std::io::Write;

use clap::ValueEnum;
use comfy_table::{CellAlignment, Table as Drawing, presets};
use dustwatch_analytics::{Cell, Table};

/// How a table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns.
    Table,
    /// RFC 4180, with a header.
    Csv,
    /// A list of objects.
    Json,
}

/// An empty table with these columns.
pub(crate) fn table(headers: &[&str]) -> Table {
    Table {
        headers: headers.iter().map(|h| (*h).to_owned()).collect(),
        rows: Vec::new(),
    }
}

/// Writes a table to standard output. A reader that went away is no failure.
pub(crate) fn print(table: &Table, format: Format) -> anyhow::Result<()> {
    let text = match format {
        Format::Table => draw(table),
        Format::Csv => table.to_csv(),
        Format::Json => table.to_json(),
    };
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match std::io::stdout()
        .lock()
        .write_all(format!("{text}{end}").as_bytes())
    {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The table without some columns.
pub(crate) fn without(mut table: Table, headers: &[&str]) -> Table {
    let keep: Vec<bool> = table
        .headers
        .iter()
        .map(|h| !headers.contains(&h.as_str()))
        .collect();
    for row in &mut table.rows {
        let mut kept = keep.iter();
        row.retain(|_| kept.next().copied().unwrap_or(true));
    }
    let mut kept = keep.iter();
    table.headers.retain(|_| kept.next().copied().unwrap_or(true));
    table
}

fn draw(table: &Table) -> String {
    let mut drawing = Drawing::new();
    drawing.load_preset(presets::NOTHING).set_header(&table.headers);
    for row in &table.rows {
        drawing.add_row(row.iter().map(|cell| {
            let (text, alignment) = match cell {
                Cell::Missing => ("—", CellAlignment::Right),
                Cell::Number(text) => (text.as_str(), CellAlignment::Right),
                other => (other.text(), CellAlignment::Left),
            };
            comfy_table::Cell::new(text).set_alignment(alignment)
        }));
    }
    drawing.to_string()
}
