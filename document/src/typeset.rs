//! Typesetting: a template of Typst's language, the data that it reads, and the fonts of this machine.
//!
//! Place on the way: [`pdf`](crate::pdf) and [`chart`](crate::chart) hand in a template with its data and get pages.
//! Invariants: a template reads what it was given and files in its own folder, nothing else; it knows no date of today.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World, WorldExt};
use typst_kit::fonts::FontStore;
use typst_layout::PagedDocument;

use crate::DocumentError;

const BUILT_IN: &str = include_str!("../templates/notice.typ");
const CHART: &str = include_str!("../templates/chart.typ");

/// The fonts that are installed, looked up once.
pub struct Fonts(FontStore);

impl Fonts {
    /// Those of this machine.
    ///
    /// # Errors
    /// [`DocumentError::NoFont`] when none of them can write Chinese.
    pub fn installed() -> Result<Self, DocumentError> {
        Self::of(typst_kit::fonts::system())
    }

    /// Those in a folder and its folders, and no others.
    ///
    /// # Errors
    /// As [`Fonts::installed`].
    pub fn in_folder(folder: &Path) -> Result<Self, DocumentError> {
        Self::of(typst_kit::fonts::scan(folder))
    }

    fn of(
        found: impl Iterator<Item = (typst_kit::fonts::FontPath, typst::text::FontInfo)>,
    ) -> Result<Self, DocumentError> {
        let mut store = FontStore::new();
        let mut writes_chinese = false;
        for (path, info) in found {
            writes_chinese |= ['镇', '街', '尘']
                .iter()
                .all(|c| info.coverage.contains(*c as u32));
            store.push((path, info));
        }
        if writes_chinese {
            Ok(Self(store))
        } else {
            Err(DocumentError::NoFont)
        }
    }
}

/// The layout of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// What errors call it.
    name: String,
    text: String,
    /// Where pictures and parts are looked for.
    folder: Option<PathBuf>,
}

impl Template {
    /// The one that comes with the program.
    pub fn built_in() -> Self {
        Self {
            name: "notice.typ".to_owned(),
            text: BUILT_IN.to_owned(),
            folder: None,
        }
    }

    /// One that a clerk edited, or the built-in one without a file.
    ///
    /// # Errors
    /// [`DocumentError::Unreadable`] when there is no such file, or it is no UTF-8.
    pub fn load(file: Option<&Path>) -> Result<Self, DocumentError> {
        let Some(file) = file else {
            return Ok(Self::built_in());
        };
        let text = std::fs::read_to_string(file).map_err(|source| DocumentError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        Ok(Self {
            name: file.display().to_string(),
            text,
            folder: file.parent().map(Path::to_owned),
        })
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A page of one chart, as wide as the type area.
    pub(crate) fn of_chart() -> Self {
        Self {
            name: "chart".to_owned(),
            text: include_str!("../templates/picture.typ").to_owned(),
            folder: None,
        }
    }
}

/// The pages that a template makes of its data, the file `data_name`.
pub(crate) fn pages(
    fonts: &Fonts,
    template: &Template,
    data_name: &str,
    data: &serde_json::Value,
) -> Result<PagedDocument, DocumentError> {
    let main = file_id("main.typ")?;
    let chart = file_id("chart.typ")?;
    let desk = Desk {
        library: LazyHash::new(Library::default()),
        fonts,
        main,
        sources: HashMap::from([
            (main, Source::new(main, template.text.clone())),
            (chart, Source::new(chart, CHART.to_owned())),
        ]),
        data: (file_id(data_name)?, Bytes::from_string(data.to_string())),
        folder: template.folder.clone(),
    };
    typst::compile::<PagedDocument>(&desk)
        .output
        .map_err(|faults| fault(&desk, template, faults.first()))
}

/// A fault in a template, with its place.
pub(crate) fn fault(
    world: &dyn World,
    template: &Template,
    found: Option<&SourceDiagnostic>,
) -> DocumentError {
    let Some(found) = found else {
        return DocumentError::Defect("a template failed without a reason".to_owned());
    };
    let mut message = found.message.to_string();
    for hint in &found.hints {
        message.push_str(&format!("; {}", hint.v));
    }
    let id = found.span.id();
    let line = id
        .and_then(|id| world.source(id).ok())
        .zip(world.range(found.span))
        .and_then(|(source, range)| source.lines().byte_to_line(range.start))
        .map_or(0, |line| line + 1);
    let file = match id {
        Some(id) if id != world.main() => id.get().vpath().get_without_slash().to_owned(),
        _ => template.name.clone(),
    };
    DocumentError::Template { file, line, message }
}

fn file_id(name: &str) -> Result<FileId, DocumentError> {
    let path = VirtualPath::new(name).map_err(|error| DocumentError::Defect(format!("{name}: {error}")))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

/// What a template sees of the world.
struct Desk<'a> {
    library: LazyHash<Library>,
    fonts: &'a Fonts,
    main: FileId,
    sources: HashMap<FileId, Source>,
    data: (FileId, Bytes),
    folder: Option<PathBuf>,
}

impl Desk<'_> {
    /// A file beside the template.
    fn beside(&self, id: FileId) -> FileResult<Vec<u8>> {
        let asked = id.get();
        let name = Path::new(asked.vpath().get_without_slash());
        let (VirtualRoot::Project, Some(folder)) = (asked.root(), &self.folder) else {
            return Err(FileError::NotFound(name.to_owned()));
        };
        let path = asked.vpath().realize(folder).map_err(FileError::Realize)?;
        std::fs::read(&path).map_err(|error| FileError::from_io(error, &path))
    }
}

impl World for Desk<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        self.fonts.0.book()
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        match self.sources.get(&id) {
            Some(source) => Ok(source.clone()),
            None => {
                let text = String::from_utf8(self.beside(id)?).map_err(|_| FileError::InvalidUtf8)?;
                Ok(Source::new(id, text))
            }
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.data.0 {
            return Ok(self.data.1.clone());
        }
        match self.sources.get(&id) {
            Some(source) => Ok(Bytes::from_string(source.text().to_owned())),
            None => Ok(Bytes::new(self.beside(id)?)),
        }
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.0.font(index)
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}
