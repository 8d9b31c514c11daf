//! Registers to values, exactly: 16-bit words in, a decimal out.

use dustwatch_observation::Decimal;

/// Places that a float register is brought to: finer than any sensor, coarser than a float's own noise.
const FLOAT_PLACES: u8 = 4;

/// How a value lies in its registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One register, from 0 to 65535.
    U16,
    /// One register, from −32768 to 32767.
    I16,
    /// Two registers, from 0.
    U32,
    /// Two registers, with sign.
    I32,
    /// Two registers, IEEE 754.
    F32,
}

/// Which of two registers holds the upper half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordOrder {
    /// The first.
    #[default]
    HighFirst,
    /// The second.
    LowFirst,
}

/// How registers become a value: `raw × scale + offset`, in the parameter's unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterValue {
    /// How it lies.
    pub kind: Kind,
    /// Which register is the upper one, for two.
    pub words: WordOrder,
    /// Factor.
    pub scale: Decimal,
    /// What is added then.
    pub offset: Decimal,
    /// Raw values that say that there is no value, as the registers' bits or as the number that they are.
    pub no_data: Vec<i64>,
}

impl Kind {
    /// Registers that it takes.
    pub fn registers(self) -> usize {
        match self {
            Kind::U16 | Kind::I16 => 1,
            Kind::U32 | Kind::I32 | Kind::F32 => 2,
        }
    }
}

impl RegisterValue {
    /// The value that registers hold; `None` when they say that there is none, or hold no number.
    pub fn of(&self, registers: &[u16]) -> Option<Decimal> {
        if registers.len() != self.kind.registers() {
            return None;
        }
        let bits = match (registers, self.words) {
            ([one], _) => u32::from(*one),
            ([high, low], WordOrder::HighFirst) | ([low, high], WordOrder::LowFirst) => {
                u32::from(*high) << 16 | u32::from(*low)
            }
            _ => return None,
        };
        let raw = match self.kind {
            Kind::U16 | Kind::U32 => i64::from(bits),
            Kind::I16 => i64::from(bits as u16 as i16),
            Kind::I32 => i64::from(bits as i32),
            Kind::F32 => {
                let float = f64::from(f32::from_bits(bits));
                if self.no_data.contains(&i64::from(bits))
                    || self.no_data.iter().any(|no| *no as f64 == float)
                {
                    return None;
                }
                return Decimal::from_f64(float * self.scale.to_f64() + self.offset.to_f64(), FLOAT_PLACES)
                    .ok();
            }
        };
        if self.no_data.contains(&raw) || self.no_data.contains(&i64::from(bits)) {
            return None;
        }
        exact(raw, self.scale, self.offset)
    }
}

/// `raw × scale + offset` without rounding; `None` when it does not fit.
fn exact(raw: i64, scale: Decimal, offset: Decimal) -> Option<Decimal> {
    let product = i128::from(raw) * i128::from(scale.mantissa());
    let places = scale.scale().max(offset.scale());
    let to = |mantissa: i128, from: u8| mantissa.checked_mul(10_i128.pow(u32::from(places - from)));
    let sum = to(product, scale.scale())? + to(i128::from(offset.mantissa()), offset.scale())?;
    let digits = i64::try_from(sum)
        .ok()
        .filter(|sum| sum.unsigned_abs() < 1 << 59)?;
    Some(Decimal::new(digits, places))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn reading(kind: Kind, scale: &str, offset: &str) -> RegisterValue {
        RegisterValue {
            kind,
            words: WordOrder::HighFirst,
            scale: Decimal::parse(scale.as_bytes()).unwrap(),
            offset: Decimal::parse(offset.as_bytes()).unwrap(),
            no_data: Vec::new(),
        }
    }

    fn said(reading: &RegisterValue, registers: &[u16]) -> Option<String> {
        reading.of(registers).map(|value| value.to_string())
    }

    #[test]
    fn words_become_numbers_exactly() {
        let tenth = |kind| reading(kind, "0.1", "0");
        assert_eq!(said(&tenth(Kind::U16), &[0x0292]).unwrap(), "65.8");
        assert_eq!(said(&tenth(Kind::I16), &[0xFF9B]).unwrap(), "-10.1");
        assert_eq!(said(&reading(Kind::U16, "1", "-40.05"), &[1]).unwrap(), "-39.05");
        assert_eq!(said(&reading(Kind::U32, "1", "0"), &[1, 2]).unwrap(), "65538");
        assert_eq!(
            said(&reading(Kind::I32, "1", "0"), &[0xFFFF, 0xFFFE]).unwrap(),
            "-2"
        );
        let bits = 35.25_f32.to_bits();
        let float = [(bits >> 16) as u16, bits as u16];
        let float_of = |reading: RegisterValue, words: &[u16]| reading.of(words).unwrap().to_f64();
        assert_eq!(float_of(reading(Kind::F32, "10", "1"), &float), 353.5);
        let swapped = RegisterValue {
            words: WordOrder::LowFirst,
            ..reading(Kind::F32, "1", "0")
        };
        assert_eq!(float_of(swapped, &[float[1], float[0]]), 35.25);
    }

    #[test]
    fn what_means_no_data_is_missing_and_not_a_number() {
        let no_data = |kind, list: &[i64]| RegisterValue {
            no_data: list.to_vec(),
            ..reading(kind, "1", "0")
        };
        assert_eq!(no_data(Kind::U32, &[0, 0xFFFF_FFFF]).of(&[0, 0]), None);
        assert_eq!(no_data(Kind::U32, &[0, 0xFFFF_FFFF]).of(&[0xFFFF, 0xFFFF]), None);
        assert_eq!(no_data(Kind::I16, &[-32768]).of(&[0x8000]), None);
        assert_eq!(no_data(Kind::I16, &[0x8000]).of(&[0x8000]), None);
        assert_eq!(no_data(Kind::F32, &[-999]).of(&[0xC479, 0xC000]), None);
        assert_eq!(
            reading(Kind::F32, "1", "0").of(&[0x7FC0, 0]),
            None,
            "not a number"
        );
        assert_eq!(reading(Kind::U32, "1", "0").of(&[1]), None, "too short");
    }

    proptest! {
        /// Against the same in text: raw followed by its places.
        #[test]
        fn scaling_by_powers_of_ten_moves_the_point(raw in any::<u16>(), places in 0_u8..4) {
            let scale = Decimal::new(1, places);
            let reading = RegisterValue { kind: Kind::U16, words: WordOrder::HighFirst, scale, offset: Decimal::default(), no_data: Vec::new() };
            let oracle = format!("{raw}e-{places}").parse::<f64>().unwrap();
            prop_assert_eq!(reading.of(&[raw]).unwrap().to_f64(), oracle);
        }
    }
}
