//! Walking through the frames of one segment file, and finding the next one behind a bad one.

use std::io;
use std::ops::Range;

use crate::Position;
use crate::frame::{FRAME_HEAD_BYTES, Head, Kind};
use crate::segment::HEADER_BYTES;
use crate::storage::{StorageFile, read_full};

/// How much is read from the file at once.
const WINDOW_BYTES: u64 = 256 << 10;

/// Where in a segment a reader of frames is.
#[derive(Debug)]
pub(crate) struct Scan {
    file: Box<dyn StorageFile>,
    journal: u64,
    offset: u64,
    length: u64,
    window: Vec<u8>,
    window_at: u64,
}

/// What stands at the offset of a scan.
#[derive(Debug)]
pub(crate) enum Step {
    /// A whole, intact frame; the scan is behind it now.
    Frame(FrameAt),
    /// Nothing: the file ends here.
    End,
    /// Something else; the scan is still in front of it.
    Bad,
}

/// An intact frame that a scan has just passed.
#[derive(Debug)]
pub(crate) struct FrameAt {
    pub(crate) kind: Kind,
    pub(crate) position: Position,
    pub(crate) offset: u64,
    payload: Range<usize>,
}

/// The positions that a frame behind a bad one can have.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Plausible {
    /// A record comes after this one.
    pub(crate) after: Position,
    /// No frame speaks of a later record.
    pub(crate) up_to: Position,
}

/// What stands behind a bad frame.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Beyond {
    /// Whether one of the frames is a mark.
    pub(crate) marked: bool,
    /// Intact records.
    pub(crate) records: u64,
}

impl Scan {
    /// From the first frame of a segment.
    pub(crate) fn new(file: Box<dyn StorageFile>, journal: u64) -> io::Result<Scan> {
        let length = file.length()?;
        Ok(Scan {
            file,
            journal,
            offset: HEADER_BYTES as u64,
            length,
            window: Vec::new(),
            window_at: 0,
        })
    }

    /// Where the next frame begins, in bytes from the start of the file.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of the file when it was last looked at.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Forget what was read of the file, which may have been written to since.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        self.window.clear();
        self.length = self.file.length()?;
        Ok(())
    }

    /// Go back in front of a frame.
    pub(crate) fn rewind(&mut self, frame: &FrameAt) {
        self.offset = frame.offset;
    }

    /// The payload of the frame that the last [`Scan::step`] returned.
    pub(crate) fn payload(&self, frame: &FrameAt) -> &[u8] {
        &self.window[frame.payload.clone()]
    }

    /// Pass the next frame.
    pub(crate) fn step(&mut self) -> io::Result<Step> {
        if self.offset >= self.length {
            return Ok(Step::End);
        }
        match self.frame_at(self.offset, None)? {
            Some(frame) => {
                self.offset += (FRAME_HEAD_BYTES + frame.payload.len()) as u64;
                Ok(Step::Frame(frame))
            }
            None => Ok(Step::Bad),
        }
    }

    /// From the bad frame that the scan is in front of, move on to the next intact one; `false`, and not moved, when
    /// there is none.
    pub(crate) fn resync(&mut self, plausible: Plausible) -> io::Result<bool> {
        let last_start = self.length.saturating_sub(FRAME_HEAD_BYTES as u64);
        for offset in self.offset + 1..=last_start {
            if self.frame_at(offset, Some(plausible))?.is_some() {
                self.offset = offset;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What stands behind the bad frame that the scan is, and stays, in front of.
    pub(crate) fn look_beyond(&mut self, plausible: Plausible) -> io::Result<Beyond> {
        let here = self.offset;
        let mut beyond = Beyond::default();
        while self.resync(plausible)? {
            while let Step::Frame(frame) = self.step()? {
                beyond.marked |= frame.kind == Kind::Mark;
                beyond.records += u64::from(frame.kind == Kind::Data);
            }
        }
        self.offset = here;
        Ok(beyond)
    }

    fn frame_at(&mut self, offset: u64, plausible: Option<Plausible>) -> io::Result<Option<FrameAt>> {
        let bytes = self.window(offset, FRAME_HEAD_BYTES as u64)?;
        let Some(head) = Head::parse(&self.window[bytes]) else {
            return Ok(None);
        };
        let inside = offset + head.frame_bytes() <= self.length;
        if !inside || plausible.is_some_and(|plausible| !plausible.allows(&head)) {
            return Ok(None);
        }
        let mut payload = self.window(offset, head.frame_bytes())?;
        payload.start = payload.end.min(payload.start + FRAME_HEAD_BYTES);
        let fits = head.fits(self.journal, &self.window[payload.clone()]);
        Ok(fits.then_some(FrameAt {
            kind: head.kind,
            position: head.position,
            offset,
            payload,
        }))
    }

    /// Have these bytes of the file in the window, as far as the file goes; where in the window they are.
    fn window(&mut self, offset: u64, bytes: u64) -> io::Result<Range<usize>> {
        let end = (offset + bytes).min(self.length);
        if offset < self.window_at || end > self.window_at + self.window.len() as u64 {
            let wanted = bytes.max(WINDOW_BYTES).min(self.length.saturating_sub(offset));
            self.window.resize(wanted as usize, 0);
            let read = read_full(self.file.as_mut(), offset, &mut self.window);
            // After an error, or when the file has shrunk, the window holds no more than was read.
            self.window.truncate(*read.as_ref().unwrap_or(&0));
            read?;
            self.window_at = offset;
        }
        let limit = self.window.len();
        let start = (offset - self.window_at) as usize;
        Ok(start.min(limit)..(end.saturating_sub(self.window_at) as usize).min(limit))
    }
}

impl Plausible {
    fn allows(&self, head: &Head) -> bool {
        let late_enough = head.kind != Kind::Data || head.position > self.after;
        late_enough && head.position <= self.up_to
    }
}
