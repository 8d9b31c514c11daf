//! Results as rows of cells, for `--format table|csv|json`.
//!
//! Place on the way: a ranking or the answer to a query comes in; the command prints the cells as a table, or the
//! text that [`Table::to_csv`] (RFC 4180, lines end with a line feed) or [`Table::to_json`] (an array of objects)
//! makes. Invariant: a missing value is an empty cell and a JSON null, never a zero.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;

use crate::completeness::Completeness;
use crate::functions::round_half_even;
use crate::{AnalyticsError, QueryResult, Ranking, RankingRow};

/// Columns of a ranking, in the order of the contract.
pub const RANKING_COLUMNS: [&str; 16] = [
    "rank",
    "rank_worst",
    "township_code",
    "township",
    "value",
    "mean",
    "stations",
    "valid_days",
    "previous_value",
    "change_percent",
    "previous_rank",
    "rank_change",
    "last_year_value",
    "last_year_percent",
    "cumulative_value",
    "status",
];

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// There is none.
    Missing,
    /// A text.
    Text(String),
    /// A number, as it is to be written.
    Number(String),
    /// A truth value.
    Bool(bool),
}

impl Cell {
    /// The cell as printed; a missing one is empty.
    pub fn text(&self) -> &str {
        match self {
            Cell::Missing => "",
            Cell::Text(text) | Cell::Number(text) => text,
            Cell::Bool(true) => "true",
            Cell::Bool(false) => "false",
        }
    }

    /// A number as it prints, or none.
    pub(crate) fn number(value: Option<impl ToString>) -> Self {
        value.map_or(Cell::Missing, |v| Cell::Number(v.to_string()))
    }

    /// The cell as JSON; a number keeps the digits that it is printed with.
    fn json(&self) -> String {
        match self {
            Cell::Missing => "null".to_owned(),
            Cell::Text(text) => Value::from(text.as_str()).to_string(),
            Cell::Bool(truth) => truth.to_string(),
            Cell::Number(text) if serde_json::from_str::<Value>(text).is_ok_and(|v| v.is_number()) => {
                text.clone()
            }
            // NaN and infinities are no JSON numbers.
            Cell::Number(_) => "null".to_owned(),
        }
    }
}

/// Rows under column names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// The columns' names.
    pub headers: Vec<String>,
    /// The rows, each as long as the headers.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// The rows of a query.
    ///
    /// # Errors
    /// [`AnalyticsError::Defect`] when a value cannot be printed.
    pub fn from_result(result: &QueryResult) -> Result<Self, AnalyticsError> {
        Self::from_batches(&result.schema, &result.batches)
    }

    /// The rows of batches. Instants are printed as RFC 3339, binary values as hexadecimal digits.
    ///
    /// # Errors
    /// [`AnalyticsError::Defect`] when a value cannot be printed.
    pub fn from_batches(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Self, AnalyticsError> {
        let headers: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
        let options = FormatOptions::default();
        for batch in batches {
            let columns = batch.columns().iter();
            let columns = columns.map(|c| Ok((c, ArrayFormatter::try_new(c.as_ref(), &options)?)));
            let columns: Vec<_> = columns.collect::<Result<_, AnalyticsError>>()?;
            for row in 0..batch.num_rows() {
                let cells = columns
                    .iter()
                    .map(|(column, format)| cell(column.as_ref(), format, row));
                rows.push(cells.collect::<Result<_, AnalyticsError>>()?);
            }
        }
        Ok(Self { headers, rows })
    }

    /// A ranking, in the columns of the contract; the unrounded mean with nine places (no finer digit means anything).
    pub fn from_ranking(ranking: &Ranking) -> Self {
        Self {
            headers: RANKING_COLUMNS.map(str::to_owned).to_vec(),
            rows: ranking.rows.iter().map(ranking_cells).collect(),
        }
    }

    /// Expected and valid hours a station, with their quotient in percent.
    pub fn from_completeness(completeness: &Completeness) -> Self {
        let headers = [
            "township_code",
            "township",
            "device",
            "name",
            "kind",
            "parameter",
            "expected_hours",
            "valid_hours",
            "percent",
        ];
        let cells = |row: &crate::CompletenessRow| {
            let percent = (row.expected_hours > 0).then(|| {
                round_half_even(
                    f64::from(row.valid_hours) * 100.0 / f64::from(row.expected_hours),
                    1,
                )
            });
            vec![
                Cell::Text(row.township_code.clone()),
                Cell::Text(row.township.clone()),
                Cell::Text(row.device.clone()),
                Cell::Text(row.name.clone()),
                Cell::Text(row.kind.clone()),
                Cell::Text(completeness.parameter.clone()),
                Cell::Number(row.expected_hours.to_string()),
                Cell::Number(row.valid_hours.to_string()),
                Cell::number(percent.map(|p| format!("{p:.1}"))),
            ]
        };
        Self {
            headers: headers.map(str::to_owned).to_vec(),
            rows: completeness.rows.iter().map(cells).collect(),
        }
    }

    /// The table as CSV with a header line.
    pub fn to_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let lines = self
            .rows
            .iter()
            .map(|row| row.iter().map(Cell::text).collect::<Vec<_>>());
        for line in std::iter::once(self.headers.iter().map(String::as_str).collect::<Vec<_>>()).chain(lines)
        {
            // Writing to a Vec cannot fail, and every row is as long as the headers.
            let _ = writer.write_record(line);
        }
        writer
            .into_inner()
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    /// The table as a JSON array, one object a row and line, keys in the order of the columns.
    pub fn to_json(&self) -> String {
        let object = |row: &Vec<Cell>| {
            let fields = self.headers.iter().zip(row);
            let fields: Vec<String> = fields
                .map(|(name, cell)| format!("{}:{}", Value::from(name.as_str()), cell.json()))
                .collect();
            format!("{{{}}}", fields.join(","))
        };
        let rows: Vec<String> = self.rows.iter().map(object).collect();
        if rows.is_empty() {
            "[]\n".to_owned()
        } else {
            format!("[\n{}\n]\n", rows.join(",\n"))
        }
    }
}

