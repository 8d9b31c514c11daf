//! The two checksums that loggers put behind a segment.

/// Which checksums are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CrcMode {
    /// The standard's alone.
    #[default]
    Spec,
    /// That of Modbus too, which some firmware has instead, in either order of its bytes.
    SpecOrModbus,
    /// Any: for a logger that nobody can mend.
    Ignore,
}

impl std::str::FromStr for CrcMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "spec" => Ok(CrcMode::Spec),
            "spec_or_modbus" => Ok(CrcMode::SpecOrModbus),
            "ignore" => Ok(CrcMode::Ignore),
            other => Err(format!("{other:?} is none of spec, spec_or_modbus, ignore")),
        }
    }
}

impl std::fmt::Display for CrcMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            CrcMode::Spec => "spec",
            CrcMode::SpecOrModbus => "spec_or_modbus",
            CrcMode::Ignore => "ignore",
        })
    }
}

impl CrcMode {
    /// Whether a checksum belongs to a segment.
    pub fn accepts(self, segment: &[u8], crc: u16) -> bool {
        match self {
            CrcMode::Ignore => true,
            CrcMode::Spec => crc == crc16(segment),
            CrcMode::SpecOrModbus => {
                let modbus = modbus_crc16(segment);
                crc == crc16(segment) || crc == modbus || crc == modbus.swap_bytes()
            }
        }
    }
}

/// CRC16 of HJ 212-2017, annex A. It is not Modbus': the register's high byte is combined with each byte, and its low byte
/// is thrown away.
pub fn crc16(segment: &[u8]) -> u16 {
    segment
        .iter()
        .fold(0xFFFF, |crc, byte| shift((crc >> 8) ^ u16::from(*byte)))
}

/// CRC16 of Modbus.
pub fn modbus_crc16(bytes: &[u8]) -> u16 {
    bytes
        .iter()
        .fold(0xFFFF, |crc, byte| shift(crc ^ u16::from(*byte)))
}

fn shift(mut crc: u16) -> u16 {
    for _ in 0..8 {
        let carry = crc & 1;
        crc >>= 1;
        if carry == 1 {
            crc ^= 0xA001;
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_reference() {
        assert_eq!(
            (crc16(b""), crc16(b"123456789"), modbus_crc16(b"123456789")),
            (0xFFFF, 0x2F80, 0x4B37)
        );
        assert_eq!(
            (crc16(b"Q"), crc16(b"QN"), crc16(b"QN=")),
            (0xBC81, 0x8581, 0x7200)
        );
    }
}
