//! A connection: frames in, answers out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dustwatch_observation::Time;
use dustwatch_observation::hj212::{Command, Framed, Framer, Message, Reported, answer, call};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Hj212Settings;
use super::loggers::{Logger, Loggers};
use crate::source::{Intake, clock};

/// A logger that said nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(30 * 60);
/// How long the other parts of a message are waited for: less than a logger waits for its answer (10 s by the standard).
const PARTS_PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that are read at once.
const READ: usize = 16 << 10;

/// What all connections of a source share.
pub(super) struct Source {
    pub(super) settings: Hj212Settings,
    pub(super) loggers: Loggers,
    pub(super) intake: Intake,
}

/// A message whose parts are not all there yet.
struct Parts {
    device: Arc<str>,
    since: Instant,
    reported: Reported,
    messages: Vec<Message>,
}

/// Parts by device, command and time: a multiplexer may bring several loggers over one connection.
type Gathering = BTreeMap<PartsOf, Parts>;
type PartsOf = (Arc<str>, u16, i64);

/// Who spoke over a connection: ST and PW by MN.
type Speakers = BTreeMap<String, (String, String)>;

impl Source {
    /// Serves a connection until its other end has gone.
    pub(super) async fn serve(&self, mut stream: TcpStream, peer: SocketAddr) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut framer = Framer::new(self.settings.crc);
        let mut gathering = Gathering::new();
        let mut speakers = Speakers::new();
        let mut buffer = vec![0; READ];
        let mut heard = Instant::now();
        loop {
            self.ask_for_missing(&speakers, &mut stream).await?;
            let parts_due = gathering.values().map(|parts| parts.since + PARTS_PATIENCE);
            let asking_due = speakers.keys().filter_map(|mn| self.loggers.find(mn)?.look_at());
            let due = parts_due.chain(asking_due).min();
            let until = due.unwrap_or(heard + SILENCE).min(heard + SILENCE);
            let read = match tokio::time::timeout_at(until, stream.read(&mut buffer)).await {
                Ok(read) => read?,
                Err(_elapsed) if heard.elapsed() >= SILENCE => return Ok(()),
                Err(_elapsed) => {
                    self.close_overdue(&mut gathering, &mut stream).await?;
                    continue;
                }
            };
            if read == 0 {
                for (_, parts) in std::mem::take(&mut gathering) {
                    self.keep(parts, &mut stream).await?;
                }
                if let Some(Framed::Bad(fault, bytes)) = framer.finish() {
                    self.say_bad(peer, &format!("{fault:?}"), &bytes);
                }
                return Ok(());
            }
            heard = Instant::now();
            for framed in framer.push(&buffer[..read]) {
                match framed {
                    Framed::Bad(fault, bytes) => self.say_bad(peer, &format!("{fault:?}"), &bytes),
                    Framed::Segment(segment) => match Message::parse(&segment, self.intake.offset_seconds) {
                        Ok(message) => {
                            self.remember(&message, &mut speakers);
                            self.take(message, &mut gathering, &mut stream).await?;
                        }
                        Err(fault) => self.say_bad(peer, &fault.to_string(), &segment),
                    },
                }
            }
        }
    }

    fn say_bad(&self, peer: SocketAddr, fault: &str, bytes: &[u8]) {
        let bytes = String::from_utf8_lossy(bytes);
        tracing::warn!(%peer, fault, %bytes, "not a frame of HJ 212, passed over and not answered");
    }

    /// Notes who speaks over a connection, and how it wants to be spoken to.
    fn remember(&self, message: &Message, speakers: &mut Speakers) {
        if self.settings.backfill.is_some() && !speakers.contains_key(&message.mn) {
            speakers.insert(message.mn.clone(), (message.st.clone(), message.pw.clone()));
        }
    }

    /// Asks the loggers of a connection for what they have left out (HJ 212-2017, table 9).
    async fn ask_for_missing(&self, speakers: &Speakers, stream: &mut TcpStream) -> std::io::Result<()> {
        for (mn, (st, pw)) in speakers {
            let Some(logger) = self.loggers.find(mn) else {
                continue;
            };
            for span in logger.missing() {
                let [begin, end] = [span.begin, span.end].map(|time| local(&self.intake, time));
                tracing::info!(
                    mn,
                    begin,
                    end,
                    "the logger left something out and is asked for it"
                );
                let qn = format!("{}000", local(&self.intake, self.intake.clock.now()));
                let data = format!("BeginTime={begin},EndTime={end}");
                let request = call(&qn, st, logger.command.number(), pw, mn, &data);
                stream.write_all(&request).await?;
            }
        }
        Ok(())
    }

    /// Takes a message: data into the spool, the rest to an answer.
    async fn take(
        &self,
        message: Message,
        gathering: &mut Gathering,
        stream: &mut TcpStream,
    ) -> std::io::Result<()> {
        let Some(logger) = self.loggers.find(&message.mn) else {
            tracing::warn!(
                mn = message.mn,
                "a logger that is not ours reports; it gets no answer"
            );
            return Ok(());
        };
        match message.command {
            Command::Heartbeat => reply(stream, &message, 9013, "").await,
            Command::AskTime => {
                let now = format!("SystemTime={}", local(&self.intake, self.intake.clock.now()));
                reply(stream, &message, 9013, "").await?;
                reply(stream, &message, 1012, &now).await
            }
            Command::Accepted | Command::Result => {
                say_outcome(&message);
                Ok(())
            }
            Command::Acknowledged => Ok(()),
            command if command == logger.command => self.take_data(message, logger, gathering, stream).await,
            _ => self.answer(&message, stream).await,
        }
    }

    async fn take_data(
        &self,
        message: Message,
        logger: &Logger,
        gathering: &mut Gathering,
        stream: &mut TcpStream,
    ) -> std::io::Result<()> {
        // Without a QN nothing tells a repetition from other values; identity in the table does then.
        if !message.qn.is_empty() && logger.answered.contains(&message) {
            tracing::debug!(mn = message.mn, qn = message.qn, "sent again, answered again");
            return self.answer(&message, stream).await;
        }
        let mut reported = Reported::of(&message, &logger.factors);
        let in_doubt = logger.doubts(&message, self.intake.clock.now(), self.intake.offset_seconds);
        if let Some(observation) = reported.observation.as_mut().filter(|_| in_doubt) {
            clock::flag(observation, &self.intake.parameters);
        }
        if !reported.passed_over.is_empty() {
            tracing::debug!(mn = message.mn, passed_over = ?reported.passed_over, "fields that are no parameter here");
        }
        let Some(time) = message.data_time else {
            tracing::warn!(
                mn = message.mn,
                qn = message.qn,
                "data without a time that can be read, passed over"
            );
            return self.answer(&message, stream).await;
        };
        let parts = Parts {
            device: Arc::clone(&logger.device),
            since: Instant::now(),
            reported,
            messages: vec![message],
        };
        let (_, expected) = parts.messages[0].part.unwrap_or((1, 1));
        if expected <= 1 {
            return self.keep(parts, stream).await;
        }
        let key = (
            Arc::clone(&logger.device),
            parts.messages[0].command.number(),
            time.as_micros(),
        );
        let gathered = match gathering.remove(&key) {
            None => parts,
            Some(mut gathered) => {
                gathered.reported.join(parts.reported, &self.intake.parameters);
                gathered.messages.extend(parts.messages);
                gathered
            }
        };
        let mut numbers: Vec<u32> = gathered
            .messages
            .iter()
            .filter_map(|m| m.part.map(|(number, _)| number))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.len() >= expected as usize {
            return self.keep(gathered, stream).await;
        }
        gathering.insert(key, gathered);
        Ok(())
    }

    /// Keeps what came of messages whose other parts do not come.
    async fn close_overdue(&self, gathering: &mut Gathering, stream: &mut TcpStream) -> std::io::Result<()> {
        let overdue: Vec<PartsOf> = gathering
            .iter()
            .filter(|(_, parts)| parts.since.elapsed() >= PARTS_PATIENCE)
            .map(|(key, _)| key.clone())
            .collect();
        for key in overdue {
            if let Some(parts) = gathering.remove(&key) {
                tracing::warn!(
                    mn = parts.messages[0].mn,
                    "the other parts of a message did not come"
                );
                self.keep(parts, stream).await?;
            }
        }
        Ok(())
    }

    /// Keeps an observation, and answers its messages once it is on disk.
    async fn keep(&self, parts: Parts, stream: &mut TcpStream) -> std::io::Result<()> {
        if let Some(observation) = parts.reported.observation
            && !self.intake.keep(observation, &parts.device).await
        {
            // The spool is closed: unanswered, the logger sends it again.
            return Ok(());
        }
        for message in &parts.messages {
            if let Some(logger) = self.loggers.find(&message.mn) {
                logger.answered.note(message);
                if let Some(time) = message.data_time {
                    logger.reported(time);
                }
            }
        }
        for message in &parts.messages {
            self.answer(message, stream).await?;
        }
        Ok(())
    }

    /// 9014 to whoever wants it.
    async fn answer(&self, message: &Message, stream: &mut TcpStream) -> std::io::Result<()> {
        match message.wants_answer {
            true => reply(stream, message, 9014, "").await,
            false => Ok(()),
        }
    }
}

async fn reply(stream: &mut TcpStream, message: &Message, command: u16, data: &str) -> std::io::Result<()> {
    stream.write_all(&answer(message, command, data)).await
}

/// A time as HJ 212 writes it.
fn local(intake: &Intake, time: Time) -> String {
    let local = time.plus_micros(i64::from(intake.offset_seconds) * 1_000_000);
    local
        .to_chrono()
        .map_or_else(String::new, |time| time.format("%Y%m%d%H%M%S").to_string())
}

/// What a logger says to a request: 9011 whether it will, 9012 whether it did; 1 is yes (HJ 212-2017, QnRtn and ExeRtn).
fn say_outcome(message: &Message) {
    let code = message.items.first().map_or("", |item| item.value.as_str());
    if code == "1" {
        tracing::debug!(mn = message.mn, "a logger does what it was asked");
    } else {
        tracing::warn!(
            mn = message.mn,
            command = message.command.number(),
            code,
            "a logger does not do what it was asked"
        );
    }
}
