//! Repair of a log that a power loss tore.
//!
//! A log entry that was renamed into place but never reached the disk comes back empty or cut, and no reader opens
//! the table any more. The newest entry was not confirmed to anyone if it cannot be parsed (commits sync it before
//! they return), so it is set aside; the journal brings its rows again.

use std::path::Path;

use crate::LakeError;

/// Sets the newest log entry aside when it is empty or no JSON.
pub(crate) fn repair_log(table: &Path) -> Result<(), LakeError> {
    let log = table.join("_delta_log");
    let disk = |cause| LakeError::Disk {
        path: log.display().to_string(),
        cause,
    };
    let entries = match std::fs::read_dir(&log) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(disk(cause)),
    };
    let mut newest = None;
    for entry in entries {
        let path = entry.map_err(disk)?.path();
        let is_entry = path.extension().is_some_and(|e| e == "json")
            && path
                .file_stem()
                .and_then(|s| s.to_str())
                .is_some_and(|s| s.len() == 20 && s.bytes().all(|b| b.is_ascii_digit()));
        if is_entry && newest.as_ref().is_none_or(|n| &path > n) {
            newest = Some(path);
        }
    }
    let Some(newest) = newest else { return Ok(()) };
    let text = std::fs::read(&newest).map_err(disk)?;
    if is_whole(&text) {
        return Ok(());
    }
    let aside = newest.with_extension("json.torn");
    tracing::warn!(entry = %newest.display(), bytes = text.len(), aside = %aside.display(), "torn log entry set aside");
    std::fs::rename(&newest, &aside).map_err(disk)
}

fn is_whole(text: &[u8]) -> bool {
    let mut lines = text
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .peekable();
    lines.peek().is_some() && lines.all(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok())
}
