//! A disk in memory that can fill up, fail, and lose its power, for tests of this crate and of those that use it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Storage, StorageFile};

/// What the disk writes at once: a power loss keeps or loses each of these by itself. Smaller than real ones, so that
/// small tests cross many borders.
const SECTOR_BYTES: usize = 64;

/// A disk in memory that fails when told to. Clones are handles of the same disk.
#[derive(Clone, Debug, Default)]
pub struct FaultyStorage {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Debug, Default)]
struct Disk {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Counts crashes: a file opened before the last one belongs to a dead process.
    life: u64,
    capacity: Option<u64>,
    write_limit: Option<usize>,
    failing_writes: u32,
    failing_syncs: u32,
    /// The operation at which power fails, counted down, and the seed of what is lost then.
    fuse: Option<(u32, u64)>,
}

#[derive(Debug, Default)]
struct Content {
    cached: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

impl FaultyStorage {
    /// An empty disk that works.
    pub fn new() -> FaultyStorage {
        FaultyStorage::default()
    }

    /// Let the disk hold this many bytes in all its files, or any number. A write that does not fit is cut short, the
    /// next one fails with [`io::ErrorKind::StorageFull`].
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk().capacity = bytes;
    }

    /// Let a single write take at most this many bytes, or any number.
    pub fn set_write_limit(&self, bytes: Option<usize>) {
        self.disk().write_limit = bytes;
    }

    /// Let the next `count` writes fail.
    pub fn fail_writes(&self, count: u32) {
        self.disk().failing_writes = count;
    }

    /// Let the next `count` syncs, of files or of the directory, fail. As on Linux, what a failed sync did not write is
    /// shown as before and regarded as clean: no later sync writes it.
    pub fn fail_syncs(&self, count: u32) {
        self.disk().failing_syncs = count;
    }

    /// Let the process die: files that are open now can no longer be used. What was written stays.
    pub fn kill(&self) {
        self.disk().kill();
    }

    /// Let the process die and the power fail: of what was not synced, each sector and each name survives or not, as
    /// `seed` decides.
    pub fn lose_power(&self, seed: u64) {
        self.disk().lose_power(seed);
    }

    /// Let the power fail at the next operation that would change something, after `operations` others. A write is in the
    /// cache by then, a sync has not begun.
    pub fn lose_power_after(&self, operations: u32, seed: u64) {
        self.disk().fuse = Some((operations, seed));
    }

    /// How often the process has died.
    pub fn deaths(&self) -> u64 {
        self.disk().life
    }

