//! Sheets: CSV files that people hand in, read line by line.
//!
//! Place on the way: a laboratory's or a department's file comes in; the question's own module turns lines into rows
//! and hands them to [`Lake::add_rows`](dustwatch_lake::Lake::add_rows). Invariants: a header that does not fit refuses
//! the file; a line that does not fit is refused with its number and reason, and the others go on; nothing is guessed.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use chrono::NaiveDate;
use dustwatch_lake::Added;
use dustwatch_observation::Decimal;

use crate::AnalyticsError;

/// A column that a sheet may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetColumn {
    /// Its name.
    pub name: String,
    /// Other names that are understood, as Chinese files write them.
    pub aliases: Vec<String>,
    /// Whether a sheet must have it.
    pub required: bool,
}

impl SheetColumn {
    /// A column that must be there.
    pub fn required(name: &str, aliases: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            required: true,
        }
    }

    /// A column that may be left out.
    pub fn optional(name: &str, aliases: &[&str]) -> Self {
        Self {
            required: false,
            ..Self::required(name, aliases)
        }
    }

    fn is(&self, header: &str) -> bool {
        self.name == header || self.aliases.iter().any(|alias| alias == header)
    }

    /// The name with its aliases, for messages.
    fn describe(&self) -> String {
        if self.aliases.is_empty() {
            return self.name.clone();
        }
        format!("{} ({})", self.name, self.aliases.join(", "))
    }
}

/// A line that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Line of the file, the header being 1.
    pub line: u64,
    /// A stable code.
    pub reason: &'static str,
    /// What exactly is wrong, for a person.
    pub detail: String,
}

/// What became of a sheet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetReport {
    /// Lines read, without the header.
    pub lines: u64,
    /// What became of the entries that were taken.
    pub added: Added,
    /// Entries that were taken and carry a remark: those that a rule keeps out of the figures.
    pub flagged: Vec<Refusal>,
    /// Lines that were not taken.
    pub refused: Vec<Refusal>,
}

impl fmt::Display for SheetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} lines: {} new, {} corrected, {} unchanged, {} of them flagged; {} refused",
            self.lines,
            self.added.new,
            self.added.corrected,
            self.added.unchanged,
            self.flagged.len(),
            self.refused.len()
        )
    }
}

/// A sheet: its lines with the cells of the columns that were asked for.
#[derive(Debug)]
pub struct Sheet {
    file: String,
    columns: Vec<SheetColumn>,
    /// For each column, its place in a line.
    places: Vec<Option<usize>>,
    records: Vec<Result<(u64, csv::StringRecord), Refusal>>,
}

impl Sheet {
    /// Reads a file with a header line, UTF-8, with or without a byte order mark. Columns that nobody asked for are
    /// refused: a figure under a misspelt name would be lost quietly.
    ///
    /// # Errors
    /// [`AnalyticsError::Sheet`] names the file and what is wrong with it or its header.
    pub fn read(path: &Path, columns: &[SheetColumn]) -> Result<Self, AnalyticsError> {
        let fault = |message: String| AnalyticsError::Sheet {
            file: path.display().to_string(),
            message,
        };
        let bytes = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(text);
        let header = reader
            .headers()
            .map_err(|_| fault("the header line is not UTF-8: save the file as \"CSV UTF-8\"".to_owned()))?;
        let places = place(columns, header).map_err(fault)?;
        let width = header.len();
        let mut lines = Lines { text, at: 0, line: 1 };
        let records = reader
            .byte_records()
            .map(|record| line(record, width, &mut lines))
            .collect();
        Ok(Self {
            file: path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned(),
            columns: columns.to_vec(),
            places,
            records,
        })
    }

    /// The file's name without its folder.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether the file has a column that may be left out.
    pub fn has(&self, column: &str) -> bool {
        let at = self.columns.iter().position(|c| c.name == column);
        at.is_some_and(|at| self.places[at].is_some())
    }

    /// The lines in order, or why one of them cannot be read.
    pub fn lines(&self) -> impl Iterator<Item = Result<SheetLine<'_>, Refusal>> {
        self.records.iter().map(|record| match record {
            Ok((number, cells)) => Ok(SheetLine {
                sheet: self,
                number: *number,
                cells,
            }),
            Err(refusal) => Err(refusal.clone()),
        })
    }
}

/// One line of a sheet.
#[derive(Debug, Clone, Copy)]
pub struct SheetLine<'a> {
    sheet: &'a Sheet,
    /// Its number in the file, the header being 1.
    pub number: u64,
    cells: &'a csv::StringRecord,
}

impl<'a> SheetLine<'a> {
    /// Where the line stands: `FILE:LINE`.
    pub fn source(&self) -> String {
        format!("{}:{}", self.sheet.file, self.number)
    }

    /// A refusal of this line.
    pub fn refuse(&self, reason: &'static str, detail: impl Into<String>) -> Refusal {
        Refusal {
            line: self.number,
            reason,
            detail: detail.into(),
        }
    }

