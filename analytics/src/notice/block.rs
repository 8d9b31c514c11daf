//! What the body of a notice consists of: sections of typed blocks.
//!
//! Invariant: texts are plain, in the reader's words; every exporter escapes them in its own way.

use crate::Published;

/// A section under one heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The heading with its number, `一、总体情况`.
    pub heading: String,
    /// What stands under it.
    pub blocks: Vec<Block>,
}

/// One block.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A heading of the second level with its number, `（一）存在问题`.
    Subheading(String),
    /// A paragraph.
    Paragraph(String),
    /// A table.
    Table(Table),
    /// A chart; a table beside it says the same in figures.
    Figure(Figure),
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Caption with its number.
    pub caption: String,
    /// Unit of its values, if they share one.
    pub unit: Option<String>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows; each has a cell a column.
    pub rows: Vec<Row>,
    /// How it is to be read.
    pub notes: Vec<String>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Heading.
    pub heading: String,
    /// Where its cells stand.
    pub align: Align,
}

impl Column {
    /// Columns of these headings, in their order.
    pub(super) fn all(columns: &[(&str, Align)]) -> Vec<Self> {
        let column = |(heading, align): &(&str, Align)| Self {
            heading: (*heading).to_owned(),
            align: *align,
        };
        columns.iter().map(column).collect()
    }
}

/// Where the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At the left: names.
    Left,
    /// In the middle: ranks and remarks.
    Center,
    /// At the right: figures.
    Right,
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its cells.
    pub cells: Vec<String>,
    /// Whether it stands out.
    pub emphasis: Emphasis,
}

/// Whether a row or a bar stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emphasis {
    /// As the others.
    Plain,
    /// Among the last ones of the ranking.
    Last,
    /// Without enough data.
    Absent,
}

/// Horizontal bars: the values of this period beside those of the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Caption with its number.
    pub caption: String,
    /// Unit of the values.
    pub unit: String,
    /// Name of the current values in the legend.
    pub current: String,
    /// Name of the values before in the legend.
    pub previous: String,
    /// Name of the emphasised bars in the legend.
    pub last: String,
    /// The bars, from the top.
    pub bars: Vec<Bar>,
}

/// One line of a [`Figure`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Whose value it is.
    pub label: String,
    /// The value; `None` without enough data.
    pub value: Option<Published>,
    /// The value of the period before.
    pub previous: Option<Published>,
    /// Whether it stands out.
    pub emphasis: Emphasis,
}
