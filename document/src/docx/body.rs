//! The parts of a notice in their order: masthead, body, signature, annexes, imprint.

use docx_rs::{
    AlignmentType, BorderType, Docx, Paragraph, ParagraphBorder, ParagraphBorderPosition, ParagraphBorders,
    Pic, Run,
};
use dustwatch_analytics::notice::{Block, Figure, Notice, Section};

use super::styles::{
    BODY, CAPTION, CENTRED, FLUSH, HEADING_1, HEADING_2, IMPRINT, MASTHEAD, NOTE, SIGNATURE, TITLE,
};
use super::table;
use crate::typeset::Fonts;
use crate::{DocumentError, chart};

/// Width of the type area in English metric units: 156 mm.
const TYPE_AREA_EMU: u32 = 156 * 36_000;

/// A paragraph of one text in one style.
pub(super) fn text(style: &str, text: &str) -> Paragraph {
    Paragraph::new().style(style).add_run(Run::new().add_text(text))
}

/// Everything that the notice says.
pub(super) fn write(document: Docx, notice: &Notice, fonts: &Fonts) -> Result<Docx, DocumentError> {
    let mut charts = Charts { fonts, drawn: 0 };
    let mut document = head(document, notice);
    for part in &notice.sections {
        document = section(document, HEADING_1, part, &mut charts)?;
    }
    document = signature(document, notice);
    for annex in &notice.annexes {
        document = document.add_paragraph(text(FLUSH, "附件").page_break_before(true));
        document = section(document, TITLE, annex, &mut charts)?;
    }
    Ok(imprint(document, notice))
}

fn head(document: Docx, notice: &Notice) -> Docx {
    // 34 pt a letter; a long name is pressed into the type area's 442 pt.
    let letters = notice.masthead.chars().count().max(1);
    let percent = (44_200 / (34 * letters)).clamp(30, 100) as i32;
    let mark = Run::new().add_text(&notice.masthead).bold().stretch(percent);
    let red = ParagraphBorder::new(ParagraphBorderPosition::Bottom)
        .val(BorderType::Single)
        .size(16)
        .space(11)
        .color("E60012");
    let mut document = document
        .add_paragraph(Paragraph::new().style(MASTHEAD).add_run(mark))
        .add_paragraph(text(CENTRED, &notice.number).set_borders(ParagraphBorders::with_empty().set(red)))
        .add_paragraph(text(TITLE, &notice.title))
        .add_paragraph(text(CENTRED, &notice.period));
    if let Some(revision) = &notice.revision {
        document = document.add_paragraph(text(CENTRED, &format!("（{revision}）")));
    }
    document = document.add_paragraph(text(CENTRED, ""));
    if !notice.recipients.is_empty() {
        document = document.add_paragraph(text(FLUSH, &format!("{}：", notice.recipients)));
    }
    document
}

fn section(
    document: Docx,
    heading: &str,
    section: &Section,
    charts: &mut Charts<'_>,
) -> Result<Docx, DocumentError> {
    let mut document = document.add_paragraph(text(heading, &section.heading).keep_next(true));
    for block in &section.blocks {
        document = match block {
            Block::Subheading(line) => document.add_paragraph(text(HEADING_2, line).keep_next(true)),
            Block::Paragraph(line) => document.add_paragraph(text(BODY, line)),
            Block::Table(table) => table::write(document, table),
            Block::Figure(figure) => charts.write(document, figure)?,
        };
    }
    Ok(document)
}

/// Draws charts; each picture has a name of its own.
struct Charts<'a> {
    fonts: &'a Fonts,
    drawn: u32,
}

impl Charts<'_> {
    fn write(&mut self, document: Docx, figure: &Figure) -> Result<Docx, DocumentError> {
        let picture = chart::picture(figure, self.fonts)?;
        self.drawn += 1;
        let height = u64::from(TYPE_AREA_EMU) * u64::from(picture.height) / u64::from(picture.width.max(1));
        let height = u32::try_from(height).unwrap_or(u32::MAX);
        let drawing = Pic::new_with_dimensions(picture.bytes, picture.width, picture.height)
            .id(format!("rIdChart{}", self.drawn))
            .size(TYPE_AREA_EMU, height);
        let line = Paragraph::new()
            .align(AlignmentType::Center)
            .keep_next(true)
            .add_run(Run::new().add_image(drawing));
        let caption = format!("{}（单位：{}）", figure.caption, figure.unit);
        Ok(document
            .add_paragraph(line)
            .add_paragraph(text(CAPTION, &caption)))
    }
}

/// The list of annexes, who signs, when, and whom to ask.
fn signature(mut document: Docx, notice: &Notice) -> Docx {
    document = document.add_paragraph(text(BODY, "").keep_next(true));
    for (number, annex) in notice.annexes.iter().enumerate() {
        let label = if number == 0 { "附件：" } else { "　　　" };
        let line = text(BODY, &format!("{label}{}", annex.heading)).keep_next(true);
        document = document.add_paragraph(line);
    }
    // Two characters from the right edge; the date is centred below the name by spaces of its width.
    let width = |text: &str| {
        text.chars()
            .map(|c| if c.is_ascii() { 1 } else { 2 })
            .sum::<usize>()
    };
    let beside = width(&notice.signature).saturating_sub(width(&notice.date)) / 4;
    let date = format!("{}{}　　", notice.date, "　".repeat(beside));
    document = document
        .add_paragraph(text(BODY, "").keep_next(true))
        .add_paragraph(text(SIGNATURE, &format!("{}　　", notice.signature)).keep_next(true))
        .add_paragraph(text(SIGNATURE, &date));
    match &notice.contact {
        Some(contact) => document.add_paragraph(text(BODY, &format!("（{contact}）"))),
        None => document,
    }
}

/// Versions, copies, printing, behind everything else: an office that edits the text moves them to the foot.
fn imprint(document: Docx, notice: &Notice) -> Docx {
    let versions = format!("数据版本：{}", notice.provenance.sentences().concat());
    let mut lines = vec![text(NOTE, &versions)];
    let imprint = &notice.imprint;
    let rule = |position, size| {
        ParagraphBorder::new(position)
            .val(BorderType::Single)
            .size(size)
            .space(2)
            .color("000000")
    };
    let mut above = rule(ParagraphBorderPosition::Top, 8);
    if !imprint.copies.is_empty() {
        let copies = text(IMPRINT, &format!("抄送：{}。", imprint.copies.join("，")));
        lines.push(copies.set_borders(ParagraphBorders::with_empty().set(above)));
        above = rule(ParagraphBorderPosition::Top, 5);
    }
    let printed = text(IMPRINT, &format!("{}　{}", imprint.printer, imprint.date));
    let borders = ParagraphBorders::with_empty()
        .set(above)
        .set(rule(ParagraphBorderPosition::Bottom, 8));
    lines.push(printed.set_borders(borders));
    lines.into_iter().fold(document, Docx::add_paragraph)
}
