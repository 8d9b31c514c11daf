//! Register maps: where a unit keeps its values, as TOML.
//!
//! ```toml
//! name = "SN-300BYH-M"
//! unit = 1                 # its address on the bus
//! baud = 9600              # with parity = "none" (or "even", "odd") and stop_bits = 1
//! addr_base = 0            # 1 when its maker counts registers from 1
//!
//! [[read]]                 # one request each
//! function = 3             # holding registers; 4: input registers
//! address = 500
//! count = 6
//! value = [
//!   { parameter = "temperature", at = 501, type = "i16", scale = 0.1 },
//! ]
//! ```
//!
//! A value is `raw × scale + offset`; `type` is `u16`, `i16`, `u32`, `i32` or `f32`, the last three with `words =
//! "low_first"` when the lower half comes first; `no_data` lists raw values that mean nothing.
//!
//! Invariant: every value of a map lies inside its read, belongs to a known parameter, and no parameter comes twice.

use std::path::Path;

use dustwatch_config::load_toml;
use dustwatch_observation::{Decimal, ParameterId, ParameterSet};
use serde::Deserialize;

use super::shipped::SHIPPED;
use super::value::{Kind, RegisterValue, WordOrder};

/// Most registers that one request may ask for (Modbus application protocol 1.1b3, 6.3).
const MAX_REGISTERS: u16 = 125;
/// Places of a scale or an offset.
const MAX_PLACES: u8 = 6;

/// Where a unit keeps its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterMap {
    /// What it is, for people.
    pub name: String,
    /// Its usual address on the bus.
    pub unit: u8,
    /// Its usual line.
    pub speed: LineSpeed,
    /// The requests that it is asked with.
    pub reads: Vec<Read>,
}

/// How fast a serial line is, and what surrounds its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineSpeed {
    /// Bits a second.
    pub baud: u32,
    /// What guards a byte.
    pub parity: Parity,
    /// One or two.
    pub stop_bits: u8,
}

/// What guards a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// Nothing.
    #[default]
    None,
    /// An even number of ones.
    Even,
    /// An odd number of ones.
    Odd,
}

