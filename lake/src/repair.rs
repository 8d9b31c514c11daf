//! Repair of a log that a power loss tore.
//!
//! A log entry that was renamed into place but never reached the disk comes back empty or cut, and no reader opens
//! the table any more. The newest entry was not confirmed to anyone if it cannot be parsed (commits sync it before
//! they return), so it is set aside; the journal brings its rows again. A checkpoint repeats what the entries say: one
//! that is torn is set aside too.

use std::path::{Path, PathBuf};

use crate::LakeError;

/// Sets the newest log entry aside when it is empty or no JSON, and the newest checkpoint when it is no Parquet.
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
    let (mut entry, mut checkpoint) = (None, None);
    for path in entries {
        let path = path.map_err(disk)?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
            continue;
        };
        let newest = match name.split_at_checked(20) {
            Some((version, ".json")) if is_version(version) => &mut entry,
            Some((version, ".checkpoint.parquet")) if is_version(version) => &mut checkpoint,
            _ => continue,
        };
        if newest.as_ref().is_none_or(|n: &PathBuf| path > *n) {
            *newest = Some(path);
        }
    }
    if let Some(entry) = entry
        && !is_whole(&std::fs::read(&entry).map_err(disk)?)
    {
        set_aside(&entry).map_err(disk)?;
    }
    if let Some(checkpoint) = checkpoint
        && !std::fs::read(&checkpoint).map_err(disk)?.ends_with(b"PAR1")
    {
        set_aside(&checkpoint).map_err(disk)?;
        let hint = log.join("_last_checkpoint");
        if hint.exists() {
            set_aside(&hint).map_err(disk)?;
        }
    }
    Ok(())
}

fn set_aside(file: &Path) -> std::io::Result<()> {
    let mut aside = file.as_os_str().to_owned();
    aside.push(".torn");
    tracing::warn!(file = %file.display(), "torn file of the table's log set aside");
    std::fs::rename(file, aside)
}

fn is_version(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn is_whole(text: &[u8]) -> bool {
    let mut lines = text
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .peekable();
    lines.peek().is_some() && lines.all(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok())
}
