//! Where segments are kept: the few file operations that a journal needs, so that tests can make each of them fail.
//!
//! Contract, as on a POSIX file system: what was written can be read at once, but survives a power loss only after
//! [`StorageFile::sync`]; a created or removed name survives only after [`Storage::sync_dir`].

use std::fmt;
use std::io;
use std::path::PathBuf;

mod disk;
mod faulty;

pub use disk::DiskStorage;
pub use faulty::FaultyStorage;

/// A directory.
pub trait Storage: fmt::Debug + Send + Sync {
    /// The names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new, empty file; it is an error when the name is taken.
    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;

    /// An existing file, for reading only.
    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;

    /// An existing file, for reading and writing.
    fn open_for_writing(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;

    /// Remove a name. Who has the file open may go on reading it.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Make names created and removed so far durable.
    fn sync_dir(&self) -> io::Result<()>;

    /// How to call the file in a message.
    fn path(&self, name: &str) -> PathBuf;
}

/// An open file.
pub trait StorageFile: fmt::Debug + Send {
    /// Its length now, in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Read some bytes at `offset`; 0 at the end.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Write some of `bytes` at `offset` and tell how many.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Make the file this long; what is added reads as zeroes.
    fn set_length(&mut self, length: u64) -> io::Result<()>;

    /// Make content and length durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// Fill `buffer` from `offset`, or up to the end of the file; how many bytes.
pub(crate) fn read_full(file: &mut dyn StorageFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(offset + done as u64, &mut buffer[done..]) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Write all of `bytes` at `offset`. After an error any part of them may be in the file.
pub(crate) fn write_full(file: &mut dyn StorageFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(offset + done as u64, &bytes[done..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
