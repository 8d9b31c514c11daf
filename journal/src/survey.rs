//! First step of opening: read every segment, change nothing, and tell what is there.

use std::io;

use crate::Position;
use crate::error::{IoFailure, OpenError};
use crate::frame::{FRAME_HEAD_BYTES, Kind};
use crate::scan::{FrameAt, Plausible, Scan, Step};
use crate::segment::{self, HEADER_BYTES, Header, HeaderFault, VERSION};
use crate::storage::{Storage, read_full};

/// Records that were durable and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment file, without its directory.
    pub segment: String,
    /// Where in it the unreadable bytes begin.
    pub offset: u64,
    /// How many bytes are unreadable.
    pub bytes: u64,
    /// What is wrong.
    pub kind: DamageKind,
    /// The first record that is lost.
    pub from: Position,
    /// The last record that is lost; before `from` when only control frames were hit.
    pub to: Position,
}

/// What is wrong with a damaged segment.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// A frame is short or fails its checksum.
    Frame,
    /// The header fails its checksum, or belongs to another journal.
    Header,
    /// The file is not there.
    Missing,
}

/// A segment file.
#[derive(Copy, Clone, Debug)]
pub(crate) struct SegmentFile {
    pub(crate) first: Position,
    pub(crate) bytes: u64,
}

/// The newest segment, as far as it can be written to.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Tail {
    pub(crate) first: Position,
    /// Everything from here on is torn.
    pub(crate) end: u64,
    /// A mark vouches for everything in front of this; 0 when there is none.
    pub(crate) vouched: u64,
    /// The last frame is a mark.
    pub(crate) marked: bool,
    pub(crate) has_records: bool,
    pub(crate) torn_bytes: u64,
    pub(crate) torn_records: u64,
}

/// What is in a directory.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// `None` when no header is readable.
    pub(crate) journal: Option<u64>,
    /// Oldest first, without the one of `torn_creation`.
    pub(crate) segments: Vec<SegmentFile>,
    /// A newest segment that a crash left without a header.
    pub(crate) torn_creation: Option<SegmentFile>,
    /// The newest segment, unless its header is damaged.
    pub(crate) tail: Option<Tail>,
    pub(crate) last: Position,
    pub(crate) cut: Position,
    pub(crate) damaged: Vec<Damage>,
    /// Whether a record that is missing next is explained by the last damage.
    explained: bool,
}

/// Read everything.
pub(crate) fn survey(storage: &dyn Storage) -> Result<Survey, OpenError> {
    let mut survey = Survey::default();
    let mut names = storage.list().map_err(IoFailure::at("list", &storage.path("")))?;
    names.sort();
    let mut headers = Vec::new();
    for first in names.iter().filter_map(|name| segment::first_of(name)) {
        let (bytes, header) = read_header(storage, first)?;
        survey.segments.push(SegmentFile { first, bytes });
        headers.push(header);
    }
    survey.set_torn_creation_aside(&mut headers);
    survey.journal = headers.iter().rev().flatten().map(|header| header.journal).next();
    survey.cut = survey
        .segments
        .first()
        .map_or(Position::ZERO, |oldest| oldest.first.previous());
    survey.last = survey.cut;
    for (index, header) in headers.into_iter().enumerate() {
        let header = header.filter(|header| Some(header.journal) == survey.journal);
        survey.segment(storage, index, header)?;
    }
    Ok(survey)
}

fn read_header(storage: &dyn Storage, first: Position) -> Result<(u64, Option<Header>), OpenError> {
    let name = segment::name_of(first);
    let path = storage.path(&name);
    let mut bytes = [0; HEADER_BYTES];
    let mut read = || -> io::Result<(u64, usize)> {
        let mut file = storage.open(&name)?;
        Ok((file.length()?, read_full(file.as_mut(), 0, &mut bytes)?))
    };
    let (length, got) = read().map_err(IoFailure::at("read", &path))?;
    match Header::decode(&bytes[..got]) {
        Ok(header) => Ok((length, Some(header).filter(|header| header.first == first))),
        Err(HeaderFault::Bad) => Ok((length, None)),
        Err(HeaderFault::Newer(found)) => Err(OpenError::NewerVersion {
            segment: path,
            found,
            supported: VERSION,
        }),
    }
}

impl Survey {
    /// A header is synced before anything is written behind it, so a crash can only leave a file without a header when
    /// nothing is behind it either. An only segment is new only when it is the first ever.
    fn set_torn_creation_aside(&mut self, headers: &mut Vec<Option<Header>>) {
        let only = self.segments.len() == 1;
        let torn = self.segments.last().is_some_and(|newest| {
            let new = !only || newest.first == Position::ZERO.next();
            newest.bytes <= HEADER_BYTES as u64 && new
        });
        if torn && headers.last().is_some_and(Option::is_none) {
            headers.pop();
            self.torn_creation = self.segments.pop();
        }
    }

