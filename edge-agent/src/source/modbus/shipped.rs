//! The register maps that are built in, so that one file is all that an installer copies.

/// The maps that are built in, by name: the files of `config/modbus/`.
pub(super) const SHIPPED: [(&str, &str); 7] = [
    ("sds069", include_str!("../../../../config/modbus/sds069.toml")),
    (
        "site-dust-11",
        include_str!("../../../../config/modbus/site-dust-11.toml"),
    ),
    (
        "sn-300byh-m",
        include_str!("../../../../config/modbus/sn-300byh-m.toml"),
    ),
    (
        "sn-3003-fsxcs",
        include_str!("../../../../config/modbus/sn-3003-fsxcs.toml"),
    ),
    (
        "tsp-station",
        include_str!("../../../../config/modbus/tsp-station.toml"),
    ),
    (
        "weather-station-8in1",
        include_str!("../../../../config/modbus/weather-station-8in1.toml"),
    ),
    ("xm8189b", include_str!("../../../../config/modbus/xm8189b.toml")),
];
