//! HJ 212: the frames of the field, and streams that hold anything.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use dustwatch_observation::hj212::{
    Command, CrcMode, Factors, FrameFault, Framed, Framer, Message, Reported, Unit, Version, answer, crc16,
    modbus_crc16,
};
use dustwatch_observation::{Flag, Parameter, ParameterSet};
use proptest::prelude::*;

const OFFSET: i32 = 8 * 3600;
const KEYS: [&str; 9] = [
    "tsp",
    "pm10",
    "pm25",
    "noise",
    "temperature",
    "humidity",
    "pressure",
    "wind_speed",
    "wind_direction",
];

const STANDARD: &str = "##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&1C80";
const DUST: &str = "##0121QN=20250131202809340;ST=39;CN=2011;PW=123456;MN=0507A010003242;Flag=4;CP=&&DataTime=20250131202809;a34001-Rtd=92;Flag=N&&BF41";
const TYPO: &str = "##0367QN=20200814151600001;ST=22;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=7;CP=&&DataTime=20200814151600;LA-td=50.1,LA-Flag=N;a34004-Rtd=207,a34004-Flag=N;a34002-Rtd=295,a34002-Flag=N;a01001-Rtd=12.6,a01001-Flag=N;a01002-Rtd=32,a01002-Flag=N;a01006-Rtd=101.02,a01006-Flag=N;a01007-Rtd=2.1,a01007-Flag=N;a01008-Rtd=120,a01008-Flag=N;a34001-Rtd=217,a34001-Flag=N;&&5CC0";
const MILLIGRAMS: &str = "##0563QN=20241205100227000;ST=22;CN=2051;PW=123456;MN=HJZB0XH0150109;CP=&&DataTime=20241205100227;a34001-Avg=0.160,a34001-Max=0.160,a34001-Min=0.160,a34001-Flag=N;a01007-Avg=0.0,a01007-Max=0.0,a01007-Min=0.0,a01007-Flag=N;a01008-Avg=0,a01008-Max=0,a01008-Min=0,a01008-Flag=N;a01001-Avg=15.1,a01001-Max=15.2,a01001-Min=15.1,a01001-Flag=N;a01002-Avg=54.4,a01002-Max=54.5,a01002-Min=54.4,a01002-Flag=N;a01006-Avg=0.00,a01006-Max=0.00,a01006-Min=0.00,a01006-Flag=F;a50001-Avg=41.7,a50001-Max=43.1,a50001-Min=40.9,a50001-Flag=N;cpm-Avg=57,cpm-Max=57,cpm-Min=57,cpm-Flag=N;&&8701";
const FAULTY: &str = "##0187QN=20190923154847375;ST=39;CN=2011;PW=123456;MN=190720099;Flag=5;CP=&&DataTime=20190923154847;a34004-Rtd=12000,a34004-Flag=D;a34002-Rtd=16000,a34002-Flag=D;LA-Rtd-Rtd=71.0,LA-Rtd-Flag=N&&48C0";
const FIRST: &str = "##0182QN=20190808100001000;ST=39;CN=2061;PW=123456;MN=110109006000000000000001;Flag=7;PNUM=2;PNO=1;CP=&&DataTime=20190808090000;a34001-Min=101,a34001-Avg=148,a34001-Max=233,a34001-Flag=N&&C301";
const SECOND: &str = "##0179QN=20190808100001001;ST=39;CN=2061;PW=123456;MN=110109006000000000000001;Flag=7;PNUM=2;PNO=2;CP=&&DataTime=20190808090000;a34004-Min=30,a34004-Avg=38,a34004-Max=47,a34004-Flag=N&&8941";
const ASKING: &str = "##0365QN=20190808090000000;ST=39;CN=2011;PW=123456;MN=110109006000000000000001;Flag=5;CP=&&DataTime=20190808090000;a34001-Rtd=186,a34001-Flag=N;a34002-Rtd=92,a34002-Flag=N;a34004-Rtd=41,a34004-Flag=N;a01001-Rtd=27.4,a01001-Flag=N;a01002-Rtd=63,a01002-Flag=N;a01006-Rtd=99.812,a01006-Flag=N;a01007-Rtd=1.6,a01007-Flag=N;a01008-Rtd=225,a01008-Flag=N;LA-Rtd=58.3,LA-Flag=N&&ACC1";
const ACKNOWLEDGED: &str =
    "##0087QN=20190808090000000;ST=91;CN=9014;PW=123456;MN=110109006000000000000001;Flag=4;CP=&&&&EA41";

