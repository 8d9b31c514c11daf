//! The fields of one observation.
//!
//! Every field is read to its end even when it is at fault, so that the next observation stands where it should. Of a
//! key that occurs twice the last one counts, its faults too.

use super::digits;
use super::fault::{Fault, kind_of};
use super::keys::Keys;
use super::scan::{Scan, Scanner, Syntax};
use super::text::Text;
use crate::{Flag, Observation, ParameterId, Reason, Time};

/// The fields, in the order in which their faults are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Device,
    Seq,
    Time,
    Parameter(ParameterId),
    Flags,
    FlagOf(ParameterId),
}

/// What is at fault in the observation at hand. Empty nearly always.
pub(super) type Faults = Vec<(Field, Fault)>;

/// Where the object at hand stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Its head has been read before: in `obs`, or as a message that was looked through already.
    Element,
    /// It is the message, and its head is in it.
    Message {
        /// Byte offset of the epoch's value, if there is one.
        epoch: Option<usize>,
        /// The lowest number that the agent still holds, if it says.
        from: Option<u64>,
    },
}

/// Reads one observation's object into `observation`.
#[derive(Debug)]
pub(super) struct FieldReader<'d> {
    pub(super) keys: &'d mut Keys,
    pub(super) observation: &'d mut Observation,
    pub(super) faults: &'d mut Faults,
    /// The observation's place in `obs`.
    pub(super) index: Option<usize>,
    /// How deep the values of its members stand.
    pub(super) depth: u32,
    /// Whether a time was there, right or wrong.
    pub(super) has_time: bool,
    /// Where the object stands.
    pub(super) place: Place,
}

