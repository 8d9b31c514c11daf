//! The notice as one HTML file: laid out by GB/T 9704 on A4 paper, a sheet of paper on the screen.
//!
//! Invariant: nothing is loaded from elsewhere, and no text of the notice is ever markup.

use crate::notice::{Align, Block, Column, Emphasis, Figure, Notice, Row, Section, Table, svg};

const STYLE: &str = include_str!("../../../templates/notice.css");

/// The whole document.
pub(crate) fn document(notice: &Notice) -> String {
    let body = body(notice);
    let annexes: String = notice
        .annexes
        .iter()
        .map(|annex| self::annex(annex, notice))
        .collect();
    // Without an annex the imprint follows the signature.
    let foot = if notice.annexes.is_empty() {
        imprint(notice)
    } else {
        String::new()
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"{program}\">\n<title>{title}（{period}）</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main class=\"paper\">\n\
         {head}{body}{annexes}{foot}</main>\n{provenance}</body>\n</html>\n",
        program = escape(&notice.provenance.program),
        title = escape(&notice.title),
        period = escape(&notice.period),
        head = head(notice),
        provenance = provenance(notice),
    )
}

/// Masthead, document number, red rule, title, recipients.
fn head(notice: &Notice) -> String {
    let mut html = format!(
        "<header>\n{}<p class=\"number\">{}</p>\n<hr class=\"red\">\n<h1>{}</h1>\n<p class=\"period\">{}</p>\n",
        svg::masthead(&notice.masthead),
        escape(&notice.number),
        escape(&notice.title),
        escape(&notice.period),
    );
    if let Some(revision) = &notice.revision {
        html.push_str(&format!("<p class=\"revision\">（{}）</p>\n", escape(revision)));
    }
    if !notice.recipients.is_empty() {
        html.push_str(&format!(
            "<p class=\"recipients\">{}：</p>\n",
            escape(&notice.recipients)
        ));
    }
    html.push_str("</header>\n");
    html
}

/// The sections and the signature. The last paragraph goes with the signature, which never stands on a page alone.
fn body(notice: &Notice) -> String {
    let mut html = String::new();
    let mut closing = String::new();
    for (number, section) in notice.sections.iter().enumerate() {
        let is_last = number + 1 == notice.sections.len();
        let (blocks, end) = match section.blocks.split_last() {
            Some((end @ Block::Paragraph(_), blocks)) if is_last => (blocks, Some(end)),
            _ => (section.blocks.as_slice(), None),
        };
        let blocks: String = blocks.iter().map(block).collect();
        closing.extend(end.map(block));
        html.push_str(&format!(
            "<section>\n<h2>{}</h2>\n{blocks}</section>\n",
            escape(&section.heading)
        ));
    }
    let signature = signature(notice);
    html.push_str(&format!("<div class=\"closing\">\n{closing}{signature}</div>\n"));
    html
}

fn block(block: &Block) -> String {
    match block {
        Block::Subheading(text) => format!("<h3>{}</h3>\n", escape(text)),
        Block::Paragraph(text) => format!("<p>{}</p>\n", prose(text)),
        Block::Table(table) => self::table(table),
        Block::Figure(figure) => self::figure(figure),
    }
}

fn table(table: &Table) -> String {
    let unit = table.unit.as_deref().map_or_else(String::new, |unit| {
        format!("<span class=\"unit\">单位：{}</span>", escape(unit))
    });
    let heads: String = (table.columns.iter())
        .map(|c| {
            format!(
                "<th scope=\"col\" class=\"{}\">{}</th>",
                align(c),
                escape(&c.heading)
            )
        })
        .collect();
    let rows: String = table
        .rows
        .iter()
        .map(|row| self::row(row, &table.columns))
        .collect();
    let notes: Vec<String> = table.notes.iter().map(|note| escape(note)).collect();
    let notes = match notes.len() {
        0 => String::new(),
        _ => format!("<p class=\"note\">注：{}</p>\n", notes.join("")),
    };
    format!(
        "<div class=\"table\">\n<table>\n<caption><span>{}</span>{unit}</caption>\n\
         <thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n{notes}</div>\n",
        escape(&table.caption)
    )
}

