//! Data flags (数据标记) of HJ 212-2017, table 8.

use std::fmt;

/// What a device says about one of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Flag {
    /// `N`: normal. Absent means this.
    #[default]
    Normal,
    /// `F`: the monitor is out of service.
    OutOfService,
    /// `M`: under maintenance.
    Maintenance,
    /// `S`: a manually set value.
    Setpoint,
    /// `D`: the sensor is faulty.
    Fault,
    /// `C`: being calibrated.
    Calibration,
    /// `T`: over the measuring range.
    OverRange,
    /// `B`: the link between sensor and logger failed.
    LinkError,
}

impl Flag {
    /// Every flag with its letter, in the order of the standard.
    pub const ALL: [(Flag, char); 8] = [
        (Flag::Normal, 'N'),
        (Flag::OutOfService, 'F'),
        (Flag::Maintenance, 'M'),
        (Flag::Setpoint, 'S'),
        (Flag::Fault, 'D'),
        (Flag::Calibration, 'C'),
        (Flag::OverRange, 'T'),
        (Flag::LinkError, 'B'),
    ];

    /// The flag of a letter; `None` for letters that HJ 212 does not define.
    pub fn from_letter(letter: char) -> Option<Flag> {
        Self::ALL
            .into_iter()
            .find(|&(_, l)| l == letter)
            .map(|(flag, _)| flag)
    }

    /// The letter of HJ 212.
    pub fn letter(self) -> char {
        self.as_str().as_bytes()[0].into()
    }

    /// The letter as a string.
    #[inline]
    pub fn as_str(self) -> &'static str {
        match self {
            Flag::Normal => "N",
            Flag::OutOfService => "F",
            Flag::Maintenance => "M",
            Flag::Setpoint => "S",
            Flag::Fault => "D",
            Flag::Calibration => "C",
            Flag::OverRange => "T",
            Flag::LinkError => "B",
        }
    }

    /// Whether a value with this flag takes part in statistics: only `N` does.
    #[inline]
    pub fn is_normal(self) -> bool {
        self == Flag::Normal
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