    /// The cell of a column; `None` when it is empty or the sheet has no such column.
    pub fn text(&self, column: &str) -> Option<&'a str> {
        let at = self.sheet.columns.iter().position(|c| c.name == column)?;
        let cell = self.cells.get(self.sheet.places[at]?)?;
        (!cell.is_empty()).then_some(cell)
    }

    /// The cell of a column that must be filled.
    ///
    /// # Errors
    /// A refusal with reason `empty_cell`.
    pub fn required(&self, column: &str) -> Result<&'a str, Refusal> {
        self.text(column)
            .ok_or_else(|| self.refuse("empty_cell", format!("{column} is empty")))
    }

    /// The cell of a column as what it should be, said as `what`; `None` when it is empty.
    ///
    /// # Errors
    /// A refusal with reason `bad_cell`.
    pub fn parsed<T: FromStr>(&self, column: &str, what: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(column) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| self.refuse("bad_cell", format!("{column} {text:?} is not {what}")))
    }

    /// The cell of a column as an exact number; `None` when it is empty.
    ///
    /// # Errors
    /// A refusal with reason `bad_cell`.
    pub fn decimal(&self, column: &str) -> Result<Option<Decimal>, Refusal> {
        let Some(text) = self.text(column) else {
            return Ok(None);
        };
        Decimal::parse(text.as_bytes())
            .map(Some)
            .map_err(|error| self.refuse("bad_cell", format!("{column} {text:?}: {error}")))
    }

    /// The cell of a column as a local day, written `2019-08-06`, `2019/8/6` or `2019年8月6日`; `None` when it is empty.
    ///
    /// # Errors
    /// A refusal with reason `bad_cell`.
    pub fn day(&self, column: &str) -> Result<Option<NaiveDate>, Refusal> {
        self.calendar(column, "a date like 2019-08-06", |parts| match *parts {
            [year, month, day] => NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day),
            _ => None,
        })
    }

    /// The cell of a column as a calendar month, written `2019-08`, `2019/8` or `2019年8月`: its first day; `None` when it
    /// is empty.
    ///
    /// # Errors
    /// A refusal with reason `bad_cell`.
    pub fn month(&self, column: &str) -> Result<Option<NaiveDate>, Refusal> {
        self.calendar(column, "a month like 2019-08", |parts| match *parts {
            [year, month] => NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, 1),
            _ => None,
        })
    }

    fn calendar(
        &self,
        column: &str,
        what: &str,
        read: impl Fn(&[u32]) -> Option<NaiveDate>,
    ) -> Result<Option<NaiveDate>, Refusal> {
        let Some(text) = self.text(column) else {
            return Ok(None);
        };
        date_parts(text)
            .and_then(|parts| read(&parts))
            .map(Some)
            .ok_or_else(|| self.refuse("bad_cell", format!("{column} {text:?} is not {what}")))
    }
}

/// The numbers of a date or month as people write it; `None` unless the year has four digits and comes first.
fn date_parts(text: &str) -> Option<Vec<u32>> {
    let plain = text
        .trim_end_matches(['日', '月'])
        .replace(['/', '年', '月'], "-");
    let parts: Vec<&str> = plain.split('-').collect();
    let digits = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    let (year, rest) = parts.split_first()?;
    if !digits(year, 4..=4) || *year < "1900" || !rest.iter().all(|part| digits(part, 1..=2)) {
        return None;
    }
    parts.iter().map(|part| part.parse().ok()).collect()
}

/// For each column its place in the header.
fn place(columns: &[SheetColumn], header: &csv::StringRecord) -> Result<Vec<Option<usize>>, String> {
    let expected = || -> String {
        let columns: Vec<String> = columns.iter().map(SheetColumn::describe).collect();
        columns.join(", ")
    };
    for (at, name) in header.iter().enumerate() {
        let Some(column) = columns.iter().find(|column| column.is(name)) else {
            return Err(format!(
                "column {name:?} is not known; columns are {}",
                expected()
            ));
        };
        if header.iter().take(at).any(|earlier| column.is(earlier)) {
            return Err(format!("column {} is there twice", column.describe()));
        }
    }
    let place = |column: &SheetColumn| header.iter().position(|name| column.is(name));
    match columns
        .iter()
        .find(|column| column.required && place(column).is_none())
    {
        Some(column) => Err(format!(
            "column {} is missing; columns are {}",
            column.describe(),
            expected()
        )),
        None => Ok(columns.iter().map(place).collect()),
    }
}

/// Counts lines. The CSV reader's own count is one short behind a CR LF, of which it has read the CR only.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line on which the record begins that follows an offset; offsets never go back.
    fn of(&mut self, offset: u64) -> u64 {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.text.len());
        let ends = self.text[offset..]
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let start = (offset + ends.count()).max(self.at);
        let passed = self.text[self.at..start]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        self.line += passed as u64;
        self.at = start;
        self.line
    }
}

fn line(
    record: Result<csv::ByteRecord, csv::Error>,
    width: usize,
    lines: &mut Lines<'_>,
) -> Result<(u64, csv::StringRecord), Refusal> {
    let refusal = |line: u64, detail: String| Refusal {
        line,
        reason: "bad_line",
        detail,
    };
    let record = record.map_err(|error| {
        let line = error.position().map_or(0, csv::Position::line);
        refusal(line, error.to_string())
    })?;
    let number = record.position().map_or(0, |at| lines.of(at.byte()));
    let cells = csv::StringRecord::from_byte_record(record)
        .map_err(|_| refusal(number, "the line is not UTF-8".to_owned()))?;
    if cells.len() != width {
        let detail = format!("the line has {} cells, the header {width}", cells.len());
        return Err(refusal(number, detail));
    }
    Ok((number, cells))
}
