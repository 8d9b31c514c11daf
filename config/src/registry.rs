//! The registry: which stations and townships there are, with their effective dates.
//!
//! Read from `stations.csv` and `townships.csv`. Invariants: every station's township is listed; two entries of one
//! device never cover the same day.

use std::collections::HashMap;
use std::path::Path;

use chrono::NaiveDate;
use dustwatch_observation::{DeviceId, DistrictCode};

use crate::{ConfigError, Station, StationKind, Township};

/// All stations and townships of a deployment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Registry {
    stations: Vec<Station>,
    townships: Vec<Township>,
    by_device: HashMap<String, Vec<usize>>,
}

impl Registry {
    /// The registry that two CSV texts describe; the paths are for messages only.
    ///
    /// # Errors
    /// [`ConfigError::Csv`] names the file and line of the first thing that is wrong.
    pub fn parse(townships: (&Path, &str), stations: (&Path, &str)) -> Result<Self, ConfigError> {
        let mut registry = Self::default();
        for row in rows(townships.0, townships.1, &["code", "name", "district"])? {
            let township = township(&row)?;
            if registry.township(&township.code).is_some() {
                return Err(row.fault(format!("township {} is listed twice", township.code)));
            }
            registry.townships.push(township);
        }
        for row in rows(stations.0, stations.1, &["device", "name", "kind", "township"])? {
            registry
                .add_station(station(&row)?)
                .map_err(|message| row.fault(message))?;
        }
        Ok(registry)
    }

    fn add_station(&mut self, station: Station) -> Result<(), String> {
        if self.township(&station.township).is_none() {
            return Err(format!(
                "township {:?} is not in the list of townships",
                station.township
            ));
        }
        let entries = self
            .by_device
            .entry(station.device.as_str().to_owned())
            .or_default();
        for &other in entries.iter() {
            let other = &self.stations[other];
            let (a, b) = (span(&station), span(other));
            if a.0 <= b.1 && b.0 <= a.1 {
                return Err(format!(
                    "device {} stands at two places at the same time",
                    station.device
                ));
            }
        }
        entries.push(self.stations.len());
        self.stations.push(station);
        Ok(())
    }

    /// All stations, in the file's order.
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// All townships, in the file's order.
    pub fn townships(&self) -> &[Township] {
        &self.townships
    }

    /// The township of a code.
    pub fn township(&self, code: &str) -> Option<&Township> {
        self.townships.iter().find(|t| t.code == code)
    }

    /// The townships of a district that a text names: by code or name, else by alias. More than one when two share an
    /// alias.
    pub fn townships_named(&self, district: &str, text: &str) -> Vec<&Township> {
        let of_district = || self.townships.iter().filter(|t| t.district == district);
        let named: Vec<&Township> = of_district()
            .filter(|t| t.code == text || t.name == text)
            .collect();
        if !named.is_empty() {
            return named;
        }
        of_district()
            .filter(|t| t.aliases.iter().any(|a| a == text))
            .collect()
    }

    /// The code of the district that a text names, by code or by the name that `townships.csv` gives.
    pub fn district_named(&self, text: &str) -> Option<&str> {
        let named = |t: &&Township| t.district == text || t.district_name.as_deref() == Some(text);
        self.townships.iter().find(named).map(|t| t.district.as_str())
    }

    /// Whether a device has any entry.
    pub fn knows(&self, device: &str) -> bool {
        self.by_device.contains_key(device)
    }

    /// Everywhere that a device stood.
    pub fn entries(&self, device: &str) -> impl Iterator<Item = &Station> {
        let entries = self.by_device.get(device).map(Vec::as_slice).unwrap_or_default();
        entries.iter().map(|&i| &self.stations[i])
    }

    /// Where a device stood on a local day.
    pub fn station_on(&self, device: &str, day: NaiveDate) -> Option<&Station> {
        self.entries(device).find(|station| station.covers(day))
    }
}

fn span(station: &Station) -> (NaiveDate, NaiveDate) {
    (
        station.valid_from.unwrap_or(NaiveDate::MIN),
        station.valid_to.unwrap_or(NaiveDate::MAX),
    )
}