fn parameters() -> ParameterSet {
    let parameter = |key: &&str| Parameter {
        key: (*key).to_owned(),
        name: (*key).to_owned(),
        name_en: (*key).to_owned(),
        unit: String::new(),
        decimals: 1,
        published_decimals: 0,
        day_min_hours: 20,
        min: None,
        max: None,
    };
    ParameterSet::new(KEYS.iter().map(parameter).collect()).unwrap()
}

fn framed(crc: CrcMode, frame: &str) -> Vec<Framed> {
    Framer::new(crc).push(frame.as_bytes())
}

fn message(crc: CrcMode, frame: &str) -> Message {
    match &framed(crc, frame)[..] {
        [Framed::Segment(segment)] => Message::parse(segment, OFFSET).unwrap(),
        other => panic!("{frame}: {other:?}"),
    }
}

/// What a message reports: time, `key=value` with a flag that is not normal, and what was passed over.
fn reported(message: &Message, units: &[(&str, Unit)]) -> (String, Vec<String>, Vec<String>) {
    let parameters = parameters();
    let units: BTreeMap<String, Unit> = units
        .iter()
        .map(|(code, unit)| ((*code).to_owned(), *unit))
        .collect();
    let reported = Reported::of(message, &Factors::new(&parameters, &units));
    let observation = reported.observation.unwrap();
    let shown = parameters.iter().filter_map(|(id, parameter)| {
        let reading = observation.reading(id);
        let flag = if reading.flag == Flag::Normal {
            String::new()
        } else {
            format!(" {}", reading.flag)
        };
        Some(format!("{}={}{flag}", parameter.key, reading.value?))
    });
    (
        observation.time.to_string(),
        shown.collect(),
        reported.passed_over.into_iter().collect(),
    )
}

#[test]
fn the_frames_of_the_reference_say_what_the_reference_says() {
    let standard = message(CrcMode::Spec, STANDARD);
    assert_eq!(
        (standard.command, standard.wants_answer, standard.version),
        (Command::Other(1062), true, Version::V2017)
    );
    assert_eq!(
        (standard.mn.as_str(), standard.items[0].value.as_str()),
        ("010000A8900016F000169DC0", "30")
    );

    let dust = message(CrcMode::Spec, DUST);
    assert_eq!(
        (dust.command, dust.wants_answer, dust.flag.as_deref()),
        (Command::RealTime, false, Some("N"))
    );
    assert_eq!(
        reported(&dust, &[]),
        (
            "2025-01-31T12:28:09Z".to_owned(),
            vec!["tsp=92".to_owned()],
            vec![]
        )
    );

    let typo = message(CrcMode::Spec, TYPO);
    assert_eq!((typo.part, typo.wants_answer), (None, true));
    let (_, values, passed_over) = reported(&typo, &[]);
    assert_eq!(
        values,
        [
            "tsp=217",
            "pm10=295",
            "pm25=207",
            "temperature=12.6",
            "humidity=32",
            "pressure=101.02",
            "wind_speed=2.1",
            "wind_direction=120"
        ]
    );
    assert_eq!(passed_over, ["LA-td"]);

    let milligrams = message(CrcMode::Spec, MILLIGRAMS);
    assert_eq!(milligrams.version, Version::V2005);
    let (time, values, passed_over) = reported(&milligrams, &[("a34001", Unit::MilligramsPerCubicMetre)]);
    assert_eq!(time, "2024-12-05T02:02:27Z");
    assert_eq!(
        values,
        [
            "tsp=160",
            "noise=41.7",
            "temperature=15.1",
            "humidity=54.4",
            "pressure=0 F",
            "wind_speed=0",
            "wind_direction=0"
        ]
    );
    assert_eq!(passed_over, ["cpm"]);

    assert!(matches!(
        framed(CrcMode::Spec, FAULTY)[..],
        [Framed::Bad(FrameFault::Crc, _)]
    ));
    let (_, values, _) = reported(&message(CrcMode::Ignore, FAULTY), &[]);
    assert_eq!(values, ["pm10=16000 D", "pm25=12000 D", "noise=71.0"]);
}

