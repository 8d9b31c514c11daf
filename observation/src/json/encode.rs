//! Observations to the payload that a monitor publishes.

use crate::{Decimal, Observation, ParameterSet, Time};

/// Appends the single form of `observation` to `out`, device and epoch included where it has them.
///
/// `from` is the lowest number of the epoch that the agent still holds. Times are written with the offset
/// `offset_seconds` east of UTC, cut to whole minutes. Missing values and normal flags are left out.
pub fn encode_one(
    parameters: &ParameterSet,
    observation: &Observation,
    from: Option<u64>,
    offset_seconds: i32,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    head(&observation.device, &observation.epoch, from, out);
    fields(parameters, observation, offset_seconds, out);
    close(b'}', out);
}

/// Appends the form of many observations of one device to `out`; the device and epoch of each are not looked at.
///
/// The rest as with [`encode_one`]. Without observations the list is empty, which [`Decoder`](super::Decoder) refuses.
pub fn encode_many<'a>(
    parameters: &ParameterSet,
    device: &str,
    epoch: &str,
    from: Option<u64>,
    offset_seconds: i32,
    observations: impl IntoIterator<Item = &'a Observation>,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    head(device, epoch, from, out);
    out.extend_from_slice(b"\"obs\":[");
    for observation in observations {
        out.push(b'{');
        fields(parameters, observation, offset_seconds, out);
        close(b'}', out);
        out.push(b',');
    }
    close(b']', out);
    out.push(b'}');
}

/// Puts `bracket` in the place of the comma behind the last member.
fn close(bracket: u8, out: &mut Vec<u8>) {
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(bracket);
}

fn head(device: &str, epoch: &str, from: Option<u64>, out: &mut Vec<u8>) {
    for (key, text) in [("\"device\":", device), ("\"epoch\":", epoch)] {
        if !text.is_empty() {
            out.extend_from_slice(key.as_bytes());
            string(text, out);
            out.push(b',');
        }
    }
    number("\"from\":", from, out);
}

fn number(key: &str, value: Option<u64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        out.extend_from_slice(key.as_bytes());
        digits(value, 1, out);
        out.push(b',');
    }
}

fn fields(parameters: &ParameterSet, observation: &Observation, offset_seconds: i32, out: &mut Vec<u8>) {
    number("\"seq\":", observation.seq, out);
    out.extend_from_slice(b"\"time\":");
    time(observation.time, offset_seconds, out);
    out.push(b',');
    let mut has_flags = false;
    for (id, parameter) in parameters.iter() {
        let reading = observation.reading(id);
        has_flags |= !reading.flag.is_normal();
        if let Some(value) = reading.value {
            out.push(b'"');
            out.extend_from_slice(parameter.key.as_bytes());
            out.extend_from_slice(b"\":");
            decimal(value, out);
            out.push(b',');
        }
    }
    if !has_flags {
        return;
    }
    out.extend_from_slice(b"\"flags\":{");
    for (id, parameter) in parameters.iter() {
        let flag = observation.reading(id).flag;
        if !flag.is_normal() {
            out.push(b'"');
            out.extend_from_slice(parameter.key.as_bytes());
            out.extend_from_slice(b"\":\"");
            out.extend_from_slice(flag.as_str().as_bytes());
            out.extend_from_slice(b"\",");
        }
    }
    close(b'}', out);
    out.push(b',');
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn decimal(value: Decimal, out: &mut Vec<u8>) {
    if value.mantissa() < 0 {
        out.push(b'-');
    }
    let start = out.len();
    let places = usize::from(value.scale());
    digits(value.mantissa().unsigned_abs(), places + 1, out);
    if places > 0 {
        let point = out.len() - places;
        debug_assert!(point > start);
        out.insert(point, b'.');
    }
}

/// `value` with at least `width` digits.
fn digits(mut value: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = [b'0'; 20];
    let mut at = buffer.len();
    while value > 0 {
        at -= 1;
        buffer[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    at = at.min(buffer.len() - width);
    out.extend_from_slice(&buffer[at..]);
}

/// RFC 3339 in the offset; a local year outside 0 to 9999 has no such form and becomes milliseconds.
fn time(time: Time, offset_seconds: i32, out: &mut Vec<u8>) {
    let minutes = i64::from(offset_seconds / 60).clamp(-1439, 1439);
    let local = time.plus_micros(minutes * 60_000_000).as_micros();
    let (seconds, micros) = (local.div_euclid(1_000_000), local.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = crate::time::civil_from_days(days);
    if !(0..=9999).contains(&year) {
        out.extend_from_slice(time.as_micros().div_euclid(1000).to_string().as_bytes());
        return;
    }
    out.push(b'"');
    let parts = [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (second / 3600, 2, b':'),
        (second / 60 % 60, 2, b':'),
        (second % 60, 2, b'.'),
    ];
    for (value, width, mark) in parts {
        digits(value.unsigned_abs(), width, out);
        out.push(mark);
    }
    match (micros % 1000, micros) {
        (0, 0) => {
            out.pop();
        }
        (0, _) => digits(micros.unsigned_abs() / 1000, 3, out),
        _ => digits(micros.unsigned_abs(), 6, out),
    }
    if minutes == 0 {
        out.push(b'Z');
    } else {
        out.push(if minutes < 0 { b'-' } else { b'+' });
        digits(minutes.unsigned_abs() / 60, 2, out);
        out.push(b':');
        digits(minutes.unsigned_abs() % 60, 2, out);
    }
    out.push(b'"');
}
