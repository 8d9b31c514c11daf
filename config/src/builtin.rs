//! The Mentougou district, built into the program: what is used where no file says otherwise.

/// `parameters.toml` of the built-in district.
pub(crate) const PARAMETERS: &str = include_str!("../mentougou/parameters.toml");
/// `townships.csv` of the built-in district.
pub(crate) const TOWNSHIPS: &str = include_str!("../mentougou/townships.csv");
/// `dustfall_points.csv` of the built-in district: ours, as examples; a bureau names its own.
pub(crate) const DUSTFALL_POINTS: &str = include_str!("../mentougou/dustfall_points.csv");
/// `stations.csv` of the built-in district.
pub(crate) const STATIONS: &str = include_str!("../mentougou/stations.csv");
/// The rules of alarms that are always there: file name and text.
pub(crate) const ALARMS: [(&str, &str); 8] = [
    ("hebei.toml", include_str!("../alarms/hebei.toml")),
    ("liaoning.toml", include_str!("../alarms/liaoning.toml")),
    (
        "liaoning-rural.toml",
        include_str!("../alarms/liaoning-rural.toml"),
    ),
    ("mentougou.toml", include_str!("../alarms/mentougou.toml")),
    ("noise.toml", include_str!("../alarms/noise.toml")),
    ("shaanxi.toml", include_str!("../alarms/shaanxi.toml")),
    (
        "shaanxi-earthwork.toml",
        include_str!("../alarms/shaanxi-earthwork.toml"),
    ),
    ("shanghai.toml", include_str!("../alarms/shanghai.toml")),
];
/// The kinds of ledgers that are always there: file name and text.
pub(crate) const LEDGERS: [(&str, &str); 4] = [
    (
        "catering_fume.toml",
        include_str!("../ledgers/catering_fume.toml"),
    ),
    ("complaints.toml", include_str!("../ledgers/complaints.toml")),
    (
        "road_dust_load.toml",
        include_str!("../ledgers/road_dust_load.toml"),
    ),
    (
        "water_sections.toml",
        include_str!("../ledgers/water_sections.toml"),
    ),
];
