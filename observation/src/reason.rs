//! Why something that arrived did not become an observation: a closed set of stable codes.
//!
//! The code stands in the column `reason` of the table `rejected`, in metrics and in operators' scripts; a code is
//! never renamed. What was sent stands beside it, so that it can be replayed once the cause is mended.

use std::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal),+ $(,)?) => {
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
        }
    };
}

reasons! {
    /// The topic is not one of ours, or names another kind than the ingester reads.
    BadTopic = "bad_topic",
    /// The payload is larger than the ingester takes.
    TooLarge = "too_large",
    /// The payload is not JSON.
    NotJson = "not_json",
    /// The payload is JSON, but a field has the wrong type: a text where a number belongs, a list for an object.
    WrongType = "wrong_type",
    /// `obs` is an empty list.
    EmptyList = "empty_list",
    /// An observation has no `time`.
    MissingTime = "missing_time",
    /// `time` is no RFC 3339 time with offset and no integer of milliseconds.
    BadTime = "bad_time",
    /// A value has more digits than a decimal holds.
    BadValue = "bad_value",
    /// A flag of a known parameter is not a letter of HJ 212.
    BadFlag = "bad_flag",
    /// The payload names another device than its topic.
    DeviceMismatch = "device_mismatch",
    /// The device is in another district than its topic says.
    DistrictMismatch = "district_mismatch",
    /// The device is not in the registry, or was not at that time.
    UnknownDevice = "unknown_device",
    /// The time lies further in the future than a clock may be off.
    FutureTime = "future_time",
    /// The time lies before the earliest that a table takes.
    PastTime = "past_time",
    /// A raw frame (`…/hj212`) that could not be decoded.
    BadFrame = "bad_frame",
    /// A line of a table that is no row of it: another number of fields than the header has, or no UTF-8.
    BadRow = "bad_row",
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
