//! Values that nobody asked for: checked and stepped over, whatever they hold.
//!
//! Invariant: a value that nests deeper than [`MAX_DEPTH`] levels is refused, and the depth costs no stack.

use super::scan::{Scan, Scanner};

/// How deep objects and lists may nest.
const MAX_DEPTH: u32 = 32;

impl Scanner<'_> {
    /// Checks and steps over one value of any kind that stands `depth` levels deep.
    pub(super) fn skip_value(&mut self, depth: u32) -> Scan<()> {
        // One bit a level below this value: set for an object.
        let (mut objects, mut inside) = (0u64, 0u32);
        loop {
            let opened = match self.current() {
                Some(b'{') => Some((1, self.open_object()?)),
                Some(b'[') => Some((0, self.open_list()?)),
                Some(b'"') => self.string().map(|_| None)?,
                Some(b'-' | b'0'..=b'9') => self.number().map(|_| None)?,
                Some(b't') => self.literal(b"true").map(|()| None)?,
                Some(b'f') => self.literal(b"false").map(|()| None)?,
                Some(b'n') => self.literal(b"null").map(|()| None)?,
                _ => return self.fail("expected a value"),
            };
            if opened.is_some() && depth + inside >= MAX_DEPTH {
                return self.fail("nested deeper than 32 levels");
            }
            if let Some((object, true)) = opened {
                objects = objects << 1 | object;
                inside += 1;
                if object == 1 {
                    self.key()?;
                }
                continue;
            }
            loop {
                if inside == 0 {
                    return Ok(());
                }
                let more = if objects & 1 == 1 {
                    self.next_member()?
                } else {
                    self.next_item()?
                };
                if more {
                    break;
                }
                objects >>= 1;
                inside -= 1;
            }
            if objects & 1 == 1 {
                self.key()?;
            }
        }
    }
}
