//! Small files beside the journal, each replaced as a whole.
//!
//! Invariant: after a power cut a file has its old content or its new one, and what `replace` returned for is the new one.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::EdgeError;

/// Puts a file with this content in the place of the one of that name; it is on disk when this returns.
pub(super) fn replace(folder: &Path, name: &str, content: &[u8]) -> Result<(), EdgeError> {
    let (file, fresh) = (folder.join(name), folder.join(format!("{name}.new")));
    File::create(&fresh)
        .and_then(|mut new| {
            new.write_all(content)?;
            new.sync_all()
        })
        .and_then(|()| std::fs::rename(&fresh, &file))
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|source| EdgeError::Io {
            action: "write",
            path: file,
            source,
        })
}

/// The content of a file; none when there is no such file.
pub(super) fn read(folder: &Path, name: &str) -> Result<Option<String>, EdgeError> {
    let path = folder.join(name);
    match std::fs::read_to_string(&path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EdgeError::Io {
            action: "read",
            path,
            source,
        }),
    }
}