fn cell(column: &dyn Array, format: &ArrayFormatter<'_>, row: usize) -> Result<Cell, AnalyticsError> {
    if column.is_null(row) {
        return Ok(Cell::Missing);
    }
    if *column.data_type() == DataType::Boolean {
        return Ok(Cell::Bool(column.as_boolean().value(row)));
    }
    let text = format.value(row).try_to_string()?;
    let is_number = column.data_type().is_numeric();
    Ok(if is_number {
        Cell::Number(text)
    } else {
        Cell::Text(text)
    })
}

fn ranking_cells(row: &RankingRow) -> Vec<Cell> {
    vec![
        Cell::number(row.rank),
        Cell::number(row.rank_worst),
        Cell::Text(row.township_code.clone()),
        Cell::Text(row.township.clone()),
        Cell::number(row.value),
        Cell::number(row.mean.map(|mean| format!("{mean:.9}"))),
        Cell::Number(row.stations.to_string()),
        Cell::Number(row.valid_days.to_string()),
        Cell::number(row.previous_value),
        Cell::number(row.change_percent),
        Cell::number(row.previous_rank),
        Cell::number(row.rank_change),
        Cell::number(row.last_year_value),
        Cell::number(row.last_year_percent),
        Cell::number(row.cumulative_value),
        Cell::Text(row.status.as_str().to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_what_needs_it_and_json_keeps_types() {
        let table = Table {
            headers: vec!["name".to_owned(), "value".to_owned(), "valid".to_owned()],
            rows: vec![
                vec![
                    Cell::Text("大峪, \"一号\"\n站".to_owned()),
                    Cell::Number("48.0".to_owned()),
                    Cell::Bool(true),
                ],
                vec![Cell::Text("x".to_owned()), Cell::Missing, Cell::Bool(false)],
            ],
        };
        assert_eq!(
            table.to_csv(),
            "name,value,valid\n\"大峪, \"\"一号\"\"\n站\",48.0,true\nx,,false\n"
        );
        assert!(
            table.to_json().contains(",\"value\":48.0,\"valid\":true}"),
            "{}",
            table.to_json()
        );
        let json: Value = serde_json::from_str(&table.to_json()).unwrap_or_default();
        assert_eq!(json[0]["value"], 48.0);
        assert_eq!(json[0]["valid"], true);
        assert_eq!(json[1]["value"], Value::Null);
        assert_eq!(json[1]["name"], "x");
    }
}