impl FieldReader<'_> {
    /// Reads from `{` to behind `}`. Expects the readings cleared; notes faults instead of stopping at them.
    pub(super) fn read(&mut self, scanner: &mut Scanner<'_>) -> Scan<()> {
        let start = scanner.at();
        let mut last = self.keys.count();
        let mut more = scanner.open_object()?;
        while more {
            let parameter = match self.keys.guess(scanner, last) {
                Some(id) => Some(id),
                None => self.other(scanner, last)?,
            };
            if let Some(id) = parameter {
                self.value(scanner, id)?;
                last = id.index();
            }
            more = scanner.next_member()?;
        }
        if !self.has_time {
            let what = "an observation without a time";
            self.note(
                Field::Time,
                Fault::at(Reason::MissingTime, self.index, "time", start, what),
            );
        }
        Ok(())
    }

    /// A member whose key was not guessed. A parameter's is returned and its value left to read.
    fn other(&mut self, scanner: &mut Scanner<'_>, last: usize) -> Scan<Option<ParameterId>> {
        let key = scanner.key()?;
        match &*key.bytes() {
            b"time" => self.time(scanner)?,
            b"seq" => self.seq(scanner)?,
            b"flags" => self.flags(scanner)?,
            b"device" => self.device(scanner)?,
            b"epoch" | b"from" | b"obs" if self.place != Place::Element => self.head(scanner, &key)?,
            key => match self.keys.find(key, last) {
                Some(id) => return Ok(Some(id)),
                None => scanner.skip_value(self.depth)?,
            },
        }
        Ok(None)
    }

    /// A member of the head. A list is nothing to be read in one pass.
    fn head(&mut self, scanner: &mut Scanner<'_>, key: &Text<'_>) -> Scan<()> {
        let at = Some(scanner.at()).filter(|_| scanner.current() != Some(b'n'));
        let depth = self.depth;
        let Place::Message { epoch, from } = &mut self.place else {
            return scanner.skip_value(depth);
        };
        match (&*key.bytes(), at) {
            (b"obs", Some(at)) => return Err(Syntax { at, what: "a list" }),
            (b"from", _) => {
                *from = scanner.unsigned(depth)?;
                return Ok(());
            }
            (b"epoch", at) => *epoch = at,
            _ => {}
        }
        scanner.skip_value(depth)
    }

    #[inline]
    fn value(&mut self, scanner: &mut Scanner<'_>, id: ParameterId) -> Scan<()> {
        self.renew(Field::Parameter(id));
        let at = scanner.at();
        let value = match scanner.current() {
            Some(b'-' | b'0'..=b'9') => match scanner.decimal()? {
                Ok(value) => Some(value),
                Err(error) => {
                    self.fail(Field::Parameter(id), Reason::BadValue, at, &error.to_string());
                    None
                }
            },
            Some(b'n') => scanner.null().map(|_| None)?,
            other => {
                scanner.skip_value(self.depth)?;
                let what = format!("{}, not a number", kind_of(other));
                self.fail(Field::Parameter(id), Reason::WrongType, at, &what);
                None
            }
        };
        self.observation.reading_mut(id).value = value;
        Ok(())
    }

    fn time(&mut self, scanner: &mut Scanner<'_>) -> Scan<()> {
        self.renew(Field::Time);
        let at = scanner.at();
        self.has_time = !scanner.null()?;
        let time = match scanner.current() {
            _ if !self.has_time => return Ok(()),
            Some(b'"') => Time::parse_rfc3339(&scanner.string()?.bytes()).ok(),
            Some(b'-' | b'0'..=b'9') => digits::millis(scanner.number()?).map(Time::from_millis),
            _ => scanner.skip_value(self.depth).map(|()| None)?,
        };
        match time {
            Some(time) => self.observation.time = time,
            None => {
                let what = "neither RFC 3339 with offset nor an integer of milliseconds";
                self.fail(Field::Time, Reason::BadTime, at, what);
            }
        }
        Ok(())
    }

    fn seq(&mut self, scanner: &mut Scanner<'_>) -> Scan<()> {
        self.renew(Field::Seq);
        let at = scanner.at();
        if scanner.null()? {
            self.observation.seq = None;
            return Ok(());
        }
        self.observation.seq = scanner.unsigned(self.depth)?;
        if self.observation.seq.is_none() {
            self.fail(Field::Seq, Reason::WrongType, at, "not a non-negative integer");
        }
        Ok(())
    }

    /// An observation that names its device itself names the one of the topic.
    fn device(&mut self, scanner: &mut Scanner<'_>) -> Scan<()> {
        self.renew(Field::Device);
        let at = scanner.at();
        match scanner.current() {
            Some(b'n') => {
                scanner.null()?;
            }
            Some(b'"') => {
                let device = scanner.string()?;
                if *device.bytes() != *self.observation.device.as_bytes() {
                    let what = mismatch(&device.string(), &self.observation.device);
                    self.fail(Field::Device, Reason::DeviceMismatch, at, &what);
                }
            }
            other => {
                scanner.skip_value(self.depth)?;
                let what = format!("{}, not a text", kind_of(other));
                self.fail(Field::Device, Reason::WrongType, at, &what);
            }
        }
        Ok(())
    }

    fn flags(&mut self, scanner: &mut Scanner<'_>) -> Scan<()> {
        self.faults
            .retain(|(field, _)| !matches!(field, Field::Flags | Field::FlagOf(_)));
        for id in self.keys.ids() {
            self.observation.reading_mut(id).flag = Flag::Normal;
        }
        let at = scanner.at();
        match scanner.current() {
            Some(b'n') => {
                scanner.null()?;
            }
            Some(b'{') => {
                let mut more = scanner.open_object()?;
                while more {
                    let key = scanner.key()?;
                    match self.keys.look_up(&key.bytes()) {
                        Some(id) => self.flag(scanner, id)?,
                        None => scanner.skip_value(self.depth + 1)?,
                    }
                    more = scanner.next_member()?;
                }
            }
            other => {
                scanner.skip_value(self.depth)?;
                let what = format!("{}, not an object", kind_of(other));
                self.fail(Field::Flags, Reason::WrongType, at, &what);
            }
        }
        Ok(())
    }

    fn flag(&mut self, scanner: &mut Scanner<'_>, id: ParameterId) -> Scan<()> {
        self.renew(Field::FlagOf(id));
        let at = scanner.at();
        let flag = match scanner.current() {
            Some(b'n') => scanner.null().map(|_| Some(Flag::Normal))?,
            Some(b'"') => match &*scanner.string()?.bytes() {
                [letter] => Flag::from_letter(char::from(*letter)),
                _ => None,
            },
            _ => scanner.skip_value(self.depth + 1).map(|()| None)?,
        };
        self.observation.reading_mut(id).flag = flag.unwrap_or_default();
        if flag.is_none() {
            self.fail(
                Field::FlagOf(id),
                Reason::BadFlag,
                at,
                "not one of N F M S D C T B",
            );
        }
        Ok(())
    }

    /// Forgets the fault of a field that is read again.
    #[inline]
    fn renew(&mut self, field: Field) {
        if !self.faults.is_empty() {
            self.faults.retain(|(at_fault, _)| *at_fault != field);
        }
    }

    #[cold]
    fn fail(&mut self, field: Field, reason: Reason, at: usize, what: &str) {
        let name = match field {
            Field::Device => "device".to_owned(),
            Field::Seq => "seq".to_owned(),
            Field::Time => "time".to_owned(),
            Field::Flags => "flags".to_owned(),
            Field::Parameter(id) => self.keys.name(id).to_owned(),
            Field::FlagOf(id) => format!("flags.{}", self.keys.name(id)),
        };
        self.note(field, Fault::at(reason, self.index, &name, at, what));
    }

    fn note(&mut self, field: Field, fault: Fault) {
        self.faults.push((field, fault));
    }
}

/// What a device mismatch says.
pub(super) fn mismatch(payload: &str, topic: &str) -> String {
    let payload: String = payload.chars().take(80).collect();
    format!("{payload:?} is not the topic's device {topic:?}")
}
