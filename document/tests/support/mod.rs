//! A notice of several pages, and looking into files.

use std::io::{Cursor, Read, Write};
use std::process::{Command, Stdio};

use dustwatch_analytics::Published;
use dustwatch_analytics::notice::{
    Align, Bar, Block, Column, Emphasis, Figure, Imprint, Notice, NoticeProvenance, ReportVersions, Row,
    Section, Table,
};
use dustwatch_document::Fonts;

pub(crate) fn fonts() -> Fonts {
    Fonts::installed().expect("scripts/install-test-programs installs fonts-noto-cjk")
}

fn table(caption: &str, headings: &[&str], rows: Vec<Vec<String>>) -> Block {
    let column = |heading: &&str| Column {
        heading: (*heading).to_owned(),
        align: Align::Left,
    };
    let row = |(number, cells): (usize, Vec<String>)| Row {
        cells,
        emphasis: if number == 1 {
            Emphasis::Last
        } else {
            Emphasis::Plain
        },
    };
    Block::Table(Table {
        caption: caption.to_owned(),
        unit: Some("微克/立方米".to_owned()),
        columns: headings.iter().map(column).collect(),
        rows: rows.into_iter().enumerate().map(row).collect(),
        notes: vec!["有效天数不足的不参加排名。".to_owned()],
    })
}

fn bar(label: &str, value: Option<i64>, emphasis: Emphasis) -> Bar {
    let published = |value: i64| Published::new(value, 0);
    Bar {
        label: label.to_owned(),
        value: value.map(published),
        previous: Some(published(40)),
        emphasis,
    }
}

fn figure() -> Block {
    Block::Figure(Figure {
        caption: "图1 各镇街浓度".to_owned(),
        unit: "微克/立方米".to_owned(),
        current: "本周".to_owned(),
        previous: "上周".to_owned(),
        last: "后三位".to_owned(),
        bars: vec![
            bar("大峪街道", Some(41), Emphasis::Plain),
            bar("永定镇", Some(58), Emphasis::Last),
            bar("清水镇", None, Emphasis::Absent),
        ],
    })
}

/// A table of 90 rows in the annex, a chart, and texts that would be markup in one format or another.
pub(crate) fn long_notice() -> Notice {
    let ranking = vec![
        vec!["1".to_owned(), "大峪街道".to_owned(), "41".to_owned()],
        vec!["2".to_owned(), "永定镇".to_owned(), "58".to_owned()],
    ];
    let stations = (0..90).map(|n| {
        vec![
            format!("监测站第{n:02}号"),
            format!("110109-XX-{n:04}"),
            format!("{}", 168 - n),
        ]
    });
    let section = |heading: &str, blocks| Section {
        heading: heading.to_owned(),
        blocks,
    };
    let paragraph = |text: &str| Block::Paragraph(text.to_owned());
    Notice {
        masthead: "门头沟区大气污染防治工作领导小组办公室".to_owned(),
        number: "门大气办〔2019〕第32期".to_owned(),
        title: "门头沟区大气污染防治工作周通报".to_owned(),
        period: "2019年8月5日—8月11日（第32周）".to_owned(),
        revision: None,
        recipients: "各镇人民政府、各街道办事处".to_owned(),
        sections: vec![
            section(
                "一、总体情况",
                vec![paragraph(
                    "本周，全区13个镇街细颗粒物（PM2.5）平均浓度范围为28—41微克/立方米。",
                )],
            ),
            section(
                "二、各镇街浓度",
                vec![
                    table("表1 各镇街浓度及排名", &["排名", "镇街", "浓度"], ranking),
                    figure(),
                ],
            ),
            section(
                "三、问题和要求",
                vec![
                    Block::Subheading("（一）存在问题".to_owned()),
                    paragraph("1.永定镇排名靠后。"),
                ],
            ),
        ],
        signature: "门头沟区大气污染防治工作领导小组办公室".to_owned(),
        date: "2019年8月12日".to_owned(),
        contact: Some("联系人：<值班室> & $x$ #set".to_owned()),
        annexes: vec![section(
            "数据完整性",
            vec![table(
                "各站数据完整性",
                &["监测站", "设备编号", "有效小时"],
                stations.collect(),
            )],
        )],
        imprint: Imprint {
            copies: vec!["区委办公室".to_owned()],
            printer: "门头沟区大气污染防治工作领导小组办公室".to_owned(),
            date: "2019年8月12日印发".to_owned(),
        },
        provenance: NoticeProvenance {
            kind: "weekly".to_owned(),
            district: "110109".to_owned(),
            period: "2019-W32".to_owned(),
            revision: None,
            tables: Vec::new(),
            reports: ReportVersions::default(),
            program: "dustwatch test".to_owned(),
            settings_file: None,
        },
    }
}

/// What a program of poppler-utils prints of a PDF on its standard input.
pub(crate) fn said_by(program: &str, pdf: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all(pdf).unwrap();
    let mut command = Command::new(program);
    if program == "pdftotext" {
        command.arg("-layout");
    }
    command.arg(file.path());
    if program == "pdftotext" {
        command.arg("-");
    }
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .expect("scripts/install-test-programs installs poppler-utils");
    assert!(output.status.success(), "{program}");
    String::from_utf8(output.stdout).unwrap()
}

/// The text of each page.
pub(crate) fn pages(pdf: &[u8]) -> Vec<String> {
    let text = said_by("pdftotext", pdf);
    let pages = text.split('\u{c}').map(str::to_owned);
    pages.filter(|page| !page.trim().is_empty()).collect()
}

/// The parts of a DOCX.
pub(crate) struct Package(zip::ZipArchive<Cursor<Vec<u8>>>);

impl Package {
    pub(crate) fn open(bytes: &[u8]) -> Self {
        Self(zip::ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap())
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let mut archive = self.0.clone();
        let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
        let mut part = archive
            .by_name(name)
            .unwrap_or_else(|_| panic!("{name} of {names:?}"));
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).unwrap();
        bytes
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }
}
