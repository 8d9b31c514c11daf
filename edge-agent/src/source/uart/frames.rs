//! The modules' frames, found in a stream of bytes that may begin anywhere.

/// What is on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// Plantower PMS5003, PMS7003 and their kin: 32 bytes, `42 4D`, big endian, the sum of the first 30 at the end.
    Pms,
    /// Nova SDS011: 10 bytes, `AA C0 … AB`, the sum of six data bytes before the end.
    Sds011,
}

/// What a frame says, in tenths of µg/m³. Of a PMS its "atmospheric" values, which its maker means for outdoor air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Particles {
    pub(crate) pm25: u32,
    pub(crate) pm10: u32,
}

impl Module {
    fn length(self) -> usize {
        match self {
            Module::Pms => 32,
            Module::Sds011 => 10,
        }
    }

    fn head(self) -> &'static [u8] {
        match self {
            Module::Pms => &[0x42, 0x4D, 0x00, 0x1C],
            Module::Sds011 => &[0xAA, 0xC0],
        }
    }

    /// What a frame of the right head and length says, if its checksum is right.
    fn read(self, frame: &[u8]) -> Option<Particles> {
        match self {
            Module::Pms => {
                let word = |at: usize| u32::from(frame[at]) << 8 | u32::from(frame[at + 1]);
                let sum: u32 = frame[..30].iter().map(|byte| u32::from(*byte)).sum();
                (sum == word(30)).then(|| Particles {
                    pm25: word(12) * 10,
                    pm10: word(14) * 10,
                })
            }
            Module::Sds011 => {
                let word = |at: usize| u32::from(frame[at + 1]) << 8 | u32::from(frame[at]);
                let sum = frame[2..8].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
                (sum == frame[8] && frame[9] == 0xAB).then(|| Particles {
                    pm25: word(2),
                    pm10: word(4),
                })
            }
        }
    }
}

/// Finds frames.
#[derive(Debug)]
pub(crate) struct Scanner {
    module: Module,
    buffer: Vec<u8>,
}

impl Scanner {
    pub(crate) fn new(module: Module) -> Self {
        Self {
            module,
            buffer: Vec::new(),
        }
    }

    /// Takes more of the stream and gives what whole frames in it say.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Particles> {
        self.buffer.extend_from_slice(bytes);
        let (head, length) = (self.module.head(), self.module.length());
        let (mut out, mut at) = (Vec::new(), 0);
        while at + head.len() <= self.buffer.len() {
            if !self.buffer[at..].starts_with(head) {
                at += 1;
            } else if let Some(frame) = self.buffer.get(at..at + length) {
                match self.module.read(frame) {
                    Some(particles) => {
                        out.push(particles);
                        at += length;
                    }
                    // The head was chance, or the frame is torn: a good one may begin inside.
                    None => at += 1,
                }
            } else {
                break;
            }
        }
        self.buffer.drain(..at);
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    fn pms() -> Vec<u8> {
        bytes("424D001C001E002D0034001C002800301068 04E200D2001200040001970004 7C")
    }

    fn sds() -> Vec<u8> {
        bytes("AA C0 D4 04 3A 0A A1 60 1D AB")
    }

    #[test]
    fn the_vectors_of_the_reference() {
        let of = |module, frame: &[u8]| Scanner::new(module).push(frame);
        assert_eq!(of(Module::Pms, &pms()), [Particles { pm25: 400, pm10: 480 }]);
        assert_eq!(
            of(Module::Sds011, &sds()),
            [Particles {
                pm25: 1236,
                pm10: 2618
            }]
        );
    }

    #[test]
    fn recorded_frames_are_read_as_they_were() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../shared/data/serial/serial_frames.jsonl");
        let Ok(text) = std::fs::read_to_string(&file) else {
            eprintln!("{} is absent: the recorded frames are not tried", file.display());
            return;
        };
        for line in text.lines() {
            let known: serde_json::Value = serde_json::from_str(line).unwrap();
            let frame = bytes(known["hex"].as_str().unwrap());
            let is_pms = known["sensor"].as_str().unwrap().starts_with("PMS");
            let module = if is_pms { Module::Pms } else { Module::Sds011 };
            let found = Scanner::new(module).push(&frame);
            let is_report = frame.starts_with(module.head()) && frame.len() == module.length();
            assert_eq!(
                found.len(),
                usize::from(known["checksum_ok"] == true && is_report),
                "{line}"
            );
            if let (true, [particles]) = (is_pms, &found[..]) {
                let expected = |key: &str| known["expected"][key].as_u64().unwrap() as u32 * 10;
                assert_eq!(
                    (particles.pm25, particles.pm10),
                    (expected("pm2_5_atm"), expected("pm10_atm")),
                    "{line}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn frames_are_found_in_any_noise_cut_anywhere(
            noise in proptest::collection::vec(any::<u8>(), 0..40), piece in 1usize..20, is_pms: bool
        ) {
            let (module, frame) = if is_pms { (Module::Pms, pms()) } else { (Module::Sds011, sds()) };
            // Noise that ends like a head takes the frame's first bytes for its own; not this test's business.
            let stream: Vec<u8> = noise.iter().map(|byte| byte & 0x3F).chain(frame.clone()).chain(frame).collect();
            let mut scanner = Scanner::new(module);
            let found: usize = stream.chunks(piece).map(|piece| scanner.push(piece).len()).sum();
            prop_assert_eq!(found, 2);
        }

        #[test]
        fn a_flipped_bit_is_no_frame(at in 0usize..256, is_pms: bool) {
            let (module, mut frame) = if is_pms { (Module::Pms, pms()) } else { (Module::Sds011, sds()) };
            let at = at % (frame.len() * 8);
            frame[at / 8] ^= 1 << (at % 8);
            prop_assert_eq!(Scanner::new(module).push(&frame).len(), 0);
        }
    }
}
