//! Tables in DOCX: a header that repeats on every page, rows that do not split.

use docx_rs::{
    AlignmentType, Docx, Paragraph, Run, Shading, ShdType, Table as DocxTable, TableAlignmentType, TableCell,
    TableCellMargins, TableLayoutType, TableRow, VAlignType, WidthType,
};
use dustwatch_analytics::notice::{Align, Emphasis, Row, Table};

use super::styles::{CAPTION, NOTE, TABLE_CELL, TABLE_HEAD, UNIT};
use super::{TYPE_AREA, body};
use crate::{DocumentError, data};

/// Caption, table, notes.
pub(super) fn write(mut document: Docx, table: &Table) -> Docx {
    document = document.add_paragraph(body::text(CAPTION, &table.caption).keep_next(true));
    if let Some(unit) = &table.unit {
        document = document.add_paragraph(body::text(UNIT, &format!("单位：{unit}")).keep_next(true));
    }
    let widths = widths(table);
    let mut rows = vec![header(table, &widths)];
    rows.extend(table.rows.iter().map(|row| line(row, table, &widths)));
    let grid = DocxTable::new(rows)
        .set_grid(widths.clone())
        .width(TYPE_AREA, WidthType::Dxa)
        .layout(TableLayoutType::Fixed)
        .align(TableAlignmentType::Center)
        .margins(TableCellMargins::new().margin(30, 60, 30, 60));
    document = document.add_table(grid);
    // Two tables with nothing between them would be one.
    let notes = match table.notes.is_empty() {
        true => String::new(),
        false => format!("注：{}", table.notes.concat()),
    };
    document.add_paragraph(body::text(NOTE, &notes))
}

fn header(table: &Table, widths: &[usize]) -> TableRow {
    let cells = table
        .columns
        .iter()
        .zip(widths)
        .map(|(column, width)| cell(body::text(TABLE_HEAD, &column.heading), *width, Some("F0F0F0")));
    TableRow::new(cells.collect()).cant_split()
}

fn line(row: &Row, table: &Table, widths: &[usize]) -> TableRow {
    let is_last = row.emphasis == Emphasis::Last;
    let cells = row.cells.iter().zip(&table.columns).zip(widths);
    let cells = cells.map(|((text, column), width)| {
        let run = Run::new().add_text(text);
        let run = if is_last { run.bold() } else { run };
        let paragraph = Paragraph::new()
            .style(TABLE_CELL)
            .align(match column.align {
                Align::Left => AlignmentType::Left,
                Align::Center => AlignmentType::Center,
                Align::Right => AlignmentType::Right,
            })
            .add_run(run);
        cell(paragraph, *width, is_last.then_some("E2E2E2"))
    });
    TableRow::new(cells.collect()).cant_split()
}

fn cell(paragraph: Paragraph, width: usize, fill: Option<&str>) -> TableCell {
    let cell = TableCell::new()
        .add_paragraph(paragraph)
        .width(width, WidthType::Dxa)
        .vertical_align(VAlignType::Center);
    match fill {
        Some(fill) => cell.shading(Shading::new().shd_type(ShdType::Clear).color("auto").fill(fill)),
        None => cell,
    }
}

/// Widths of the columns in twips, which fill the type area.
fn widths(table: &Table) -> Vec<usize> {
    let weights = data::column_weights(table);
    let total: usize = weights.iter().sum::<usize>().max(1);
    let mut widths: Vec<usize> = weights.iter().map(|weight| weight * TYPE_AREA / total).collect();
    let used: usize = widths.iter().sum();
    if let Some(first) = widths.first_mut() {
        *first += TYPE_AREA - used;
    }
    widths
}

/// Marks the first row of every table as its header, for which the library has no word. Every table of a notice has one.
pub(super) fn repeat_headers(document: Vec<u8>) -> Result<Vec<u8>, DocumentError> {
    const PLAIN: &str = "<w:trPr><w:cantSplit /></w:trPr>";
    const HEADER: &str = "<w:trPr><w:cantSplit /><w:tblHeader /></w:trPr>";
    let text = String::from_utf8(document).map_err(|error| DocumentError::Defect(error.to_string()))?;
    let mut parts = text.split("<w:tbl>");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let marked = part.replacen(PLAIN, HEADER, 1);
        if marked == part {
            return Err(DocumentError::Defect("a table without a header row".to_owned()));
        }
        out.push_str("<w:tbl>");
        out.push_str(&marked);
    }
    Ok(out.into_bytes())
}
