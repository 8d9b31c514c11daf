//! A receiver on loopback, for what is posted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

/// A webhook on loopback: gives the answers in their order, the last one for ever, and passes on what it was sent. An
/// answer is a status, and behind a `|` a body.
pub(crate) fn webhook(answers: &'static [&'static str]) -> (String, Receiver<serde_json::Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/alarms", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let body = answer(stream.unwrap(), answers[at.min(answers.len() - 1)]);
            if sender.send(body).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

fn answer(mut stream: TcpStream, answer: &str) -> serde_json::Value {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (status, text) = answer.split_once('|').unwrap_or((answer, ""));
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
    )
    .unwrap();
    serde_json::from_slice(&body).unwrap()
}
