//! Why something that arrived did not become an observation: a closed set of stable codes.
//!
//! The code stands in the column `reason` of the table `rejected`, in metrics and in operators' scripts; a code is
//! never renamed. What was sent stands beside it, so that it can be replayed once the cause is mended.

use std::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, replay: $replay:literal, remedy: $remedy:literal;)+) => {
        /// Why something that arrived did not become an observation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant),+];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self {
                    $(Reason::$variant => $code,)+
                }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Reason::$variant => concat!($($doc),+).trim_ascii_start(),)+
                }
            }

            /// What an operator does about it.
            pub fn remedy(self) -> &'static str {
                match self {
                    $(Reason::$variant => $remedy,)+
                }
            }

            /// Whether what was sent is kept whole, so that `rejected replay` can try it again.
            pub fn is_replayable(self) -> bool {
                match self {
                    $(Reason::$variant => $replay,)+
                }
            }
        }
    };
}

reasons! {
    /// The topic is not one of ours, or names another kind than the ingester reads.
    BadTopic = "bad_topic", replay: true,
        remedy: "mend the device's topic; replaying helps when the program has learnt to read it since";
    /// The payload is larger than the ingester takes.
    TooLarge = "too_large", replay: false,
        remedy: "send less in a message, or raise `broker.max_payload_bytes`; only the beginning is kept";
    /// The payload is not JSON.
    NotJson = "not_json", replay: true,
        remedy: "mend the firmware";
    /// The payload is JSON, but a field has the wrong type: a text where a number belongs, a list for an object.
    WrongType = "wrong_type", replay: true,
        remedy: "mend the firmware, or the mapping of an import";
    /// `obs` is an empty list.
    EmptyList = "empty_list", replay: true,
        remedy: "nothing is lost; mend the firmware";
    /// An observation has no `time`.
    MissingTime = "missing_time", replay: true,
        remedy: "mend the firmware";
    /// `time` is no RFC 3339 time with offset and no integer of milliseconds.
    BadTime = "bad_time", replay: true,
        remedy: "mend the firmware, or the mapping of an import";
    /// A value has more digits than a decimal holds.
    BadValue = "bad_value", replay: true,
        remedy: "mend the firmware";
    /// A flag of a known parameter is not a letter of HJ 212.
    BadFlag = "bad_flag", replay: true,
        remedy: "mend the firmware";
    /// The payload names another device than its topic.
    DeviceMismatch = "device_mismatch", replay: true,
        remedy: "find out who publishes under another's name; mend the agent's settings or the access list";
    /// The device is in another district than its topic says.
    DistrictMismatch = "district_mismatch", replay: true,
        remedy: "mend the agent's settings, or the township in `stations.csv`, then replay";
    /// The device is not in the registry, or was not at that time.
    UnknownDevice = "unknown_device", replay: true,
        remedy: "add it to `stations.csv`, with `valid_from` early enough, then replay";
    /// The time lies further in the future than a clock may be off.
    FutureTime = "future_time", replay: true,
        remedy: "set the device's clock; raise `broker.future_tolerance_seconds` if the times are right, then replay";
    /// The time lies before the earliest that a table takes.
    PastTime = "past_time", replay: true,
        remedy: "set the device's clock";
    /// A raw frame (`…/hj212`) that could not be decoded.
    BadFrame = "bad_frame", replay: true,
        remedy: "compare the frame with HJ 212; set `crc` in `[hj212]`, for the device or for all, if only the checksum differs, then replay";
    /// A line of a table that is no row of it: another number of fields than the header has, or no UTF-8.
    BadRow = "bad_row", replay: false,
        remedy: "mend the table and import it again; what was taken before counts once";
    /// More rejected messages of a device than the limit keeps in an hour; the detail counts them by reason.
    RateLimited = "rate_limited", replay: false,
        remedy: "mend the cause that the detail names; raise `broker.rejects_per_device_per_hour` to keep more";
}

impl Reason {
    /// The reason of a code.
    pub fn from_code(code: &str) -> Option<Reason> {
        Self::ALL.iter().copied().find(|r| r.code() == code)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
