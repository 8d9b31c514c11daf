//! CSV by RFC 4180, as far as tests need it.

/// A table with a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn parse(text: &str) -> Self {
        let mut records = records(text).into_iter();
        let header = records.next().unwrap_or_default();
        let rows: Vec<_> = records.collect();
        for row in &rows {
            assert_eq!(
                row.len(),
                header.len(),
                "a row of another width than its header: {row:?}"
            );
        }
        Self { header, rows }
    }

    pub(crate) fn position(&self, column: &str) -> usize {
        self.header
            .iter()
            .position(|name| name == column)
            .unwrap_or_else(|| panic!("no column {column:?} among {:?}", self.header))
    }

    pub(crate) fn column(&self, column: &str) -> Vec<&str> {
        let at = self.position(column);
        self.rows.iter().map(|row| row[at].as_str()).collect()
    }

    /// The only cell of a table with one row and one column.
    pub(crate) fn cell(&self) -> &str {
        assert_eq!((self.rows.len(), self.header.len()), (1, 1), "{self:?}");
        &self.rows[0][0]
    }
}

fn records(text: &str) -> Vec<Vec<String>> {
    let mut out = Vec::new();
    let (mut record, mut cell) = (Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            (_, '"') => quoted = !quoted,
            (false, ',') => record.push(std::mem::take(&mut cell)),
            (false, '\r') if chars.peek() == Some(&'\n') => {}
            (false, '\n') => {
                record.push(std::mem::take(&mut cell));
                out.push(std::mem::take(&mut record));
            }
            (_, c) => cell.push(c),
        }
    }
    if !record.is_empty() || !cell.is_empty() {
        record.push(cell);
        out.push(record);
    }
    out
}
