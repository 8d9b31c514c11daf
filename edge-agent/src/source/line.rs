//! One line of a program's output to observations: JSON as in a payload, where the time may be left out.

use dustwatch_observation::json::{Decoded, Decoder, Fault};
use dustwatch_observation::{Observation, Reason, Time};

/// The observations of a line, and what in it is none. Without a time it is `now`.
pub(super) fn observations(
    decoder: &mut Decoder,
    line: &[u8],
    device: &str,
    now: Time,
) -> (Vec<Observation>, Vec<Fault>) {
    let (observations, faults) = decode(decoder, line, device);
    if !matches!(
        faults.as_slice(),
        [Fault {
            reason: Reason::MissingTime,
            index: None,
            ..
        }]
    ) {
        return (observations, faults);
    }
    let Some(rest) = line.trim_ascii().strip_prefix(b"{") else {
        return (observations, faults);
    };
    let comma = if rest.trim_ascii() == b"}" { "" } else { "," };
    let mut timed = format!("{{\"time\":{}{comma}", now.as_micros().div_euclid(1000)).into_bytes();
    timed.extend_from_slice(rest);
    decode(decoder, &timed, device)
}

fn decode(decoder: &mut Decoder, line: &[u8], device: &str) -> (Vec<Observation>, Vec<Fault>) {
    let (mut observations, mut faults) = (Vec::new(), Vec::new());
    decoder.decode(line, device, &mut |decoded| match decoded {
        Decoded::Observation(observation) => observations.push(observation.clone()),
        Decoded::Fault(fault) => faults.push(fault),
        Decoded::Retract => observations.clear(),
    });
    (observations, faults)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use dustwatch_config::Settings;

    #[test]
    fn a_line_without_time_gets_the_current_one_and_others_keep_theirs() {
        let parameters = Settings::load(None).unwrap().parameters;
        let tsp = parameters.find("tsp").unwrap();
        let mut decoder = Decoder::new(parameters);
        let now = Time::from_millis(1_565_049_600_123);
        let mut read = |line: &str| observations(&mut decoder, line.as_bytes(), "d", now);
        let (seen, faults) = read("  {\"tsp\": 12.5}");
        assert_eq!((seen.len(), faults.len()), (1, 0));
        assert_eq!(
            (seen[0].time, seen[0].reading(tsp).value.unwrap().to_string()),
            (now, "12.5".to_owned())
        );
        assert_eq!(
            read("{\"time\":\"2019-08-06T08:00:00+08:00\",\"tsp\":1}").0[0]
                .time
                .to_string(),
            "2019-08-06T00:00:00Z"
        );
        assert_eq!(read("{}").0[0].time, now);
        assert_eq!(read("{\"obs\":[{\"time\":1},{\"time\":2}]}").0.len(), 2);
        assert_eq!(read("tsp=12").1[0].reason, Reason::NotJson);
        assert_eq!(read("{\"tsp\":\"x\"}").1[0].reason, Reason::WrongType);
    }
}