fn row(row: &Row, columns: &[Column]) -> String {
    let class = match row.emphasis {
        Emphasis::Plain => "",
        Emphasis::Last => " class=\"last\"",
        Emphasis::Absent => " class=\"absent\"",
    };
    let cells: String = (row.cells.iter().zip(columns))
        .map(|(cell, column)| format!("<td class=\"{}\">{}</td>", align(column), escape(cell)))
        .collect();
    format!("<tr{class}>{cells}</tr>\n")
}

fn align(column: &Column) -> &'static str {
    match column.align {
        Align::Left => "l",
        Align::Center => "c",
        Align::Right => "r",
    }
}

fn figure(figure: &Figure) -> String {
    format!(
        "<figure>\n{}<figcaption>{}（单位：{}）</figcaption>\n</figure>\n",
        svg::bars(figure),
        escape(&figure.caption),
        escape(&figure.unit)
    )
}

/// The list of annexes, signature, date and remarks.
fn signature(notice: &Notice) -> String {
    let mut html = String::new();
    for (number, annex) in notice.annexes.iter().enumerate() {
        let label = if number == 0 { "附件：" } else { "　　　" };
        html.push_str(&format!(
            "<p class=\"annexes\">{label}{}</p>\n",
            escape(&annex.heading)
        ));
    }
    html.push_str(&format!(
        "<div class=\"signature\">\n<p>{}</p>\n<p class=\"date\">{}</p>\n</div>\n",
        escape(&notice.signature),
        escape(&notice.date)
    ));
    if let Some(contact) = &notice.contact {
        html.push_str(&format!("<p class=\"contact\">（{}）</p>\n", escape(contact)));
    }
    html
}

/// An annex starts a page; the last one carries the imprint at its foot.
fn annex(annex: &Section, notice: &Notice) -> String {
    let blocks: String = annex.blocks.iter().map(block).collect();
    let is_last = notice.annexes.last() == Some(annex);
    let foot = if is_last { imprint(notice) } else { String::new() };
    format!(
        "<section class=\"annex\">\n<p class=\"label\">附件</p>\n<h2>{}</h2>\n{blocks}{foot}</section>\n",
        escape(&annex.heading)
    )
}

/// Versions, copies, printing: the foot of the last page.
fn imprint(notice: &Notice) -> String {
    let lines: String = notice
        .provenance
        .sentences()
        .iter()
        .map(|line| escape(line))
        .collect();
    let imprint = &notice.imprint;
    let copies: Vec<String> = imprint.copies.iter().map(|copy| escape(copy)).collect();
    let copies = match copies.len() {
        0 => String::new(),
        _ => format!("<p>抄送：{}。</p>\n", copies.join("，")),
    };
    format!(
        "<footer>\n<p class=\"provenance\">数据版本：{lines}</p>\n<div class=\"imprint\">\n{copies}\
         <p class=\"printer\"><span>{}</span><span>{}</span></p>\n</div>\n</footer>\n",
        escape(&imprint.printer),
        escape(&imprint.date)
    )
}

/// The provenance for programs.
fn provenance(notice: &Notice) -> String {
    // A script's text ends at the first `</`, whatever stands around it.
    let json = notice.provenance.to_json().to_string().replace('<', "\\u003c");
    format!("<script type=\"application/json\" id=\"provenance\">{json}</script>\n")
}

/// A paragraph's text; a range like `28—41` stays on one line.
fn prose(text: &str) -> String {
    let is_digit = |c: &char| c.is_ascii_digit() || *c == '.';
    let mut html = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dash) = rest.find('—') {
        let (before, after) = (&rest[..dash], &rest[dash + '—'.len_utf8()..]);
        // Digits are one byte each, so their number is their length.
        let low = before.chars().rev().take_while(is_digit).count();
        let high = after.chars().take_while(is_digit).count();
        let (before, low) = before.split_at(before.len() - low);
        let (high, after) = after.split_at(high);
        html.push_str(&escape(before));
        html.push_str(&match low.is_empty() || high.is_empty() {
            true => format!("{low}—{high}"),
            false => format!("<span class=\"range\">{low}—{high}</span>"),
        });
        rest = after;
    }
    html.push_str(&escape(rest));
    html
}

/// The text with nothing in it that HTML reads.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_stays_together_and_the_rest_is_escaped() {
        assert_eq!(
            prose("<为28—41，8月5日—8月11日—"),
            "&lt;为<span class=\"range\">28—41</span>，8月5日—8月11日—"
        );
    }
}
