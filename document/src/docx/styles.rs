//! The styles of a notice in DOCX, by GB/T 9704-2012.
//!
//! Names are those that Word and WPS know their built-in styles by, so that an outline and a template work.

use docx_rs::{
    AlignmentType, Docx, LineSpacing, LineSpacingType, RunFonts, SpecialIndentType, Style, StyleType,
};

/// 正文: 三号仿宋, two characters in.
pub(super) const BODY: &str = "Body";
/// Text that begins at the margin: recipients, annex labels.
pub(super) const FLUSH: &str = "Flush";
/// The agency mark.
pub(super) const MASTHEAD: &str = "Masthead";
/// Document number and period.
pub(super) const CENTRED: &str = "Centred";
/// The title: 二号小标宋.
pub(super) const TITLE: &str = "Title";
/// 一、 黑体.
pub(super) const HEADING_1: &str = "Heading1";
/// （一） 楷体.
pub(super) const HEADING_2: &str = "Heading2";
/// Caption of a table or a chart.
pub(super) const CAPTION: &str = "Caption";
/// Unit of a table, at its right.
pub(super) const UNIT: &str = "TableUnit";
/// Cells of a header.
pub(super) const TABLE_HEAD: &str = "TableHead";
/// Cells.
pub(super) const TABLE_CELL: &str = "TableCell";
/// Notes below a table, and data versions.
pub(super) const NOTE: &str = "TableNote";
/// Signature and date.
pub(super) const SIGNATURE: &str = "NoticeSignature";
/// The imprint: 四号仿宋.
pub(super) const IMPRINT: &str = "Imprint";
/// The page number: 四号宋体.
pub(super) const PAGE_NUMBER: &str = "PageNumber";

const FANGSONG: &str = "仿宋";
const HEITI: &str = "黑体";
const KAITI: &str = "楷体";
const SONGTI: &str = "宋体";
const XIAOBIAOSONG: &str = "方正小标宋简体";

/// 三号, in half points.
const SIZE_3: usize = 32;

/// 29 pt a line, 22 lines a page.
const LINE: i32 = 580;

/// Adds every style and the defaults.
pub(super) fn all(document: Docx) -> Docx {
    let indent = |style: Style| style.indent(None, Some(SpecialIndentType::FirstLine(640)), None, None);
    let styles = [
        indent(style(BODY, "Body Text", FANGSONG, SIZE_3)).align(AlignmentType::Both),
        style(FLUSH, "Flush", FANGSONG, SIZE_3),
        style(MASTHEAD, "Masthead", XIAOBIAOSONG, 68)
            .color("E60012")
            .align(AlignmentType::Center)
            .line_spacing(LineSpacing::new().before(1100).after(200)),
        style(CENTRED, "Centred", FANGSONG, SIZE_3).align(AlignmentType::Center),
        style(TITLE, "Title", XIAOBIAOSONG, 44)
            .align(AlignmentType::Center)
            .line_spacing(exactly(660).before(580)),
        indent(style(HEADING_1, "heading 1", HEITI, SIZE_3)).outline_lvl(0),
        indent(style(HEADING_2, "heading 2", KAITI, SIZE_3)).outline_lvl(1),
        style(CAPTION, "caption", HEITI, 24)
            .align(AlignmentType::Center)
            .line_spacing(exactly(360).before(160).after(60)),
        style(UNIT, "Table Unit", FANGSONG, 21)
            .align(AlignmentType::Right)
            .line_spacing(exactly(320)),
        style(TABLE_HEAD, "Table Head", HEITI, 21)
            .align(AlignmentType::Center)
            .line_spacing(exactly(280)),
        style(TABLE_CELL, "Table Cell", FANGSONG, 21).line_spacing(exactly(300)),
        style(NOTE, "Table Note", FANGSONG, 18).line_spacing(exactly(260).before(80).after(160)),
        style(SIGNATURE, "Notice Signature", FANGSONG, SIZE_3).align(AlignmentType::Right),
        style(IMPRINT, "Imprint", FANGSONG, 28).indent(Some(280), None, Some(280), None),
        style(PAGE_NUMBER, "Page Number Line", SONGTI, 28).indent(Some(280), None, Some(280), None),
    ];
    let document = document.default_fonts(fonts(FANGSONG)).default_size(SIZE_3);
    styles.into_iter().fold(document, Docx::add_style)
}

fn style(id: &str, name: &str, font: &str, size: usize) -> Style {
    Style::new(id, StyleType::Paragraph)
        .name(name)
        .q_format(true)
        .fonts(fonts(font))
        .size(size)
        .line_spacing(exactly(LINE))
}

fn exactly(line: i32) -> LineSpacing {
    LineSpacing::new().line_rule(LineSpacingType::Exact).line(line)
}

fn fonts(name: &str) -> RunFonts {
    RunFonts::new().ascii(name).hi_ansi(name).east_asia(name).cs(name)
}
