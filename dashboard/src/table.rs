//! Reading an answer's cells by name, and writing it as JSON and CSV.

use dustwatch_analytics::{Cell, Table};
use serde_json::{Map, Value};

/// A row of a table, asked by the columns' names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    table: &'a Table,
    cells: &'a [Cell],
}

/// The rows of a table.
pub(crate) fn rows(table: &Table) -> impl Iterator<Item = Row<'_>> {
    table.rows.iter().map(move |cells| Row { table, cells })
}

impl<'a> Row<'a> {
    /// The cell as printed; empty when it is missing or there is no such column.
    pub(crate) fn text(self, column: &str) -> &'a str {
        self.cell(column).map_or("", Cell::text)
    }

    /// The cell as a number.
    pub(crate) fn number(self, column: &str) -> Option<f64> {
        self.text(column).parse().ok()
    }

    /// Whether the cell says yes.
    pub(crate) fn is(self, column: &str) -> bool {
        matches!(self.cell(column), Some(Cell::Bool(true)))
    }

    fn cell(self, column: &str) -> Option<&'a Cell> {
        let at = self.table.headers.iter().position(|header| header == column)?;
        self.cells.get(at)
    }
}

/// The rows as objects.
pub(crate) fn json(table: &Table) -> Value {
    let object = |cells: &Vec<Cell>| {
        let pairs = table.headers.iter().cloned().zip(cells.iter().map(value));
        Value::Object(pairs.collect::<Map<String, Value>>())
    };
    Value::Array(table.rows.iter().map(object).collect())
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Missing => Value::Null,
        Cell::Bool(truth) => Value::Bool(*truth),
        Cell::Text(text) => Value::String(text.clone()),
        // Printed figures are decimals; what is none stays as it is printed.
        Cell::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
    }
}

/// The rows as CSV, for a table program: with the mark that tells Excel that it is UTF-8.
pub(crate) fn csv(table: &Table) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    out.write_record(&table.headers)?;
    for row in &table.rows {
        out.write_record(row.iter().map(Cell::text))?;
    }
    out.into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))
}
