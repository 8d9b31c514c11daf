//! Promise: a notice becomes a PDF and a DOCX that say every figure, keep rows whole under a header on every page, are
//! the same bytes each time, and whose template says in which line it is wrong.
#![allow(clippy::unwrap_used)]

mod support;

use dustwatch_analytics::notice::{Block, Notice};
use dustwatch_document::{DocumentError, Fonts, Template, docx, pdf};
use support::{Package, fonts, long_notice, pages, said_by};

fn tables(notice: &Notice) -> usize {
    let sections = notice.sections.iter().chain(&notice.annexes);
    let is_table = |block: &&Block| matches!(block, Block::Table(_));
    sections
        .flat_map(|section| &section.blocks)
        .filter(is_table)
        .count()
}

fn made(notice: &Notice) -> Vec<u8> {
    pdf(notice, &Template::built_in(), &fonts()).unwrap()
}

#[test]
fn a_pdf_says_everything_in_order_on_numbered_pages() {
    let notice = long_notice();
    let pages = pages(&made(&notice));
    let text = pages.concat();
    let mut place = 0;
    for part in [
        "门大气办〔2019〕第32期",
        "大气污染防治工作周通报",
        "各镇人民政府、各街道办事处：",
        "一、总体情况",
        "本周，全区",
        "二、各镇街浓度",
        "图1 各镇街浓度",
        "（一）存在问题",
        "联系人：<值班室> & $x$ #set",
        "附件",
        "数据完整性",
        "抄送：区委办公室",
    ] {
        let found = text[place..]
            .find(part)
            .unwrap_or_else(|| panic!("{part} after {}", &text[..place]));
        place += found;
    }
    for (number, page) in (1..).zip(&pages) {
        let text: String = page.split_whitespace().collect();
        assert!(text.ends_with(&format!("—{number}—")), "page {number}: {page}");
    }
}

#[test]
fn a_long_table_repeats_its_header_and_keeps_its_rows_whole() {
    let pages = pages(&made(&long_notice()));
    let with_rows: Vec<&String> = pages.iter().filter(|page| page.contains("监测站第")).collect();
    assert!(with_rows.len() >= 3, "{}", with_rows.len());
    for page in with_rows {
        assert!(page.contains("设备编号"), "{page}");
    }
    for number in 0..90 {
        let cells = [format!("监测站第{number:02}号"), format!("110109-XX-{number:04}")];
        let whole = pages
            .iter()
            .filter(|page| cells.iter().all(|cell| page.contains(cell)));
        assert_eq!(whole.count(), 1, "{cells:?}");
    }
}

#[test]
fn a_pdf_carries_its_fonts() {
    let listed = said_by("pdffonts", &made(&long_notice()));
    let fonts: Vec<&str> = listed.lines().skip(2).collect();
    assert!(!fonts.is_empty());
    for font in fonts {
        let columns: Vec<&str> = font.split_whitespace().rev().collect();
        // From the end: object id (two numbers), unicode map, subset, embedded.
        assert_eq!((columns[2], columns[4]), ("yes", "yes"), "{font}");
    }
}

#[test]
fn the_same_notice_gives_the_same_bytes() {
    let notice = long_notice();
    assert!(made(&notice) == made(&notice));
    assert!(docx(&notice, &fonts()).unwrap() == docx(&notice, &fonts()).unwrap());
}

#[test]
fn a_docx_has_named_styles_repeating_headers_and_every_cell() {
    let notice = long_notice();
    let package = Package::open(&docx(&notice, &fonts()).unwrap());
    let (document, styles) = (package.text("word/document.xml"), package.text("word/styles.xml"));
    assert_eq!(document.matches("<w:tblHeader />").count(), tables(&notice));
    let rows = document.matches("<w:tr>").count() + document.matches("<w:tr ").count();
    assert_eq!(document.matches("<w:cantSplit />").count(), rows);
    for (style, name) in [
        ("Heading1", "heading 1"),
        ("Heading2", "heading 2"),
        ("Title", "Title"),
        ("TableCell", "Table Cell"),
    ] {
        assert!(
            document.contains(&format!("<w:pStyle w:val=\"{style}\" />")),
            "{style}"
        );
        assert!(styles.contains(&format!("w:styleId=\"{style}\"")), "{style}");
        assert!(styles.contains(&format!("<w:name w:val=\"{name}\" />")), "{name}");
    }
    let sections = notice.sections.iter().chain(&notice.annexes);
    for block in sections.flat_map(|section| &section.blocks) {
        let Block::Table(table) = block else { continue };
        for cell in table.rows.iter().flat_map(|row| &row.cells) {
            assert!(document.contains(&format!(">{cell}</w:t>")), "{cell}");
        }
    }
    assert!(document.contains("&lt;值班室&gt; &amp; $x$ #set"));
    let picture = package.bytes("word/media/rIdChart1.png");
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
}

#[test]
fn a_template_that_is_wrong_names_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let fault = |text: &str| {
        let file = folder.path().join("notice.typ");
        std::fs::write(&file, text).unwrap();
        let template = Template::load(Some(&file)).unwrap();
        pdf(&long_notice(), &template, &fonts()).unwrap_err().to_string()
    };
    let unknown = fault("#let notice = json(\"notice.json\")\n\n#notice.titel\n");
    assert!(
        unknown.contains("notice.typ, line 3:") && unknown.contains("titel"),
        "{unknown}"
    );
    let open = fault("一\n#strong[二\n");
    assert!(open.contains("notice.typ, line 2:"), "{open}");
    let outside = fault("#read(\"../secret\")");
    assert!(outside.contains("line 1:"), "{outside}");
    let absent = Template::load(Some(&folder.path().join("none.typ"))).unwrap_err();
    assert!(absent.to_string().contains("none.typ"), "{absent}");
}

#[test]
fn a_template_may_use_what_lies_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notice.typ");
    std::fs::write(folder.path().join("motto.txt"), "绿水青山").unwrap();
    let ours = format!(
        "{}\n#pagebreak()\n#read(\"motto.txt\")\n",
        Template::built_in().text()
    );
    std::fs::write(&file, ours).unwrap();
    let template = Template::load(Some(&file)).unwrap();
    let pages = pages(&pdf(&long_notice(), &template, &fonts()).unwrap());
    assert!(pages.last().unwrap().contains("绿水青山"));
}

#[test]
fn without_a_chinese_font_the_package_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let Err(error) = Fonts::in_folder(empty.path()) else {
        panic!("an empty folder has no font");
    };
    assert!(matches!(error, DocumentError::NoFont));
    assert!(error.to_string().contains("fonts-noto-cjk"), "{error}");
}
