//! Stations: the monitors, where they stand and since when.

use chrono::NaiveDate;
use dustwatch_observation::DeviceId;

/// What a station is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StationKind {
    /// Takes part in its township's ranking.
    Township,
    /// Stands at a construction site.
    Site,
    /// Stands at a road.
    Road,
    /// Serves comparison only.
    Reference,
}

impl StationKind {
    const ALL: [StationKind; 4] = [
        StationKind::Township,
        StationKind::Site,
        StationKind::Road,
        StationKind::Reference,
    ];

    /// The word in `stations.csv`.
    pub fn as_str(self) -> &'static str {
        match self {
            StationKind::Township => "township",
            StationKind::Site => "site",
            StationKind::Road => "road",
            StationKind::Reference => "reference",
        }
    }

    /// The kind of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == word)
    }
}

/// One monitor at one place for one span of time; a monitor that moves has several, and so keeps its past.
#[derive(Debug, Clone, PartialEq)]
pub struct Station {
    /// The device's id.
    pub device: DeviceId,
    /// Name as printed.
    pub name: String,
    /// What it is for.
    pub kind: StationKind,
    /// Code of the township it stands in.
    pub township: String,
    /// Latitude in degrees, WGS-84.
    pub lat: Option<f64>,
    /// Longitude in degrees, WGS-84.
    pub lon: Option<f64>,
    /// Seconds between two observations; divides an hour.
    pub interval_seconds: u32,
    /// Model of the monitor.
    pub model: Option<String>,
    /// First local day at this place; open when absent.
    pub valid_from: Option<NaiveDate>,
    /// Last local day at this place; open when absent.
    pub valid_to: Option<NaiveDate>,
}

impl Station {
    /// Whether the monitor stood here on a local day.
    pub fn covers(&self, day: NaiveDate) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_to.is_none_or(|to| day <= to)
    }

    /// Observations that a full hour lets expect.
    pub fn expected_per_hour(&self) -> u32 {
        3600 / self.interval_seconds
    }
}
