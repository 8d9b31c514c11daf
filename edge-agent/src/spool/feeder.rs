//! Reads what is durable and offers it to the publisher: each device's observations in order, oldest first.
//!
//! Records become payloads by joining bytes, so what was kept is what is sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use dustwatch_journal::{Reader, Record};
use tokio::sync::{mpsc, watch};

use super::kept::Kept;
use super::tracker::Tracker;
use crate::EdgeError;
use crate::pack::Packet;
use crate::publish::{MAX_PAYLOAD_BYTES, Message};

/// Records that wait for company, of all devices together.
const MAX_WAITING: usize = 1024;

/// What stands in front of every payload.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Whose the records are that do not say so.
    pub(crate) device: Arc<str>,
    pub(crate) epoch: String,
}

pub(super) struct Feeder {
    head: Head,
    batch: usize,
    reader: Reader,
    tracker: Arc<Mutex<Tracker>>,
    /// Messages that are being gathered, one a device.
    gathering: HashMap<Arc<str>, Gathering>,
    /// How many records they have.
    waiting: usize,
}

/// A message that is being gathered.
#[derive(Default)]
struct Gathering {
    first: u64,
    count: usize,
    /// Its members, each `"seq":N,…}`, with commas between them.
    members: Vec<u8>,
}

impl Feeder {
    pub(super) fn new(head: Head, batch: usize, reader: Reader, tracker: Arc<Mutex<Tracker>>) -> Self {
        Self {
            head,
            batch,
            reader,
            tracker,
            gathering: HashMap::new(),
            waiting: 0,
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
                let full = self.gather(&record);
                for packet in full {
                    if offers.send(packet).await.is_err() {
                        return Ok(());
                    }
                }
                if self.waiting >= MAX_WAITING && !self.offer_all(&offers).await {
                    return Ok(());
                }
            }
            if !self.offer_all(&offers).await {
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

    /// Puts a record to its device's message; gives the messages that are complete.
    fn gather(&mut self, record: &Record) -> Vec<Packet> {
        let position = record.position.get();
        let kept = Kept::of(&record.bytes, position);
        let device = match kept.device {
            Some(device) => match self.gathering.get_key_value(device) {
                Some((known, _)) => Arc::clone(known),
                None => device.into(),
            },
            None => Arc::clone(&self.head.device),
        };
        self.tracker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .read(position, &device, kept.seq);
        let mut full = Vec::new();
        let gathering = self.gathering.entry(Arc::clone(&device)).or_default();
        let fits = gathering.members.len() + record.bytes.len() + 64 <= MAX_PAYLOAD_BYTES / 2;
        let follows = kept.seq == gathering.first + gathering.count as u64;
        if gathering.count > 0 && !(fits && follows) {
            full.push(gathering.close(&self.head.epoch, &device, &mut self.waiting));
        }
        gathering.add(&kept);
        self.waiting += 1;
        if gathering.count >= self.batch {
            full.push(gathering.close(&self.head.epoch, &device, &mut self.waiting));
        }
        full
    }

    /// Offers what is gathered, complete or not.
    async fn offer_all(&mut self, offers: &mpsc::Sender<Packet>) -> bool {
        if self.waiting == 0 {
            return true;
        }
        for (device, gathering) in &mut self.gathering {
            if gathering.count == 0 {
                continue;
            }
            let packet = gathering.close(&self.head.epoch, device, &mut self.waiting);
            if offers.send(packet).await.is_err() {
                return false;
            }
        }
        true
    }
}

impl Gathering {
    fn add(&mut self, kept: &Kept<'_>) {
        if self.count == 0 {
            self.first = kept.seq;
        } else {
            self.members.extend_from_slice(b",{");
        }
        self.members
            .extend_from_slice(format!("\"seq\":{},", kept.seq).as_bytes());
        self.members.extend_from_slice(kept.members);
        self.count += 1;
    }

    /// The message, in the single form where it has one observation; the next one begins empty.
    fn close(&mut self, epoch: &str, device: &Arc<str>, waiting: &mut usize) -> Packet {
        let mut body = format!("{{\"device\":\"{device}\",\"epoch\":\"{epoch}\",").into_bytes();
        body.reserve_exact(self.members.len() + 16);
        if self.count == 1 {
            body.extend_from_slice(&self.members);
        } else {
            body.extend_from_slice(b"\"obs\":[{");
            body.extend_from_slice(&self.members);
            body.extend_from_slice(b"]}");
        }
        let message = Message {
            first: self.first,
            last: self.first + self.count as u64 - 1,
            body,
        };
        *waiting -= self.count;
        self.count = 0;
        self.members.clear();
        Packet {
            device: Arc::clone(device),
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::kept::with_number;
    use super::*;
    use dustwatch_journal::{Journal, JournalOptions};

    /// What is offered of these records, as (device, first, last, payload).
    fn offered(batch: usize, records: &[Vec<u8>]) -> Vec<(String, u64, u64, String)> {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path(), JournalOptions::default()).unwrap();
        for record in records {
            journal.append(record).unwrap();
        }
        journal.sync().unwrap();
        let head = Head {
            device: "own".into(),
            epoch: "6f1c".to_owned(),
        };
        let feeder = Feeder::new(head, batch, journal.reader(journal.cut()), Arc::default());
        let (_, durable) = watch::channel(0);
        let (offers, mut offered) = mpsc::channel(100);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(feeder.run(durable, offers)).unwrap();
        let mut out = Vec::new();
        while let Ok(Packet { device, message }) = offered.try_recv() {
            let body = String::from_utf8(message.body).unwrap();
            out.push((device.to_string(), message.first, message.last, body));
        }
        out
    }

    #[test]
    fn records_become_payloads_by_joining_bytes() {
        let records = [r#"{"time":1,"tsp":2.0}"#, r#"{"time":2}"#].map(|text| text.as_bytes().to_vec());
        let one = r#"{"device":"own","epoch":"6f1c","seq":1,"time":1,"tsp":2.0}"#;
        assert_eq!(offered(1, &records)[0], ("own".to_owned(), 1, 1, one.to_owned()));
        let two =
            r#"{"device":"own","epoch":"6f1c","obs":[{"seq":1,"time":1,"tsp":2.0},{"seq":2,"time":2}]}"#;
        assert_eq!(offered(2, &records), [("own".to_owned(), 1, 2, two.to_owned())]);
    }

    #[test]
    fn messages_are_of_one_device_and_have_no_gaps() {
        let record = |device: &str, seq| with_number(device, seq, format!("{{\"time\":{seq}}}").as_bytes());
        let records = [
            record("a", 7),
            record("b", 1),
            record("a", 8),
            record("a", 10),
            record("b", 2),
        ];
        let mut all = offered(10, &records);
        all.sort();
        let of_a = r#"{"device":"a","epoch":"6f1c","obs":[{"seq":7,"time":7},{"seq":8,"time":8}]}"#;
        assert_eq!(all[0], ("a".to_owned(), 7, 8, of_a.to_owned()));
        let ranges: Vec<_> = all
            .iter()
            .map(|(device, first, last, _)| (device.as_str(), *first, *last))
            .collect();
        assert_eq!(ranges, [("a", 7, 8), ("a", 10, 10), ("b", 1, 2)]);
    }
}
