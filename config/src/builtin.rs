//! The Mentougou district, built into the program: what is used where no file says otherwise.

/// `parameters.toml` of the built-in district.
pub(crate) const PARAMETERS: &str = include_str!("../mentougou/parameters.toml");
/// `townships.csv` of the built-in district.
pub(crate) const TOWNSHIPS: &str = include_str!("../mentougou/townships.csv");
/// `stations.csv` of the built-in district.
pub(crate) const STATIONS: &str = include_str!("../mentougou/stations.csv");