/// One line of a CSV file, with what is needed to complain about it.
pub(crate) struct Row<'a> {
    file: &'a Path,
    line: u64,
    cells: HashMap<String, String>,
}

impl Row<'_> {
    pub(crate) fn fault(&self, message: String) -> ConfigError {
        ConfigError::Csv {
            file: self.file.to_path_buf(),
            line: self.line,
            message,
        }
    }

    pub(crate) fn text(&self, column: &str) -> Option<&str> {
        self.cells
            .get(column)
            .map(String::as_str)
            .filter(|cell| !cell.is_empty())
    }

    pub(crate) fn required(&self, column: &str) -> Result<&str, ConfigError> {
        self.text(column)
            .ok_or_else(|| self.fault(format!("{column} is empty")))
    }

    pub(crate) fn parsed<T: std::str::FromStr>(
        &self,
        column: &str,
        what: &str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(column) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| self.fault(format!("{column} {text:?} is not {what}")))
    }
}

pub(crate) fn rows<'a>(file: &'a Path, text: &str, needed: &[&str]) -> Result<Vec<Row<'a>>, ConfigError> {
    let fault = |line: u64, message: String| ConfigError::Csv {
        file: file.to_path_buf(),
        line,
        message,
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().map_err(|e| fault(1, e.to_string()))?.clone();
    for column in needed {
        if !header.iter().any(|h| h == *column) {
            let have: Vec<&str> = header.iter().collect();
            return Err(fault(
                1,
                format!("column {column:?} is missing; there are {}", have.join(", ")),
            ));
        }
    }
    let mut out = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| fault(e.position().map_or(0, csv::Position::line), e.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = header
            .iter()
            .map(str::to_owned)
            .zip(record.iter().map(str::to_owned))
            .collect();
        out.push(Row { file, line, cells });
    }
    Ok(out)
}

fn township(row: &Row<'_>) -> Result<Township, ConfigError> {
    Ok(Township {
        code: row.required("code")?.to_owned(),
        name: row.required("name")?.to_owned(),
        district: DistrictCode::new(row.required("district")?)
            .map_err(|e| row.fault(e.to_string()))?
            .to_string(),
        district_name: row.text("district_name").map(str::to_owned),
        aliases: row
            .text("aliases")
            .map(|a| a.split('|').map(str::to_owned).collect())
            .unwrap_or_default(),
        area_km2: row.parsed("area_km2", "a number of km²")?,
        lat: row.parsed("lat", "a latitude in degrees")?,
        lon: row.parsed("lon", "a longitude in degrees")?,
        tile_x: row.parsed("tile_x", "a whole number")?,
        tile_y: row.parsed("tile_y", "a whole number")?,
    })
}

fn station(row: &Row<'_>) -> Result<Station, ConfigError> {
    let kind = row.required("kind")?;
    let interval = row.text("interval").unwrap_or("1m");
    let interval_seconds = parse_interval(interval).ok_or_else(|| {
        row.fault(format!(
            "interval {interval:?} is not a length like 30s, 1m, 1h that divides an hour"
        ))
    })?;
    Ok(Station {
        device: DeviceId::new(row.required("device")?).map_err(|e| row.fault(e.to_string()))?,
        name: row.required("name")?.to_owned(),
        kind: StationKind::from_word(kind).ok_or_else(|| {
            row.fault(format!(
                "kind {kind:?} is none of township, site, road, reference"
            ))
        })?,
        township: row.required("township")?.to_owned(),
        lat: row.parsed("lat", "a latitude in degrees")?,
        lon: row.parsed("lon", "a longitude in degrees")?,
        interval_seconds,
        model: row.text("model").map(str::to_owned),
        valid_from: row.parsed("valid_from", "a date like 2019-08-01")?,
        valid_to: row.parsed("valid_to", "a date like 2019-08-01")?,
    })
}

/// Seconds of an interval like `30s`, `1m`, `1h`, if it divides an hour.
fn parse_interval(text: &str) -> Option<u32> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = number.parse().ok()?;
    let seconds = match unit {
        "s" => number,
        "m" => number.checked_mul(60)?,
        "h" => number.checked_mul(3600)?,
        _ => return None,
    };
    (seconds > 0 && 3600 % seconds == 0).then_some(seconds)
}
