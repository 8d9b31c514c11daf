//! Cutting a stream of bytes into segments.
//!
//! A frame is `##`, four digits of length, the segment, four hexadecimal digits of checksum, and CR LF, which may be missing. The
//! stream may begin anywhere and hold anything between frames; a frame that is none ends where the next `##` begins.
//!
//! Invariant: memory is bounded by the largest frame, and no byte of a good frame is lost to a bad one before it.

use super::CrcMode;

const MARK: &[u8] = b"##";
/// Mark and length.
const HEAD: usize = 6;
const CRC: usize = 4;
/// Bytes between frames of which a fault shows no more.
const SHOWN: usize = 1024;

/// What comes out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framed {
    /// A segment, from `QN=` to `&&`, whose length and checksum are right.
    Segment(Vec<u8>),
    /// Bytes that are no frame, the first kilobyte of them.
    Bad(FrameFault, Vec<u8>),
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameFault {
    /// There is no `##` with four digits.
    NoHead,
    /// The segment does not end where its length says.
    Length,
    /// The checksum is another.
    Crc,
}

/// Cuts a stream.
#[derive(Debug)]
pub struct Framer {
    crc: CrcMode,
    buffer: Vec<u8>,
}

impl Framer {
    /// A framer at the beginning of a stream.
    pub fn new(crc: CrcMode) -> Self {
        Self {
            crc,
            buffer: Vec::new(),
        }
    }

    /// Takes more of the stream and gives what is whole now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Framed> {
        self.buffer.extend_from_slice(bytes);
        let mut out = Vec::new();
        while let Some((framed, used)) = self.next() {
            out.extend(framed);
            self.buffer.drain(..used);
        }
        out
    }

    /// What the stream ends with, if that is more than the end of a line.
    pub fn finish(mut self) -> Option<Framed> {
        let rest = std::mem::take(&mut self.buffer);
        let rest = rest.trim_ascii();
        (!rest.is_empty()).then(|| bad(FrameFault::Length, rest))
    }

    /// What stands at the beginning of the buffer, with its bytes; `None` when more is needed.
    fn next(&self) -> Option<(Option<Framed>, usize)> {
        let buffer = &self.buffer;
        let ends = buffer
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace() || **byte == 0)
            .count();
        if ends > 0 {
            return Some((None, ends));
        }
        if buffer.len() < HEAD {
            return (!is_head_so_far(buffer)).then(|| self.skip(FrameFault::NoHead));
        }
        let Some(length) = length(buffer) else {
            return Some(self.skip(FrameFault::NoHead));
        };
        let whole = HEAD + length + CRC;
        if buffer.len() < whole {
            // A frame that begins before this one could end: the rest of this one will not come.
            let inner = find(&buffer[HEAD..]).filter(|at| HEAD + at + HEAD <= buffer.len());
            return inner
                .filter(|at| length_at(buffer, HEAD + at).is_some())
                .map(|_| self.skip(FrameFault::Length));
        }
        let segment = &buffer[HEAD..HEAD + length];
        let Some(crc) = hexadecimal(&buffer[HEAD + length..whole]) else {
            return Some(self.skip(FrameFault::Length));
        };
        if !segment.ends_with(b"&&") {
            return Some(self.skip(FrameFault::Length));
        }
        if !self.crc.accepts(segment, crc) {
            return Some((Some(bad(FrameFault::Crc, &buffer[..whole])), whole));
        }
        Some((Some(Framed::Segment(segment.to_vec())), whole))
    }

    /// Everything up to the next mark, as what it is.
    fn skip(&self, fault: FrameFault) -> (Option<Framed>, usize) {
        let from = usize::from(self.buffer.starts_with(b"#")) + usize::from(self.buffer.starts_with(MARK));
        let next = find(&self.buffer[from.min(self.buffer.len())..]).map(|at| at + from);
        // The last byte may be half of a mark.
        let half = usize::from(self.buffer.ends_with(b"#") && self.buffer.len() > 1);
        let used = next.unwrap_or(self.buffer.len() - half).max(1);
        (Some(bad(fault, &self.buffer[..used])), used)
    }
}

fn bad(fault: FrameFault, bytes: &[u8]) -> Framed {
    Framed::Bad(fault, bytes[..bytes.len().min(SHOWN)].to_vec())
}

fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(MARK.len()).position(|two| two == MARK)
}

/// Whether fewer bytes than a head may become one.
fn is_head_so_far(bytes: &[u8]) -> bool {
    let (mark, digits) = bytes.split_at(bytes.len().min(MARK.len()));
    MARK.starts_with(mark) && digits.iter().all(u8::is_ascii_digit)
}

fn length(bytes: &[u8]) -> Option<usize> {
    length_at(bytes, 0)
}

fn length_at(bytes: &[u8], at: usize) -> Option<usize> {
    let head = bytes.get(at..at + HEAD)?;
    let digits = head.strip_prefix(MARK)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn hexadecimal(bytes: &[u8]) -> Option<u16> {
    if !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok()
}