#[test]
fn parts_of_a_message_are_one_observation() {
    let parameters = parameters();
    let factors = Factors::new(&parameters, &BTreeMap::new());
    let (first, second) = (message(CrcMode::Spec, FIRST), message(CrcMode::Spec, SECOND));
    assert_eq!((first.part, second.part), (Some((1, 2)), Some((2, 2))));
    let mut whole = Reported::of(&first, &factors);
    whole.join(Reported::of(&second, &factors), &parameters);
    let observation = whole.observation.unwrap();
    let value = |key: &str| {
        observation
            .reading(parameters.find(key).unwrap())
            .value
            .unwrap()
            .to_string()
    };
    assert_eq!((value("tsp"), value("pm25")), ("148".to_owned(), "38".to_owned()));
    assert_eq!(
        observation.time.to_string(),
        "2019-08-08T01:00:00Z",
        "the hour's beginning"
    );
}

#[test]
fn the_answer_is_the_one_of_the_reference() {
    let asking = message(CrcMode::Spec, ASKING);
    assert_eq!(
        answer(&asking, 9014, ""),
        format!("{ACKNOWLEDGED}\r\n").as_bytes()
    );
}

#[test]
fn other_firmwares_checksums_are_taken_where_that_is_allowed() {
    let segment = "QN=1;ST=39;CN=2011;PW=1;MN=a;Flag=4;CP=&&DataTime=20190808090000;a34001-Rtd=1&&";
    let frame = |crc: u16| format!("##{:04}{segment}{crc:04x}", segment.len());
    let modbus = modbus_crc16(segment.as_bytes());
    for (mode, crc, taken) in [
        (CrcMode::Spec, crc16(segment.as_bytes()), true),
        (CrcMode::Spec, modbus, false),
        (CrcMode::SpecOrModbus, modbus, true),
        (CrcMode::SpecOrModbus, modbus.swap_bytes(), true),
        (CrcMode::SpecOrModbus, !modbus, false),
        (CrcMode::Ignore, !modbus, true),
    ] {
        let is_segment = matches!(framed(mode, &frame(crc))[..], [Framed::Segment(_)]);
        assert_eq!(is_segment, taken, "{mode:?} {crc:04x}");
    }
}

#[test]
fn a_stream_is_found_again_behind_anything() {
    let stream = format!("\r\n{DUST}\r\n##0121QN=half{FIRST}garbage{SECOND}##12x4##");
    let mut framer = Framer::new(CrcMode::Spec);
    let found = framer.push(stream.as_bytes());
    let segments = found
        .iter()
        .filter(|framed| matches!(framed, Framed::Segment(_)))
        .count();
    assert_eq!(segments, 3, "{found:?}");
    let bad: Vec<FrameFault> = found
        .iter()
        .filter_map(|framed| match framed {
            Framed::Bad(fault, _) => Some(*fault),
            Framed::Segment(_) => None,
        })
        .collect();
    assert_eq!(bad, [FrameFault::Length, FrameFault::NoHead, FrameFault::NoHead]);
    assert!(matches!(
        framer.finish(),
        Some(Framed::Bad(FrameFault::Length, _))
    ));
}

