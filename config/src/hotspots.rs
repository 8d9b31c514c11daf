//! `[hotspots]`: how fine the grid is, and how far surroundings reach.

use serde::Deserialize;

use crate::ConfigError;
use crate::resolve::Origin;

/// `[hotspots]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HotspotSettings {
    /// Side of a grid cell in m (500).
    pub grid_m: u32,
    /// How far the surroundings of a place reach, in m (3,000).
    pub radius_m: u32,
    /// Valid hourly means that a monitor needs in the period (24).
    pub min_hours: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawHotspots {
    grid_m: Option<u32>,
    radius_m: Option<u32>,
    min_hours: Option<u32>,
}

impl HotspotSettings {
    pub(crate) fn resolve(raw: &RawHotspots, origin: &Origin<'_>) -> Result<Self, ConfigError> {
        let within = |key: &str, value: u32, low: u32, high: u32| match value {
            value if (low..=high).contains(&value) => Ok(value),
            _ => Err(origin.error(&format!("hotspots.{key}"), format!("must be {low} to {high}"))),
        };
        Ok(Self {
            grid_m: within("grid_m", raw.grid_m.unwrap_or(500), 50, 50_000)?,
            radius_m: within("radius_m", raw.radius_m.unwrap_or(3000), 100, 100_000)?,
            min_hours: within("min_hours", raw.min_hours.unwrap_or(24), 1, 8784)?,
        })
    }

    /// Every key of `[hotspots]` with the value in force.
    pub fn describe(&self) -> [(&'static str, String); 3] {
        [
            ("grid_m", self.grid_m.to_string()),
            ("radius_m", self.radius_m.to_string()),
            ("min_hours", self.min_hours.to_string()),
        ]
    }
}
