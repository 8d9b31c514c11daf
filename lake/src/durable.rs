//! Making a local commit survive a power loss.
//!
//! The object store writes files without syncing them. Before a journal may be cut, every data file, the log entry
//! and their folders are synced here; on a bucket there is nothing to do.

use std::fs::File;
use std::path::{Path, PathBuf};

use deltalake::kernel::Add;
use dustwatch_failpoint::{self as failpoint, Point};

use crate::LakeError;

fn sync(path: &Path) -> Result<(), LakeError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|cause| LakeError::Disk {
            path: path.display().to_string(),
            cause,
        })
}

/// Syncs the data files of a commit and the folders they lie in.
pub(crate) fn sync_files(table: &Path, adds: &[Add]) -> Result<(), LakeError> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for add in adds {
        let path = table.join(&add.path);
        sync(&path)?;
        failpoint::pass(Point::FileSynced);
        let mut folder = path.parent();
        while let Some(parent) = folder.filter(|parent| parent.starts_with(table)) {
            if !folders.iter().any(|known| known == parent) {
                folders.push(parent.to_path_buf());
            }
            folder = parent.parent();
        }
    }
    folders.iter().try_for_each(|folder| sync(folder))?;
    failpoint::pass(Point::FoldersSynced);
    Ok(())
}

/// Syncs the log entry of a version, the checkpoint made after it if there is one, and the log's folder.
pub(crate) fn sync_log_entry(table: &Path, version: u64) -> Result<(), LakeError> {
    let log = table.join("_delta_log");
    let entry = log.join(format!("{version:020}.json"));
    // A checkpoint stands for the entries before it, which may be gone after a long stop.
    if entry.exists() {
        sync(&entry)?;
        failpoint::pass(Point::EntrySynced);
    }
    let checkpoint = log.join(format!("{version:020}.checkpoint.parquet"));
    if checkpoint.exists() {
        sync(&checkpoint)?;
        sync(&log.join("_last_checkpoint"))?;
    }
    sync(&log)?;
    failpoint::pass(Point::LogSynced);
    Ok(())
}

/// Syncs a new table's folder, and the folders that it was made in.
pub(crate) fn sync_new_folder(table: &Path) -> Result<(), LakeError> {
    table
        .ancestors()
        .take(3)
        .filter(|folder| !folder.as_os_str().is_empty())
        .try_for_each(sync)
}