/// The frames that were collected in the field, with what was computed about them elsewhere.
#[test]
fn collected_frames_are_judged_as_they_were() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/hj212_frames.jsonl");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("{} is absent: the collected frames are not tried", file.display());
        return;
    };
    for line in text.lines() {
        let known: serde_json::Value = serde_json::from_str(line).unwrap();
        let frame = known["frame"].as_str().unwrap();
        if !frame.is_ascii() {
            // Sent in GBK, two bytes a sign, and kept in UTF-8: of the length that it was sent with, its checksum is gone.
            let bytes: Vec<u8> = frame
                .chars()
                .flat_map(|sign| {
                    if sign.is_ascii() {
                        vec![sign as u8]
                    } else {
                        vec![0xB0, 0xA1]
                    }
                })
                .collect();
            let found = Framer::new(CrcMode::Ignore).push(&bytes);
            let [Framed::Segment(segment)] = &found[..] else {
                panic!("{frame}: {found:?}")
            };
            assert_eq!(
                Message::parse(segment, OFFSET).unwrap().qn,
                known["parsed"]["QN"].as_str().unwrap()
            );
            continue;
        }
        let (length, crc) = (known["length_ok"] == true, known["crc_ok"] == true);
        let found = framed(CrcMode::Spec, frame);
        let is_segment = matches!(found[..], [Framed::Segment(_)]);
        assert_eq!(is_segment, length && crc, "{frame}: {found:?}");
        if is_segment {
            let message = message(CrcMode::Spec, frame);
            assert_eq!(
                message.qn,
                known["parsed"]["QN"].as_str().unwrap_or_default(),
                "{frame}"
            );
            assert_eq!(
                message.mn,
                known["parsed"]["MN"].as_str().unwrap_or_default(),
                "{frame}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_survived(bytes: Vec<u8>, piece in 1usize..40) {
        let mut framer = Framer::new(CrcMode::Spec);
        let mut shown = 0;
        for piece in bytes.chunks(piece) {
            for framed in framer.push(piece) {
                if let Framed::Segment(segment) = framed {
                    let _ = Message::parse(&segment, OFFSET);
                }
                shown += 1;
            }
        }
        prop_assert!(shown <= bytes.len());
    }

    #[test]
    fn frames_come_out_whole_however_the_stream_is_cut(
        noise in proptest::collection::vec("[ -\"$-~]{0,20}", 4), piece in 1usize..200
    ) {
        let frames = [DUST, FIRST, SECOND, ASKING];
        let mut stream = String::new();
        for (noise, frame) in noise.iter().zip(frames) {
            stream += noise;
            stream += frame;
        }
        let mut framer = Framer::new(CrcMode::Spec);
        let mut segments = Vec::new();
        for piece in stream.as_bytes().chunks(piece) {
            segments.extend(framer.push(piece).into_iter().filter_map(|framed| match framed {
                Framed::Segment(segment) => Some(String::from_utf8(segment).unwrap()),
                Framed::Bad(..) => None,
            }));
        }
        let expected: Vec<String> = frames.iter().map(|frame| frame[6..frame.len() - 4].to_owned()).collect();
        prop_assert_eq!(segments, expected);
    }

    #[test]
    fn an_answer_is_a_frame_that_reads_back(
        qn in "[0-9]{17}", mn in "[0-9A-F]{1,24}", number in 1000u16..9999, data in "[A-Za-z0-9=.]{0,60}"
    ) {
        let asked = Message { qn, mn, ..message(CrcMode::Spec, ASKING) };
        let frame = answer(&asked, number, &data);
        let found = Framer::new(CrcMode::Spec).push(&frame);
        let [Framed::Segment(segment)] = &found[..] else { return Err(TestCaseError::fail(format!("{found:?}"))) };
        let back = Message::parse(segment, OFFSET).unwrap();
        prop_assert_eq!((back.qn, back.mn, back.command), (asked.qn, asked.mn, Command::of(number)));
    }
}
