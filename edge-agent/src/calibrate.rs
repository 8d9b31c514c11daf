//! Corrections of sensors: true = slope × read + offset. Pure.

use dustwatch_observation::{Decimal, Observation, ParameterId};

/// The correction of one parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Which.
    pub parameter: ParameterId,
    /// Factor, above 0.
    pub slope: f64,
    /// In the parameter's unit.
    pub offset: f64,
    /// Places that the corrected value is rounded to, half to even.
    pub decimals: u8,
}

/// The corrections of a monitor.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Calibration(Vec<Line>);

impl Calibration {
    /// These corrections, at most one a parameter.
    pub fn new(lines: Vec<Line>) -> Self {
        Self(lines)
    }

    /// These, and others in the place of those of the same parameters.
    pub(crate) fn with(mut self, others: Vec<Line>) -> Self {
        self.0
            .retain(|line| !others.iter().any(|other| other.parameter == line.parameter));
        self.0.extend(others);
        self
    }

    /// Corrects the values that are there; flags stay. A value that is not corrected stays exactly as it was read.
    pub fn apply(&self, observation: &mut Observation) {
        for line in &self.0 {
            let reading = observation.reading_mut(line.parameter);
            let Some(value) = reading.value else { continue };
            let corrected = line.slope * value.to_f64() + line.offset;
            // A value too large for a decimal is kept as read: it is out of range either way.
            reading.value = Decimal::from_f64(corrected, line.decimals).ok().or(reading.value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use dustwatch_config::Settings;

    #[test]
    fn corrects_what_is_there_and_nothing_else() {
        let parameters = Settings::load(None).unwrap().parameters;
        let (tsp, pm10) = (parameters.find("tsp").unwrap(), parameters.find("pm10").unwrap());
        let calibration = Calibration::new(vec![
            Line {
                parameter: tsp,
                slope: 1.1,
                offset: -2.0,
                decimals: 1,
            },
            Line {
                parameter: pm10,
                slope: 2.0,
                offset: 0.0,
                decimals: 1,
            },
        ]);
        let mut observation = Observation::default();
        observation.reading_mut(tsp).value = Some(Decimal::new(1004, 1));
        calibration.apply(&mut observation);
        assert_eq!(observation.reading(tsp).value.unwrap().to_string(), "108.4");
        assert_eq!(observation.reading(pm10).value, None, "missing stays missing");
    }
}
