//! The head of a message: whose it is, and where its observations stand.
//!
//! Reading the envelope checks the JSON of the whole payload, so that nobody behind it has to.

use super::MAX_EPOCH_BYTES;
use super::fault::{Fault, kind_of};
use super::scan::Scanner;
use super::text::Text;
use crate::Reason;

/// Where the parts of a message stand, as byte offsets. `None` is absent or null; of a key that occurs twice the last
/// one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Envelope {
    /// The `{` of the message.
    pub(super) start: usize,
    pub(super) device: Option<usize>,
    pub(super) epoch: Option<usize>,
    pub(super) obs: Option<usize>,
}

impl Envelope {
    /// Reads the envelope of a payload that is UTF-8 and begins at `start`, and checks all of its JSON.
    pub(super) fn read(payload: &[u8], start: usize) -> Result<Self, Fault> {
        let mut scanner = Scanner::new(payload, start);
        if scanner.current() != Some(b'{') {
            scanner.skip_value(0)?;
            scanner.end()?;
            let found = kind_of(payload.get(start).copied());
            return Err(Fault::at(
                Reason::WrongType,
                None,
                "message",
                start,
                &format!("{found}, not an object"),
            ));
        }
        let mut envelope = Self {
            start,
            device: None,
            epoch: None,
            obs: None,
        };
        let mut more = scanner.open_object()?;
        while more {
            let key = scanner.key()?;
            let at = Some(scanner.at()).filter(|_| scanner.current() != Some(b'n'));
            match &*key.bytes() {
                b"device" => envelope.device = at,
                b"epoch" => envelope.epoch = at,
                b"obs" => envelope.obs = at,
                _ => {}
            }
            scanner.skip_value(1)?;
            more = scanner.next_member()?;
        }
        scanner.end()?;
        Ok(envelope)
    }
}

/// A scanner at the first value of a payload that is UTF-8.
pub(super) fn open(payload: &[u8]) -> Result<Scanner<'_>, Fault> {
    if let Err(error) = std::str::from_utf8(payload) {
        let detail = format!("byte {}: not UTF-8", error.valid_up_to());
        return Err(Fault {
            reason: Reason::NotJson,
            index: None,
            detail,
        });
    }
    let mut scanner = Scanner::new(payload, 0);
    scanner.blank();
    Ok(scanner)
}

/// The string at byte `at`.
pub(super) fn text_at<'a>(payload: &'a [u8], field: &str, at: usize) -> Result<Text<'a>, Fault> {
    let mut scanner = Scanner::new(payload, at);
    if scanner.current() != Some(b'"') {
        let what = format!("{}, not a text", kind_of(scanner.current()));
        return Err(Fault::at(Reason::WrongType, None, field, at, &what));
    }
    Ok(scanner.string()?)
}

/// The epoch at byte `at`, at most [`MAX_EPOCH_BYTES`] long.
pub(super) fn epoch_at(payload: &[u8], at: usize) -> Result<std::borrow::Cow<'_, str>, Fault> {
    let epoch = text_at(payload, "epoch", at)?.string();
    if epoch.len() > MAX_EPOCH_BYTES {
        return Err(Fault::at(
            Reason::WrongType,
            None,
            "epoch",
            at,
            "longer than 64 bytes",
        ));
    }
    Ok(epoch)
}
