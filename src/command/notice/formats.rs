//! The formats that a notice is wanted in, and what each needs: a template, fonts.

use std::path::{Path, PathBuf};

use anyhow::Context;
use dustwatch_analytics::notice::{Notice, html, markdown};
use dustwatch_config::Settings;
use dustwatch_document::{Fonts, Template, docx, pdf};

use crate::cli::NoticeFormat;

/// Formats with what they need.
pub(super) struct Formats {
    wanted: Vec<NoticeFormat>,
    /// Present when a format needs them.
    fonts: Option<Fonts>,
    template: Template,
}

impl Formats {
    /// Reads the template and looks for fonts where a format needs them, and says what is missing.
    pub(super) fn prepare(settings: &Settings, wanted: &[NoticeFormat]) -> anyhow::Result<Self> {
        let draws = |format: &NoticeFormat| matches!(format, NoticeFormat::Pdf | NoticeFormat::Docx);
        let fonts = match wanted.iter().any(draws) {
            true => Some(Fonts::installed()?),
            false => None,
        };
        let template = match wanted.contains(&NoticeFormat::Pdf) {
            true => Template::load(settings.notice.template.as_deref())?,
            false => Template::built_in(),
        };
        let mut wanted = wanted.to_vec();
        wanted.dedup();
        Ok(Self {
            wanted,
            fonts,
            template,
        })
    }

    /// The documents with the endings of their files, those left out that are there already. The register is not among
    /// them: it is written with every notice.
    pub(super) fn make(
        &self,
        notice: &Notice,
        is_there: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let mut documents = Vec::new();
        for format in &self.wanted {
            let ending = format.ending();
            if *format == NoticeFormat::Json || is_there(ending) {
                continue;
            }
            let bytes = self
                .bytes(*format, notice)
                .with_context(|| format!("making {}.{ending}", notice.file_stem()))?;
            documents.push((ending, bytes));
        }
        Ok(documents)
    }

    fn bytes(&self, format: NoticeFormat, notice: &Notice) -> anyhow::Result<Vec<u8>> {
        let fonts = || self.fonts.as_ref().context("fonts were not looked for");
        Ok(match format {
            NoticeFormat::Html => html(notice).into_bytes(),
            NoticeFormat::Md => markdown(notice).into_bytes(),
            NoticeFormat::Pdf => pdf(notice, &self.template, fonts()?)?,
            NoticeFormat::Docx => docx(notice, fonts()?)?,
            NoticeFormat::Json => Vec::new(),
        })
    }

    /// Where the documents lie.
    pub(super) fn paths(&self, out: &Path, stem: &str) -> Vec<PathBuf> {
        let path = |format: &NoticeFormat| out.join(format!("{stem}.{}", format.ending()));
        self.wanted.iter().map(path).collect()
    }
}
