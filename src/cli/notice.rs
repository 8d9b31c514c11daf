//! `notice`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Printed;

#[derive(Debug, Subcommand)]
pub(crate) enum NoticeCommand {
    /// The weekly notice (周通报).
    Weekly(NoticeArgs),
    /// The monthly dispatch (月调度): also dustfall, the year's target, who is called in.
    Monthly(NoticeArgs),
    /// The issues in a folder, and whether they were delivered.
    List(NoticeListArgs),
    /// Prints the layout of PDF files, to be edited and named in the settings as [notice] template.
    Template,
}

#[derive(Debug, Args)]
pub(crate) struct NoticeArgs {
    /// The week, 2019-W32, or the month, 2019-08.
    #[arg(long, required_unless_present = "as_of")]
    pub(crate) period: Option<String>,
    /// Makes a notice again from the table versions in its register, weekly-2019-W32.json, byte for byte.
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["period", "date"])]
    pub(crate) as_of: Option<PathBuf>,
    /// Folder to write to.
    #[arg(long, value_name = "DIR", default_value = "notices")]
    pub(crate) out: PathBuf,
    /// Formats, with commas between.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["html", "md"])]
    pub(crate) format: Vec<NoticeFormat>,
    /// Date of issue; today in the district when left out.
    #[arg(long, value_name = "DATE")]
    pub(crate) date: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct NoticeListArgs {
    /// Folder of the notices; that of [notice.due], or `notices`, when left out.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NoticeFormat {
    /// One self-contained page that prints well.
    Html,
    /// Markdown.
    Md,
    /// Typeset pages, for signing and sending; needs a font with Chinese characters.
    Pdf,
    /// For Word, WPS and LibreOffice; its charts need such a font.
    Docx,
    /// Every figure with what it was made from: the register, which is always written.
    Json,
}

impl NoticeFormat {
    /// Ending of its files.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            NoticeFormat::Html => "html",
            NoticeFormat::Md => "md",
            NoticeFormat::Pdf => "pdf",
            NoticeFormat::Docx => "docx",
            NoticeFormat::Json => "json",
        }
    }
}
