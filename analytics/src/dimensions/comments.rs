//! `column_comments`: what each column of a table, view or function means, from `sql/columns.csv`.

use dustwatch_config::Settings;

use super::{Columns, text};
use crate::AnalyticsError;

const COLUMNS: &str = include_str!("../../sql/columns.csv");

/// Stands for the key of each parameter in the name of a column.
const ANY_PARAMETER: &str = "<parameter>";

/// The comments, a row a column.
pub(super) fn columns(settings: &Settings) -> Result<Columns, AnalyticsError> {
    let mut rows: Vec<[String; 3]> = Vec::new();
    for record in csv::Reader::from_reader(COLUMNS.as_bytes()).records() {
        let record = record.map_err(|e| AnalyticsError::Defect(format!("columns.csv: {e}")))?;
        let cell = |at: usize| record.get(at).unwrap_or_default().to_owned();
        if cell(1).contains(ANY_PARAMETER) {
            let keys = settings.parameters.iter().map(|(_, p)| p.key.as_str());
            rows.extend(keys.map(|key| [cell(0), cell(1).replace(ANY_PARAMETER, key), cell(2)]));
        } else {
            rows.push([cell(0), cell(1), cell(2)]);
        }
    }
    let column = |at: usize| text(rows.iter().map(move |row| Some(&row[at])));
    Ok(vec![
        ("table_name", column(0)),
        ("column_name", column(1)),
        ("comment", column(2)),
    ])
}
