//! Frames that go back to a logger.

use super::{Message, crc16};

/// A frame of the exchange: `ST=91`, a command and its data, under the QN, password and MN of the message that it answers.
pub fn answer(message: &Message, command: u16, data: &str) -> Vec<u8> {
    // Version 2017 or 2025, no answer wanted to an answer.
    let flag = if message.version == super::Version::V2025 {
        8
    } else {
        4
    };
    framed(&format!(
        "QN={};ST=91;CN={command};PW={};MN={};Flag={flag};CP=&&{data}&&",
        message.qn, message.pw, message.mn
    ))
}

/// A request to a logger, under a QN of ours.
pub fn call(qn: &str, st: &str, command: u16, pw: &str, mn: &str, data: &str) -> Vec<u8> {
    framed(&format!(
        "QN={qn};ST={st};CN={command};PW={pw};MN={mn};Flag=5;CP=&&{data}&&"
    ))
}

fn framed(segment: &str) -> Vec<u8> {
    let length = segment.len() % 10_000;
    format!("##{length:04}{segment}{:04X}\r\n", crc16(segment.as_bytes())).into_bytes()
}