    fn segment(
        &mut self,
        storage: &dyn Storage,
        index: usize,
        header: Option<Header>,
    ) -> Result<(), OpenError> {
        let SegmentFile { first, bytes } = self.segments[index];
        let newest = index + 1 == self.segments.len();
        let name = segment::name_of(first);
        if first > self.last.next() && !self.explained {
            self.damage(segment::name_of(self.last.next()), 0, 0, DamageKind::Missing);
        }
        self.know_of(first.previous());
        self.explained = false;
        match header {
            Some(header) => self.cut = self.cut.max(header.cut),
            None => self.damage(name.clone(), 0, HEADER_BYTES as u64, DamageKind::Header),
        }
        let failed = IoFailure::at("read", &storage.path(&name));
        let tail = self
            .frames(storage, first, newest && header.is_some())
            .map_err(failed)?;
        if newest && header.is_some() {
            self.tail = Some(tail);
        } else if newest && self.last < first {
            // Nothing of it is readable. A position that may have been in it is never given out again.
            self.know_of(Position::new(
                first.previous().get() + (bytes / FRAME_HEAD_BYTES as u64).max(1),
            ));
        }
        Ok(())
    }

    fn frames(&mut self, storage: &dyn Storage, first: Position, may_be_torn: bool) -> io::Result<Tail> {
        let name = segment::name_of(first);
        let mut scan = Scan::new(storage.open(&name)?, self.journal.unwrap_or_default())?;
        let mut tail = Tail::new(first);
        loop {
            match scan.step()? {
                Step::Frame(frame) => self.frame(&name, &frame, &mut tail),
                Step::Bad if may_be_torn && self.torn(&mut scan, &mut tail)? => return Ok(tail),
                Step::Bad if self.pass_bad_frame(&name, &mut scan)? => {}
                Step::Bad | Step::End => break,
            }
        }
        tail.end = scan.length();
        Ok(tail)
    }

    /// No more records can have been lost than frames fit into the file.
    fn plausible(&self, scan: &Scan) -> Plausible {
        let frames = scan.length() / FRAME_HEAD_BYTES as u64;
        Plausible {
            after: self.last,
            up_to: Position::new(self.last.get().saturating_add(frames)),
        }
    }

    /// Whether the bad frame that the scan is in front of is where a crash tore the newest segment: no mark behind it says
    /// that it was once synced.
    fn torn(&self, scan: &mut Scan, tail: &mut Tail) -> io::Result<bool> {
        let beyond = scan.look_beyond(self.plausible(scan))?;
        if !beyond.marked {
            tail.end = scan.offset();
            tail.torn_bytes = scan.length() - scan.offset();
            tail.torn_records = beyond.records;
        }
        Ok(!beyond.marked)
    }

    /// Go on to the next intact frame of this segment; `false` when there is none.
    fn pass_bad_frame(&mut self, name: &str, scan: &mut Scan) -> io::Result<bool> {
        let offset = scan.offset();
        let found = scan.resync(self.plausible(scan))?;
        let end = if found { scan.offset() } else { scan.length() };
        self.damage(name.to_owned(), offset, end - offset, DamageKind::Frame);
        Ok(found)
    }

    fn frame(&mut self, name: &str, frame: &FrameAt, tail: &mut Tail) {
        tail.marked = frame.kind == Kind::Mark;
        match frame.kind {
            Kind::Data => {
                if frame.position > self.last.next() && !self.explained {
                    self.damage(name.to_owned(), frame.offset, 0, DamageKind::Frame);
                }
                self.know_of(frame.position.previous());
                self.last = self.last.max(frame.position);
                self.explained = false;
                tail.has_records = true;
            }
            Kind::Cut => {
                self.cut = self.cut.max(frame.position);
                self.know_of(frame.position);
            }
            Kind::Mark => {
                tail.vouched = frame.offset;
                self.know_of(frame.position);
            }
        }
    }

    fn damage(&mut self, segment: String, offset: u64, bytes: u64, kind: DamageKind) {
        self.damaged.push(Damage {
            segment,
            offset,
            bytes,
            kind,
            from: self.last.next(),
            to: self.last,
        });
        self.explained = true;
    }

    /// Records up to `position` were there once: those not seen are lost to the last damage.
    fn know_of(&mut self, position: Position) {
        if position > self.last {
            if let Some(damage) = self.damaged.last_mut() {
                damage.to = position;
            }
            self.last = position;
        }
    }
}

impl Tail {
    fn new(first: Position) -> Tail {
        Tail {
            first,
            end: HEADER_BYTES as u64,
            vouched: 0,
            marked: false,
            has_records: false,
            torn_bytes: 0,
            torn_records: 0,
        }
    }
}