    /// Change the files as rot would, durably: `change` gets the content of the file with this name.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn corrupt(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut disk = self.disk();
        let file = disk.names[name];
        let content = &mut disk.files[file];
        change(&mut content.cached);
        content.durable.clone_from(&content.cached);
        content.dirty.clear();
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    fn find(&self, name: &str) -> io::Result<usize> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn space_left(&self) -> usize {
        let used: usize = self
            .names
            .values()
            .map(|file| self.files[*file].cached.len())
            .sum();
        let left = self
            .capacity
            .map_or(u64::MAX, |capacity| capacity.saturating_sub(used as u64));
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    fn kill(&mut self) {
        self.life += 1;
        (self.failing_writes, self.failing_syncs, self.fuse) = (0, 0, None);
    }

    fn lose_power(&mut self, seed: u64) {
        self.kill();
        let mut dice = Dice(seed);
        for content in &mut self.files {
            content.lose_power(&mut dice);
        }
        let names: BTreeSet<String> = self
            .names
            .keys()
            .chain(self.durable_names.keys())
            .cloned()
            .collect();
        for name in names {
            let kept = if dice.flip() {
                &self.names
            } else {
                &self.durable_names
            };
            match kept.get(&name).copied() {
                Some(file) => self.durable_names.insert(name, file),
                None => self.durable_names.remove(&name),
            };
        }
        self.names.clone_from(&self.durable_names);
    }

    /// An operation is under way: does the power fail?
    fn burn(&mut self) -> io::Result<()> {
        match self.fuse {
            Some((0, seed)) => {
                self.lose_power(seed);
                Err(io::Error::other("power is lost"))
            }
            Some((left, seed)) => {
                self.fuse = Some((left - 1, seed));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn check_sync(&mut self) -> io::Result<()> {
        self.burn()?;
        if self.failing_syncs == 0 {
            return Ok(());
        }
        self.failing_syncs -= 1;
        Err(io::Error::other("injected sync failure"))
    }
}

impl Content {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        self.dirty
            .extend(self.cached.len().min(offset) / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES));
        self.cached.resize(self.cached.len().max(end), 0);
        self.cached[offset..end].copy_from_slice(bytes);
    }

    /// Bring one sector of the cache to the disk, which gets longer if need be.
    fn write_back(&mut self, sector: usize) {
        let start = sector * SECTOR_BYTES;
        let end = (start + SECTOR_BYTES).min(self.cached.len());
        if start < end {
            self.durable.resize(self.durable.len().max(end), 0);
            self.durable[start..end].copy_from_slice(&self.cached[start..end]);
        }
    }

    fn sync(&mut self) {
        self.durable.resize(self.cached.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            self.write_back(sector);
        }
    }

    fn lose_power(&mut self, dice: &mut Dice) {
        if dice.flip() {
            self.durable.resize(self.cached.len(), 0);
        }
        for sector in std::mem::take(&mut self.dirty) {
            if dice.flip() {
                self.write_back(sector);
            }
        }
        self.cached.clone_from(&self.durable);
    }
}

impl Storage for FaultyStorage {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let mut disk = self.disk();
        if disk.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        disk.files.push(Content::default());
        let file = disk.files.len() - 1;
        disk.names.insert(name.to_owned(), file);
        disk.burn()?;
        Ok(Box::new(FaultyFile {
            storage: self.clone(),
            file,
            life: disk.life,
        }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.open_for_writing(name)
    }

    fn open_for_writing(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let disk = self.disk();
        Ok(Box::new(FaultyFile {
            storage: self.clone(),
            file: disk.find(name)?,
            life: disk.life,
        }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.find(name)?;
        disk.names.remove(name);
        disk.burn()
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut disk = self.disk();
        disk.check_sync()?;
        disk.durable_names = disk.names.clone();
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(name)
    }
}

#[derive(Debug)]
struct FaultyFile {
    storage: FaultyStorage,
    file: usize,
    life: u64,
}

impl FaultyFile {
    fn disk(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.storage.disk();
        if disk.life == self.life {
            Ok(disk)
        } else {
            Err(io::Error::other("process is dead"))
        }
    }
}

impl StorageFile for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk()?.files[self.file].cached.len() as u64)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let disk = self.disk()?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = disk.files[self.file].cached.get(from..).unwrap_or_default();
        let read = bytes.len().min(buffer.len());
        buffer[..read].copy_from_slice(&bytes[..read]);
        Ok(read)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.disk()?;
        if disk.failing_writes > 0 {
            disk.failing_writes -= 1;
            return Err(io::Error::other("injected write failure"));
        }
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let inside = disk.files[self.file].cached.len().saturating_sub(offset);
        let fits = inside.saturating_add(disk.space_left());
        let taken = bytes.len().min(fits).min(disk.write_limit.unwrap_or(usize::MAX));
        if taken == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.files[self.file].write(offset, &bytes[..taken]);
        disk.burn()?;
        Ok(taken)
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut disk = self.disk()?;
        disk.files[self.file].cached.resize(length, 0);
        disk.burn()
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.disk()?;
        let checked = disk.check_sync();
        match checked {
            Ok(()) => disk.files[self.file].sync(),
            Err(_) => disk.files[self.file].dirty.clear(),
        }
        checked
    }
}

/// A small generator (SplitMix64): the same seed, the same losses.
struct Dice(u64);

impl Dice {
    fn flip(&mut self) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) & 1 == 1
    }
}
