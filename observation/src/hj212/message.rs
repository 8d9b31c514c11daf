//! A segment as a message: header, command, and the items of its data area.

use crate::Time;

/// Version of the standard, by the bits of `Flag` (HJ 212-2017, table 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HJ/T 212-2005, also without a `Flag`.
    V2005,
    /// HJ 212-2017.
    V2017,
    /// HJ 212-2025.
    V2025,
    /// A later one.
    Other(u8),
}

/// What a message is for (`CN`; HJ 212-2017, table 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// 2011: instantaneous values.
    RealTime,
    /// 2051: means of some minutes.
    Minutes,
    /// 2061: means of an hour.
    Hour,
    /// 2031: means of a day.
    Day,
    /// 1013: the logger asks for the time.
    AskTime,
    /// 9011: the answer to a request.
    Accepted,
    /// 9012: the result of a request.
    Result,
    /// 9013, 9014: a notice or data was acknowledged.
    Acknowledged,
    /// 9015: a sign of life (HJ 212-2025).
    Heartbeat,
    /// Any other.
    Other(u16),
}

impl Command {
    /// Its number.
    pub fn number(self) -> u16 {
        match self {
            Command::RealTime => 2011,
            Command::Minutes => 2051,
            Command::Hour => 2061,
            Command::Day => 2031,
            Command::AskTime => 1013,
            Command::Accepted => 9011,
            Command::Result => 9012,
            Command::Acknowledged => 9014,
            Command::Heartbeat => 9015,
            Command::Other(number) => number,
        }
    }

    /// The command of a number.
    pub fn of(number: u16) -> Self {
        match number {
            2011 => Command::RealTime,
            2051 => Command::Minutes,
            2061 => Command::Hour,
            2031 => Command::Day,
            1013 => Command::AskTime,
            9011 => Command::Accepted,
            9012 => Command::Result,
            9013 | 9014 => Command::Acknowledged,
            9015 => Command::Heartbeat,
            other => Command::Other(other),
        }
    }

    /// The command of a number, if it brings values of a time.
    ///
    /// # Errors
    /// Which numbers do.
    pub fn of_data(number: u16) -> Result<Self, String> {
        let command = Self::of(number);
        match command.is_data() {
            true => Ok(command),
            false => Err(format!("{number} is none of 2011, 2051, 2061, 2031")),
        }
    }

    /// Whether it brings values of a time.
    pub fn is_data(self) -> bool {
        matches!(
            self,
            Command::RealTime | Command::Minutes | Command::Hour | Command::Day
        )
    }
}

/// A field of the data area: `a34001-Avg=186` has the code `a34001` and the suffix `Avg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The factor, or the whole name where there is no `-`.
    pub code: String,
    /// What of it, as it was written; empty without `-`.
    pub suffix: String,
    /// The value.
    pub value: String,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `QN`, which an answer repeats; empty when there is none.
    pub qn: String,
    /// `ST`: what kind of system speaks.
    pub st: String,
    /// `CN`
    pub command: Command,
    /// `PW`
    pub pw: String,
    /// `MN`: who speaks.
    pub mn: String,
    /// By the bits of `Flag`.
    pub version: Version,
    /// Whether an answer is wanted.
    pub wants_answer: bool,
    /// `PNO` and `PNUM`, where the message is a part of several.
    pub part: Option<(u32, u32)>,
    /// `DataTime` as an instant; absent where there is none, or none that can be read.
    pub data_time: Option<Time>,
    /// A flag that stands alone in the data area, for all values without one.
    pub flag: Option<String>,
    /// The fields, in their order, `DataTime` and a lone `Flag` left out.
    pub items: Vec<Item>,
}

/// Why a segment is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageFault {
    /// There is no data area.
    #[error("there is no CP=&&…&&")]
    NoData,
    /// There is no command, or none with four digits.
    #[error("CN {0:?} is no command")]
    NoCommand(String),
}

impl Message {
    /// Reads a segment. Times are local, `offset_seconds` east of UTC.
    ///
    /// # Errors
    /// [`MessageFault`] when it has no data area or no command.
    pub fn parse(segment: &[u8], offset_seconds: i32) -> Result<Self, MessageFault> {
        // Log texts are sent in GBK by some; names and values are ASCII.
        let text = String::from_utf8_lossy(segment);
        let (head, data) = text.split_once("CP=&&").ok_or(MessageFault::NoData)?;
        let data = data.strip_suffix("&&").ok_or(MessageFault::NoData)?;
        let of = |name: &str| {
            let mut pairs = head.split(';').filter_map(|pair| pair.split_once('='));
            pairs
                .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
                .map_or("", |(_, value)| value.trim())
        };
        let number: Option<u16> = of("CN").parse().ok();
        let command = number.ok_or_else(|| MessageFault::NoCommand(of("CN").to_owned()))?;
        let bits: u8 = of("Flag").parse().unwrap_or(0);
        let part = of("PNO").parse().ok().zip(of("PNUM").parse().ok());
        let mut message = Self {
            qn: of("QN").to_owned(),
            st: of("ST").to_owned(),
            command: Command::of(command),
            pw: of("PW").to_owned(),
            mn: of("MN").to_owned(),
            version: match bits >> 2 {
                0 => Version::V2005,
                1 => Version::V2017,
                2 => Version::V2025,
                other => Version::Other(other),
            },
            wants_answer: bits & 1 == 1,
            part,
            data_time: None,
            flag: None,
            items: Vec::new(),
        };
        message.read_data(data, offset_seconds);
        Ok(message)
    }

    /// The data area. `;` and `,` both end a field: the field mixes them up, and names tell what belongs together.
    fn read_data(&mut self, data: &str, offset_seconds: i32) {
        for field in data.split([';', ',']) {
            let Some((name, value)) = field.split_once('=') else {
                continue;
            };
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("DataTime") {
                self.data_time = local_time(value, offset_seconds);
            } else if name.eq_ignore_ascii_case("Flag") {
                self.flag = Some(value.to_owned());
            } else {
                let mut parts = name.split('-');
                let code = parts.next().unwrap_or_default().to_owned();
                let suffixes: Vec<&str> = parts.collect();
                // A doubled suffix, LA-Rtd-Flag, is about what its last part says if that is the flag.
                let is_flag = suffixes
                    .last()
                    .is_some_and(|last| last.eq_ignore_ascii_case("Flag"));
                let suffix = if is_flag {
                    suffixes.last()
                } else {
                    suffixes.first()
                };
                self.items.push(Item {
                    code,
                    suffix: suffix.map_or(String::new(), |suffix| (*suffix).to_owned()),
                    value: value.to_owned(),
                });
            }
        }
    }
}

/// `20190808090000`, with or without more digits, as an instant.
fn local_time(text: &str, offset_seconds: i32) -> Option<Time> {
    let digits = text
        .get(..14)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let local = chrono::NaiveDateTime::parse_from_str(digits, "%Y%m%d%H%M%S").ok()?;
    let micros = local.and_utc().timestamp_micros();
    Some(Time::from_micros(micros).plus_micros(-i64::from(offset_seconds) * 1_000_000))
}
