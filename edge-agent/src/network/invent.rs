//! Stations that nobody built, for loads larger than a district has monitors.

use dustwatch_config::{Station, StationKind, Township};
use dustwatch_observation::{DeviceId, DistrictCode};

use crate::EdgeError;
use crate::random::{Random, key};

/// `count` stations spread over the townships in turn: `110109-SIM-0001`, `110109-SIM-0002`, and so on.
///
/// Most stand at construction sites, one in five ranks its township. Deterministic.
///
/// # Errors
/// [`EdgeError::Usage`] when there is no township to put them in.
pub fn invent(
    district: &DistrictCode,
    townships: &[Township],
    count: usize,
    interval_seconds: u32,
) -> Result<Vec<Station>, EdgeError> {
    if townships.is_empty() {
        return Err(EdgeError::Usage(
            "the configuration lists no township to put devices in".to_owned(),
        ));
    }
    let width = count.to_string().len().max(4);
    (1..=count)
        .map(|number| {
            let township = &townships[(number - 1) % townships.len()];
            let mut random = Random::new(key(number as u64, 0));
            let kind = match random.unit() {
                x if x < 0.20 => StationKind::Township,
                x if x < 0.75 => StationKind::Site,
                x if x < 0.95 => StationKind::Road,
                _ => StationKind::Reference,
            };
            Ok(Station {
                device: DeviceId::new(&format!("{district}-SIM-{number:0width$}"))
                    .map_err(|e| EdgeError::Usage(e.to_string()))?,
                name: format!("模拟{number:0width$}"),
                kind,
                township: township.code.clone(),
                lat: township.lat.map(|lat| round4(lat + random.between(-0.01, 0.01))),
                lon: township.lon.map(|lon| round4(lon + random.between(-0.01, 0.01))),
                interval_seconds,
                model: Some("SIM".to_owned()),
                valid_from: None,
                valid_to: None,
            })
        })
        .collect()
}

fn round4(degrees: f64) -> f64 {
    (degrees * 10_000.0).round() / 10_000.0
}

/// `stations.csv` of these stations, so that an ingester can know them.
pub fn stations_csv(stations: &[Station]) -> String {
    let mut text = "device,name,kind,township,lat,lon,interval,model,valid_from,valid_to\n".to_owned();
    let degrees = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    for s in stations {
        let line = [
            s.device.to_string(),
            s.name.clone(),
            s.kind.as_str().to_owned(),
            s.township.clone(),
            degrees(s.lat),
            degrees(s.lon),
            format!("{}s", s.interval_seconds),
            s.model.clone().unwrap_or_default(),
            s.valid_from.map(|d| d.to_string()).unwrap_or_default(),
            s.valid_to.map(|d| d.to_string()).unwrap_or_default(),
        ];
        text.push_str(&line.join(","));
        text.push('\n');
    }
    text
}
