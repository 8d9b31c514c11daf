//! The notice as Markdown with tables: for chat robots, mail and plain readers.
//!
//! Charts are left out: the table beside each says the same in figures. Invariant: a text can neither open markup nor
//! break a table.

use crate::notice::{Align, Block, Notice, Section, Table};

/// The whole document.
pub(crate) fn document(notice: &Notice) -> String {
    let mut lines = vec![
        format!("# {}", escape(&notice.title)),
        format!("**{}**　{}", escape(&notice.masthead), escape(&notice.number)),
        escape(&notice.period),
    ];
    lines.extend(
        notice
            .revision
            .as_deref()
            .map(|text| format!("> {}", escape(text))),
    );
    if !notice.recipients.is_empty() {
        lines.push(format!("{}：", escape(&notice.recipients)));
    }
    lines.extend(notice.sections.iter().flat_map(|s| section(s, "")));
    lines.push(format!(
        "{}  \n{}",
        escape(&notice.signature),
        escape(&notice.date)
    ));
    lines.extend(
        notice
            .contact
            .as_deref()
            .map(|text| format!("（{}）", escape(text))),
    );
    for annex in &notice.annexes {
        lines.push("---".to_owned());
        lines.extend(section(annex, "附件　"));
    }
    lines.push("---".to_owned());
    lines.push(imprint(notice));
    lines.extend(notice.provenance.sentences().iter().map(|s| escape(s)));
    let mut text = lines.join("\n\n");
    text.push('\n');
    text
}

fn section(section: &Section, label: &str) -> Vec<String> {
    let mut lines = vec![format!("## {label}{}", escape(&section.heading))];
    for block in &section.blocks {
        match block {
            Block::Subheading(text) => lines.push(format!("### {}", escape(text))),
            Block::Paragraph(text) => lines.push(escape(text)),
            Block::Table(table) => lines.extend(self::table(table)),
            Block::Figure(_) => {}
        }
    }
    lines
}

fn table(table: &Table) -> Vec<String> {
    let unit = table
        .unit
        .as_deref()
        .map_or_else(String::new, |unit| format!("（单位：{}）", escape(unit)));
    let mut grid = vec![
        cells(table.columns.iter().map(|column| escape(&column.heading))),
        cells(table.columns.iter().map(|column| rule(column.align).to_owned())),
    ];
    grid.extend(
        table
            .rows
            .iter()
            .map(|row| cells(row.cells.iter().map(|cell| escape(cell)))),
    );
    let mut lines = vec![format!("**{}**{unit}", escape(&table.caption)), grid.join("\n")];
    if !table.notes.is_empty() {
        let notes: Vec<String> = table.notes.iter().map(|note| escape(note)).collect();
        lines.push(format!("注：{}", notes.join("")));
    }
    lines
}

fn cells(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    format!("| {} |", cells.join(" | "))
}

fn rule(align: Align) -> &'static str {
    match align {
        Align::Left => ":---",
        Align::Center => ":---:",
        Align::Right => "---:",
    }
}

fn imprint(notice: &Notice) -> String {
    let imprint = &notice.imprint;
    let printed = format!("{}　{}", escape(&imprint.printer), escape(&imprint.date));
    if imprint.copies.is_empty() {
        return printed;
    }
    let copies: Vec<String> = imprint.copies.iter().map(|copy| escape(copy)).collect();
    format!("抄送：{}。  \n{printed}", copies.join("，"))
}

/// The text on one line, with nothing in it that Markdown reads.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        match c {
            '\n' | '\r' | '\t' => escaped.push(' '),
            '\\' | '|' | '<' | '>' | '*' | '_' | '`' | '[' | ']' | '~' | '&' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // Only at the start of a line do these begin a heading, a list or a rule; a negative figure is none.
            '#' | '+' | '=' if at == 0 => {
                escaped.push('\\');
                escaped.push(c);
            }
            '-' if at == 0 && !text[1..].starts_with(|c: char| c.is_ascii_digit()) => escaped.push_str("\\-"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_neither_opens_markup_nor_breaks_a_table() {
        assert_eq!(escape("a|b<c>*d*\ne"), "a\\|b\\<c\\>\\*d\\* e");
        assert_eq!(escape("# x"), "\\# x");
        assert_eq!(escape("- x"), "\\- x");
        assert_eq!(escape("-12.1"), "-12.1");
    }
}
