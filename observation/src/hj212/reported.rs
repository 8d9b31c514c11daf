//! A message's values as an observation: which factor is which parameter, in which unit, and what of it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::{Command, Message};
use crate::{Decimal, Flag, Observation, ParameterId, ParameterSet};

/// Factors and the parameters that they are (HJ 212-2017, tables B.2 and B.3; `a50001` of local protocols).
const FACTORS: [(&str, &str); 11] = [
    ("a34001", "tsp"),
    ("a34002", "pm10"),
    ("a34004", "pm25"),
    ("a01001", "temperature"),
    ("a01002", "humidity"),
    ("a01006", "pressure"),
    ("a01007", "wind_speed"),
    ("a01008", "wind_direction"),
    ("LA", "noise"),
    ("Leq", "noise"),
    ("a50001", "noise"),
];

/// A unit that a logger sends a factor in, where it is not that of the parameter. The standard prints ng/m³ for particles, its
/// number formats cannot mean it, and loggers send µg/m³ or mg/m³: it is the installer who knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// mg/m³, 1,000 µg/m³.
    MilligramsPerCubicMetre,
    /// µg/m³, the parameter's own.
    MicrogramsPerCubicMetre,
    /// ng/m³.
    NanogramsPerCubicMetre,
    /// hPa, a tenth of a kPa.
    Hectopascals,
}

impl Unit {
    /// What a value is multiplied by.
    pub fn factor(self) -> Decimal {
        match self {
            Unit::MilligramsPerCubicMetre => Decimal::new(1000, 0),
            Unit::MicrogramsPerCubicMetre => Decimal::new(1, 0),
            Unit::NanogramsPerCubicMetre => Decimal::new(1, 3),
            Unit::Hectopascals => Decimal::new(1, 1),
        }
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unit::MilligramsPerCubicMetre => "mg/m3",
            Unit::MicrogramsPerCubicMetre => "ug/m3",
            Unit::NanogramsPerCubicMetre => "ng/m3",
            Unit::Hectopascals => "hPa",
        })
    }
}

impl FromStr for Unit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mg/m3" | "mg/m³" => Ok(Unit::MilligramsPerCubicMetre),
            "ug/m3" | "µg/m³" | "μg/m³" => Ok(Unit::MicrogramsPerCubicMetre),
            "ng/m3" | "ng/m³" => Ok(Unit::NanogramsPerCubicMetre),
            "hPa" => Ok(Unit::Hectopascals),
            _ => Err(format!("{text:?} is none of mg/m3, ug/m3, ng/m3, hPa")),
        }
    }
}

/// Which factors are which parameters here.
#[derive(Debug, Clone)]
pub struct Factors {
    /// With what a value is multiplied by, if by anything.
    known: BTreeMap<String, (ParameterId, Option<Decimal>)>,
    parameters: usize,
}

impl Factors {
    /// The factors of the standard, with the units in which this logger sends some of them. Parameters that the configuration
    /// lacks are left out.
    pub fn new(parameters: &ParameterSet, units: &BTreeMap<String, Unit>) -> Self {
        let mut known = BTreeMap::new();
        for (code, key) in FACTORS {
            if let Some(id) = parameters.find(key) {
                let unit = units.iter().find(|(other, _)| other.eq_ignore_ascii_case(code));
                let factor = unit.map(|(_, unit)| unit.factor());
                known.insert(code.to_ascii_lowercase(), (id, factor));
            }
        }
        Self {
            known,
            parameters: parameters.len(),
        }
    }

    /// Whether a factor is one of them.
    pub fn knows(&self, code: &str) -> bool {
        self.known.contains_key(&code.to_ascii_lowercase())
    }
}

/// What a message reports.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The values, at `DataTime`: the instant of real-time values, the beginning of the interval of means (HJ 212-2017,
    /// table 4). `None` without a time that can be read, or without any value.
    pub observation: Option<Observation>,
    /// Factors that are no parameter here, and values that cannot be read: `cpm`, `a34001-Rtd=--`.
    pub passed_over: BTreeSet<String>,
}

impl Reported {
    /// The values of a message: `Rtd` of real-time data, `Avg` of means; their other suffixes say nothing more about the
    /// same time.
    pub fn of(message: &Message, factors: &Factors) -> Self {
        let wanted = if message.command == Command::RealTime {
            "Rtd"
        } else {
            "Avg"
        };
        let mut observation = Observation::new(factors.parameters);
        let mut passed_over = BTreeSet::new();
        let mut any = false;
        for item in &message.items {
            let Some((parameter, factor)) = factors.known.get(&item.code.to_ascii_lowercase()) else {
                passed_over.insert(item.code.clone());
                continue;
            };
            // Noise is sent as LA-Rtd by most, and as Leq-Avg or LA-Data by some.
            let is_value = item.suffix.eq_ignore_ascii_case(wanted)
                || (item.suffix.eq_ignore_ascii_case("Data") && item.code.eq_ignore_ascii_case("LA"));
            if is_value {
                let sent = Decimal::parse(item.value.as_bytes()).ok();
                let value = sent.and_then(|sent| factor.map_or(Some(sent), |factor| sent.times(factor).ok()));
                match value {
                    Some(value) => {
                        let reading = observation.reading_mut(*parameter);
                        reading.value = Some(value);
                        reading.flag = flag_of(message, &item.code);
                        any = true;
                    }
                    None => {
                        passed_over.insert(format!("{}-{}={}", item.code, item.suffix, item.value));
                    }
                }
            } else if !is_about_a_value(&item.suffix) {
                passed_over.insert(format!("{}-{}", item.code, item.suffix));
            }
        }
        let time = message.data_time.filter(|_| any);
        let observation = time.map(|time| {
            observation.time = time;
            observation
        });
        Self {
            observation,
            passed_over,
        }
    }

    /// Takes over what another part of the same message reports.
    pub fn join(&mut self, part: Reported, parameters: &ParameterSet) {
        self.passed_over.extend(part.passed_over);
        match (&mut self.observation, part.observation) {
            (Some(whole), Some(part)) => {
                for (id, _) in parameters.iter() {
                    let reading = part.reading(id);
                    if reading.value.is_some() {
                        *whole.reading_mut(id) = reading;
                    }
                }
            }
            (none @ None, part) => *none = part,
            (Some(_), None) => {}
        }
    }
}

/// Suffixes that say more about a value, or give it in another way.
fn is_about_a_value(suffix: &str) -> bool {
    let known = [
        "Flag",
        "EFlag",
        "Min",
        "Max",
        "Cou",
        "Avg",
        "Rtd",
        "SampleTime",
        "ValidNum",
        "TotalNum",
    ];
    known.iter().any(|other| other.eq_ignore_ascii_case(suffix))
}

/// A value's flag: its own, else that of the message, else normal (HJ 212-2017, table 8). The digits of air stations are
/// those of HJ/T 212-2005: 0 calibration, 2 out of order, the others normal. A letter that no standard knows is taken for a
/// faulty sensor: better a missing hour than a wrong one.
fn flag_of(message: &Message, code: &str) -> Flag {
    let own = message
        .items
        .iter()
        .find(|item| item.suffix.eq_ignore_ascii_case("Flag") && item.code.eq_ignore_ascii_case(code));
    let text = own.map(|item| item.value.as_str()).or(message.flag.as_deref());
    match text.and_then(|text| text.chars().next()) {
        None | Some('1' | '3') => Flag::Normal,
        Some('0') => Flag::Calibration,
        Some('2') => Flag::Fault,
        Some(letter) => Flag::from_letter(letter.to_ascii_uppercase()).unwrap_or(Flag::Fault),
    }
}
