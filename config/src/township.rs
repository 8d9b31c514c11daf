//! Townships: the units that are ranked (镇街).

/// A township-level unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Township {
    /// Nine-digit code of the National Bureau of Statistics, or the district's own.
    pub code: String,
    /// Name as printed in notices.
    pub name: String,
    /// Code of the district it belongs to.
    pub district: String,
    /// Name of that district as the city's lists write it, if the list of townships says so.
    pub district_name: Option<String>,
    /// Other names that bulletins use.
    pub aliases: Vec<String>,
    /// Area in km², for maps and densities only.
    pub area_km2: Option<f64>,
    /// Latitude of its centre in degrees, for maps only.
    pub lat: Option<f64>,
    /// Longitude of its centre in degrees, for maps only.
    pub lon: Option<f64>,
    /// Column of its tile on the schematic map.
    pub tile_x: Option<i32>,
    /// Row of its tile on the schematic map.
    pub tile_y: Option<i32>,
}
