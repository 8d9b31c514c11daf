//! Reads what is durable and offers it to the publisher, oldest first.
//!
//! Records become payloads by joining bytes, so what was kept is what is sent.

use std::sync::Arc;

use dustwatch_journal::{Reader, Record};
use tokio::sync::{mpsc, watch};

use crate::EdgeError;
use crate::pack::Packet;
use crate::publish::{MAX_PAYLOAD_BYTES, Message};

/// What stands in front of every payload.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) device: Arc<str>,
    pub(crate) epoch: String,
}

pub(super) struct Feeder {
    head: Head,
    batch: usize,
    reader: Reader,
    waiting: Vec<Record>,
    bytes: usize,
}

impl Feeder {
    pub(super) fn new(head: Head, batch: usize, reader: Reader) -> Self {
        Self {
            head,
            batch,
            reader,
            waiting: Vec::new(),
            bytes: 0,
        }
    }

    /// Runs until nobody takes offers, or the keeper is gone and everything was offered.
    pub(super) async fn run(
        mut self,
        mut durable: watch::Receiver<u64>,
        offers: mpsc::Sender<Packet>,
    ) -> Result<(), EdgeError> {
        loop {
            while let Some(record) = self.reader.next()? {
                let fits = self.bytes + record.bytes.len() + 64 <= MAX_PAYLOAD_BYTES / 2;
                let follows = self
                    .waiting
                    .last()
                    .is_none_or(|last| last.position.next() == record.position);
                let joins = fits && follows;
                if !joins && !self.offer(&offers).await {
                    return Ok(());
                }
                self.bytes += record.bytes.len() + 32;
                self.waiting.push(record);
                if self.waiting.len() >= self.batch && !self.offer(&offers).await {
                    return Ok(());
                }
            }
            if !self.offer(&offers).await {
                return Ok(());
            }
            tokio::select! {
                news = durable.changed() => if news.is_err() {
                    return Ok(());
                },
                () = offers.closed() => return Ok(()),
            }
        }
    }

    async fn offer(&mut self, offers: &mpsc::Sender<Packet>) -> bool {
        let (Some(first), Some(last)) = (self.waiting.first(), self.waiting.last()) else {
            return true;
        };
        let (first, last) = (first.position.get(), last.position.get());
        let message = Message {
            first,
            last,
            body: body(&self.head, &self.waiting),
        };
        self.waiting.clear();
        self.bytes = 0;
        offers
            .send(Packet {
                device: Arc::clone(&self.head.device),
                message,
            })
            .await
            .is_ok()
    }
}

/// The payload of consecutive records, each a JSON object; the single form for one.
fn body(head: &Head, records: &[Record]) -> Vec<u8> {
    let mut out = format!("{{\"device\":\"{}\",\"epoch\":\"{}\",", head.device, head.epoch).into_bytes();
    let member = |record: &Record, out: &mut Vec<u8>| {
        out.extend_from_slice(format!("\"seq\":{},", record.position).as_bytes());
        out.extend_from_slice(record.bytes.strip_prefix(b"{").unwrap_or(&record.bytes));
    };
    if let [single] = records {
        member(single, &mut out);
        return out;
    }
    out.extend_from_slice(b"\"obs\":[");
    for (index, record) in records.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"{" } else { b",{" });
        member(record, &mut out);
    }
    out.extend_from_slice(b"]}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use dustwatch_journal::Position;

    #[test]
    fn records_become_payloads_by_joining_bytes() {
        let head = Head {
            device: "110109-DY-0001".into(),
            epoch: "6f1c".to_owned(),
        };
        let record = |n, text: &str| Record {
            position: Position::new(n),
            bytes: text.as_bytes().to_vec(),
        };
        let (a, b) = (record(7, r#"{"time":1,"tsp":2.0}"#), record(8, r#"{"time":2}"#));
        let text = |records: &[Record]| String::from_utf8_lossy(&body(&head, records)).into_owned();
        let one = r#"{"device":"110109-DY-0001","epoch":"6f1c","seq":7,"time":1,"tsp":2.0}"#;
        assert_eq!(text(std::slice::from_ref(&a)), one);
        let two = r#"{"device":"110109-DY-0001","epoch":"6f1c","obs":[{"seq":7,"time":1,"tsp":2.0},{"seq":8,"time":2}]}"#;
        assert_eq!(text(&[a, b]), two);
    }
}