/// One request and what its answer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Input registers (function 4) instead of holding registers (function 3).
    pub input: bool,
    /// The first register on the wire, from 0.
    pub address: u16,
    /// How many.
    pub count: u16,
    /// Parameters, where each begins behind the first register, and how it lies.
    pub values: Vec<(ParameterId, usize, RegisterValue)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMap {
    name: String,
    #[serde(default = "one")]
    unit: u8,
    baud: Option<u32>,
    #[serde(default)]
    parity: Parity,
    #[serde(default = "one")]
    stop_bits: u8,
    #[serde(default)]
    addr_base: u16,
    read: Vec<RawRead>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRead {
    function: u8,
    address: u16,
    count: u16,
    value: Vec<RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValue {
    parameter: String,
    at: u16,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    words: WordOrder,
    scale: Option<f64>,
    offset: Option<f64>,
    #[serde(default)]
    no_data: Vec<i64>,
}

fn one() -> u8 {
    1
}

impl RegisterMap {
    /// The map of a built-in name, or of a file when the name ends in `.toml`, with those of its parameters that are in
    /// `only`, or all.
    ///
    /// # Errors
    /// What is wrong, with the file and the key or the line.
    pub(crate) fn find(
        name: &str,
        beside: &dyn Fn(&Path) -> std::path::PathBuf,
        only: Option<&[String]>,
        parameters: &ParameterSet,
    ) -> Result<Self, String> {
        let raw: RawMap = if Path::new(name).extension().is_some_and(|e| e == "toml") {
            load_toml(&beside(Path::new(name))).map_err(|e| e.to_string())?
        } else {
            let shipped = SHIPPED.iter().find(|(shipped, _)| *shipped == name);
            let (_, text) = shipped.ok_or_else(|| {
                let known: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
                format!(
                    "map {name:?} is neither a .toml file nor one of {}",
                    known.join(", ")
                )
            })?;
            toml_text(text)?
        };
        resolve(raw, only, parameters).map_err(|what| format!("map {name}: {what}"))
    }

    /// The parameters that it brings, in the order of its reads.
    pub fn parameters(&self) -> impl Iterator<Item = ParameterId> + '_ {
        self.reads
            .iter()
            .flat_map(|read| read.values.iter().map(|(id, ..)| *id))
    }
}

fn toml_text(text: &str) -> Result<RawMap, String> {
    toml::from_str(text).map_err(|e| e.message().to_owned())
}

fn resolve(raw: RawMap, only: Option<&[String]>, parameters: &ParameterSet) -> Result<RegisterMap, String> {
    if !(1..=247).contains(&raw.unit) {
        return Err(format!("unit {} is not an address from 1 to 247", raw.unit));
    }
    if !(1..=2).contains(&raw.stop_bits) {
        return Err(format!("stop_bits {} is neither 1 nor 2", raw.stop_bits));
    }
    if raw.addr_base > 1 {
        return Err(format!("addr_base {} is neither 0 nor 1", raw.addr_base));
    }
    let mut seen: Vec<String> = Vec::new();
    let mut reads = Vec::with_capacity(raw.read.len());
    for read in raw.read {
        let mut values = Vec::with_capacity(read.value.len());
        for value in &read.value {
            if seen.contains(&value.parameter) {
                return Err(format!("{} comes twice", value.parameter));
            }
            seen.push(value.parameter.clone());
            if only.is_none_or(|only| only.contains(&value.parameter)) {
                values.push(resolve_value(value, &read, parameters)?);
            }
        }
        let read = resolve_read(&read, raw.addr_base, values)?;
        // A request that brings nothing would only make the bus busier.
        reads.extend(Some(read).filter(|read| !read.values.is_empty()));
    }
    for parameter in only.unwrap_or_default() {
        if !seen.contains(parameter) {
            return Err(format!("only: it has no {parameter}; it has {}", seen.join(", ")));
        }
    }
    if reads.is_empty() {
        return Err("it has no value to read".to_owned());
    }
    Ok(RegisterMap {
        name: raw.name,
        unit: raw.unit,
        speed: LineSpeed {
            baud: raw.baud.unwrap_or(9600),
            parity: raw.parity,
            stop_bits: raw.stop_bits,
        },
        reads,
    })
}

fn resolve_read(
    read: &RawRead,
    base: u16,
    values: Vec<(ParameterId, usize, RegisterValue)>,
) -> Result<Read, String> {
    let place = format!("read at {}", read.address);
    if !(1..=MAX_REGISTERS).contains(&read.count) {
        return Err(format!(
            "{place}: count {} is not from 1 to {MAX_REGISTERS}",
            read.count
        ));
    }
    let address = read.address.checked_sub(base);
    let address = address.filter(|address| address.checked_add(read.count - 1).is_some());
    Ok(Read {
        input: match read.function {
            3 => false,
            4 => true,
            other => return Err(format!("{place}: function {other} is neither 3 nor 4")),
        },
        address: address.ok_or_else(|| format!("{place}: there are no such registers"))?,
        count: read.count,
        values,
    })
}

fn resolve_value(
    value: &RawValue,
    read: &RawRead,
    parameters: &ParameterSet,
) -> Result<(ParameterId, usize, RegisterValue), String> {
    let key = &value.parameter;
    let id = parameters.find(key).ok_or_else(|| {
        let known: Vec<&str> = parameters.iter().map(|(_, p)| p.key.as_str()).collect();
        format!("{key}: no such parameter; there are {}", known.join(", "))
    })?;
    let behind = value.at.checked_sub(read.address).map(usize::from);
    let fits = |behind: &usize| behind + value.kind.registers() <= usize::from(read.count);
    let behind = behind.filter(fits).ok_or_else(|| {
        format!(
            "{key}: at {} does not lie in the {} registers read from {}",
            value.at, read.count, read.address
        )
    })?;
    let decimal = |name: &str, number: f64| {
        let decimal = Decimal::parse(number.to_string().as_bytes()).ok();
        decimal
            .filter(|decimal| decimal.scale() <= MAX_PLACES)
            .ok_or_else(|| format!("{key}: {name} {number} has more than {MAX_PLACES} places"))
    };
    let scale = value.scale.unwrap_or(1.0);
    if scale == 0.0 {
        return Err(format!("{key}: scale is 0"));
    }
    let reading = RegisterValue {
        kind: value.kind,
        words: value.words,
        scale: decimal("scale", scale)?,
        offset: decimal("offset", value.offset.unwrap_or(0.0))?,
        no_data: value.no_data.clone(),
    };
    Ok((id, behind, reading))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use dustwatch_config::Settings;

    fn map(text: &str) -> Result<RegisterMap, String> {
        let parameters = Settings::load(None).unwrap().parameters;
        resolve(toml_text(text)?, None, &parameters)
    }

    #[test]
    fn every_map_that_is_shipped_is_built_in() {
        let parameters = Settings::load(None).unwrap().parameters;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/modbus");
        let mut files: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        files.sort();
        let mut shipped = SHIPPED.map(|(name, _)| name);
        shipped.sort_unstable();
        assert_eq!(files, shipped);
        for name in files {
            let by_name = RegisterMap::find(&name, &Path::to_path_buf, None, &parameters).unwrap();
            let file = format!("{name}.toml");
            let by_file = RegisterMap::find(&file, &|file| folder.join(file), None, &parameters).unwrap();
            assert_eq!(by_name, by_file);
        }
    }

    #[test]
    fn registers_counted_from_one_are_one_less_on_the_wire() {
        let parameters = Settings::load(None).unwrap().parameters;
        let find = |only: Option<&[String]>| {
            RegisterMap::find("weather-station-8in1", &Path::to_path_buf, only, &parameters)
        };
        let all = find(None).unwrap();
        assert_eq!((all.reads[0].address, all.reads[0].count), (500, 10));
        assert_eq!(all.parameters().count(), 8);
        let wind = find(Some(&["wind_speed".to_owned()])).unwrap();
        assert_eq!(wind.parameters().count(), 1);
        let fault = find(Some(&["tsp".to_owned()])).unwrap_err();
        assert!(fault.contains("it has no tsp; it has wind_speed"), "{fault}");
    }

    #[test]
    fn a_map_that_cannot_be_says_why() {
        let with = |read: &str, value: &str| {
            map(&format!(
                "name = \"x\"\n[[read]]\n{read}\nvalue = [{{ {value} }}]\n"
            ))
            .unwrap_err()
        };
        let read = "function = 3\naddress = 10\ncount = 2";
        let tsp = "parameter = \"tsp\", type = \"u16\"";
        assert!(with(read, &format!("{tsp}, at = 12")).contains("tsp: at 12 does not lie"));
        assert!(with(read, &format!("{tsp}, at = 9")).contains("tsp: at 9 does not lie"));
        assert!(with(read, "parameter = \"tsp\", type = \"u32\", at = 11").contains("at 11"));
        assert!(with(read, "parameter = \"dust\", type = \"u16\", at = 10").contains("no such parameter"));
        assert!(with(read, &format!("{tsp}, at = 10, scale = 0")).contains("scale is 0"));
        assert!(with(read, &format!("{tsp}, at = 10, scale = 0.12345678")).contains("places"));
        assert!(with(read, &format!("{tsp}, at = 10, factor = 2")).contains("unknown field"));
        assert!(
            with(
                "function = 6\naddress = 10\ncount = 2",
                &format!("{tsp}, at = 10")
            )
            .contains("function 6")
        );
        assert!(
            with(
                "function = 3\naddress = 10\ncount = 200",
                &format!("{tsp}, at = 10")
            )
            .contains("count 200")
        );
        assert!(
            with(
                "function = 3\naddress = 65535\ncount = 2",
                &format!("{tsp}, at = 65535")
            )
            .contains("no such registers")
        );
        let twice =
            format!("name = \"x\"\n[[read]]\n{read}\nvalue = [{{ {tsp}, at = 10 }}, {{ {tsp}, at = 11 }}]\n");
        assert!(map(&twice).unwrap_err().contains("tsp comes twice"));
    }
}
