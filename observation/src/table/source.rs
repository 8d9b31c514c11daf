//! A file as lines, whether it is packed or not, and how much of it is read.
//!
//! Invariant: a line is handed over once, in order, with the number that an editor shows; a line longer than
//! [`MAX_LINE`] is cut, so memory stays bounded whatever the file is.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

/// Longest line in bytes.
pub(super) const MAX_LINE: usize = 1 << 20;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// One line without its end.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
    /// Whether the line was longer and is cut here.
    pub(super) cut: bool,
}

/// The lines of a file.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    /// Lines that were looked at ahead.
    ahead: VecDeque<Line>,
    number: u64,
    read: Arc<AtomicU64>,
    total: u64,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("number", &self.number)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl Lines {
    /// Opens a file and sees from its first bytes whether it is gzip.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let total = file.metadata()?.len();
        let read = Arc::new(AtomicU64::new(0));
        let mut plain = BufReader::with_capacity(
            1 << 16,
            Counted {
                file,
                read: Arc::clone(&read),
            },
        );
        let packed = plain.fill_buf()?.starts_with(&GZIP_MAGIC);
        let reader: Box<dyn BufRead + Send> = if packed {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(plain)))
        } else {
            Box::new(plain)
        };
        Ok(Self {
            reader,
            ahead: VecDeque::new(),
            number: 0,
            read,
            total,
        })
    }

    /// Reads the next line into `line`; false at the end of the file.
    pub(super) fn next(&mut self, line: &mut Line) -> io::Result<bool> {
        match self.ahead.pop_front() {
            Some(ahead) => {
                *line = ahead;
                Ok(true)
            }
            None => self.read_line(line),
        }
    }

    /// The line that comes `distance` lines behind the next one, which stays to be read.
    pub(super) fn look_ahead(&mut self, distance: usize) -> io::Result<Option<&Line>> {
        while self.ahead.len() <= distance {
            let mut line = Line::default();
            if !self.read_line(&mut line)? {
                return Ok(None);
            }
            self.ahead.push_back(line);
        }
        Ok(self.ahead.get(distance))
    }

    /// Drops `count` lines that were looked at ahead.
    pub(super) fn skip(&mut self, count: usize) {
        self.ahead.drain(..count.min(self.ahead.len()));
    }

    fn read_line(&mut self, line: &mut Line) -> io::Result<bool> {
        line.bytes.clear();
        line.cut = false;
        line.number = self.number + 1;
        let limit = MAX_LINE as u64 + 1;
        if self
            .reader
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut line.bytes)?
            == 0
        {
            return Ok(false);
        }
        self.number = line.number;
        if line.bytes.last() == Some(&b'\n') {
            line.bytes.pop();
        } else if line.bytes.len() > MAX_LINE {
            line.bytes.truncate(MAX_LINE);
            line.cut = true;
            self.skip_to_line_end()?;
        }
        if line.bytes.last() == Some(&b'\r') {
            line.bytes.pop();
        }
        Ok(true)
    }

    fn skip_to_line_end(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            match buffer.iter().position(|b| *b == b'\n') {
                Some(end) => {
                    self.reader.consume(end + 1);
                    return Ok(());
                }
                None if buffer.is_empty() => return Ok(()),
                None => {
                    let len = buffer.len();
                    self.reader.consume(len);
                }
            }
        }
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(super) fn bytes_total(&self) -> u64 {
        self.total
    }
}

/// A file that counts what is read from it.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(buffer)?;
        self.read.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }
}
