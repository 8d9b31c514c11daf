//! HJ 212 over TCP: data loggers connect and report.
//!
//! A logger's frame is answered with 9014 only once its values are on the agent's disk, so a logger that keeps what was not
//! answered loses nothing to a power cut. What a logger sends again because an answer was lost is answered again and not kept
//! again. Parts of one message are gathered, kept as one observation, and answered together.
//!
//! Invariant: no frame vanishes: it is kept, or passed over with a word in the log that names the logger and why.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dustwatch_observation::Time;
use dustwatch_observation::hj212::{
    Command, CrcMode, Factors, Framed, Framer, Message, Reported, Unit, answer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Intake;
use crate::Shutdown;

/// Wait before an address that is taken is tried again.
const LISTEN_PAUSE: Duration = Duration::from_secs(5);
/// A logger that said nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(30 * 60);
/// How long the other parts of a message are waited for: less than a logger waits for its answer (10 s by the standard).
const PARTS_PATIENCE: Duration = Duration::from_secs(5);
/// Frames that are remembered as answered.
const REMEMBERED: usize = 1000;
/// Loggers at the same time: a thousand, and as many old connections of theirs that nobody has closed.
const MAX_LOGGERS: usize = 2000;
/// Files that are left for the spool, the broker and the rest of the agent.
const OTHER_FILES: usize = 64;
/// Wait when the system has no connection to give.
const EXHAUSTED_PAUSE: Duration = Duration::from_secs(1);
/// Bytes that are read at once.
const READ: usize = 16 << 10;

/// A source of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hj212Settings {
    /// Where loggers connect.
    pub listen: SocketAddr,
    /// The logger's `MN`, if others are to be passed over.
    pub mn: Option<String>,
    /// Which checksums are believed.
    pub crc: CrcMode,
    /// Which data are kept: real-time values, or the means of minutes, hours or days. One kind, since the others say the same of
    /// the same times in another way; they are answered.
    pub command: Command,
    /// Units that the logger sends factors in, by factor.
    pub units: BTreeMap<String, Unit>,
}

/// Listens until stopped.
pub(super) async fn run(settings: &Hj212Settings, intake: &Intake, mut shutdown: Shutdown) {
    let source = Arc::new(Source {
        factors: Factors::new(&intake.parameters, &settings.units),
        settings: settings.clone(),
        intake: intake.clone(),
        answered: Mutex::default(),
    });
    loop {
        let listened = tokio::select! {
            ended = listen(&source) => ended,
            () = shutdown.requested() => return,
        };
        tracing::error!(listen = %settings.listen, error = %listened, "loggers cannot connect, trying again");
        tokio::select! {
            () = tokio::time::sleep(LISTEN_PAUSE) => {}
            () = shutdown.requested() => return,
        }
    }
}

/// Takes connections; returns why it cannot any more.
async fn listen(source: &Arc<Source>) -> std::io::Error {
    let listener = match TcpListener::bind(source.settings.listen).await {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    tracing::info!(listen = ?listener.local_addr().ok(), "loggers may connect (HJ 212)");
    let most = most_loggers();
    // Dropped with this function: no connection outlives the source.
    let mut loggers = JoinSet::new();
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // Those that are connected stay: they are not to blame.
            Err(error) if is_exhausted(&error) => {
                tracing::error!(%error, loggers = loggers.len(), "a logger cannot connect; allow more open files (LimitNOFILE)");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
            Err(error) => return error,
        };
        while loggers.try_join_next().is_some() {}
        if loggers.len() >= most {
            tracing::warn!(%peer, most, "too many loggers at once: one is turned away; more open files (LimitNOFILE) allow more");
            continue;
        }
        let source = Arc::clone(source);
        loggers.spawn(async move {
            match source.serve(stream, peer).await {
                Ok(()) => tracing::debug!(%peer, "a logger has gone"),
                Err(error) => tracing::warn!(%peer, %error, "the connection of a logger failed"),
            }
        });
    }
}

/// How many loggers there is room for: without files to open, the spool could not work.
fn most_loggers() -> usize {
    // `Max open files            1024                 524288               files`
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let allowed = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    let room = |allowed: usize| allowed.saturating_sub(OTHER_FILES).clamp(1, MAX_LOGGERS);
    allowed.map_or(MAX_LOGGERS, room)
}

/// Whether a connection failed because the process or the system has too many files open (ENFILE, EMFILE).
fn is_exhausted(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

struct Source {
    settings: Hj212Settings,
    factors: Factors,
    intake: Intake,
    /// Frames that are on disk.
    answered: Mutex<VecDeque<FrameId>>,
}

/// Logger and QN, command, part, and time of the data: what is the same when a frame is sent again.
type FrameId = (String, u16, u32, Option<Time>);

/// A message whose parts are not all there yet.
struct Parts {
    since: Instant,
    reported: Reported,
    messages: Vec<Message>,
}

/// Parts by command and time.
type Gathering = BTreeMap<(u16, i64), Parts>;

impl Source {
    async fn serve(&self, mut stream: TcpStream, peer: SocketAddr) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut framer = Framer::new(self.settings.crc);
        let mut gathering = Gathering::new();
        let mut buffer = vec![0; READ];
        let mut heard = Instant::now();
        loop {
            let due = gathering.values().map(|parts| parts.since + PARTS_PATIENCE).min();
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
                        Ok(message) => self.take(message, &mut gathering, &mut stream).await?,
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

    /// Takes a message: data into the spool, the rest to an answer.
    async fn take(
        &self,
        message: Message,
        gathering: &mut Gathering,
        stream: &mut TcpStream,
    ) -> std::io::Result<()> {
        if self.settings.mn.as_ref().is_some_and(|mn| *mn != message.mn) {
            tracing::warn!(
                mn = message.mn,
                "a logger that is not ours reports; it gets no answer"
            );
            return Ok(());
        }
        match message.command {
            Command::Heartbeat => reply(stream, &message, 9013, "").await,
            Command::AskTime => {
                let now = format!("SystemTime={}", local_now(&self.intake));
                reply(stream, &message, 9013, "").await?;
                reply(stream, &message, 1012, &now).await
            }
            Command::Accepted | Command::Result | Command::Acknowledged => Ok(()),
            command if command == self.settings.command => self.take_data(message, gathering, stream).await,
            _ => self.answer(&message, stream).await,
        }
    }

    async fn take_data(
        &self,
        message: Message,
        gathering: &mut Gathering,
        stream: &mut TcpStream,
    ) -> std::io::Result<()> {
        // Without a QN nothing tells a repetition from other values; identity in the table does then.
        if !message.qn.is_empty() && self.answered.lock().await.contains(&id(&message)) {
            tracing::debug!(mn = message.mn, qn = message.qn, "sent again, answered again");
            return self.answer(&message, stream).await;
        }
        let reported = Reported::of(&message, &self.factors);
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
            since: Instant::now(),
            reported,
            messages: vec![message],
        };
        let (_, expected) = parts.messages[0].part.unwrap_or((1, 1));
        if expected <= 1 {
            return self.keep(parts, stream).await;
        }
        let key = (parts.messages[0].command.number(), time.as_micros());
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
        let overdue: Vec<(u16, i64)> = gathering
            .iter()
            .filter(|(_, parts)| parts.since.elapsed() >= PARTS_PATIENCE)
            .map(|(key, _)| *key)
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
            && !self.intake.keep(observation).await
        {
            // The spool is closed: unanswered, the logger sends it again.
            return Ok(());
        }
        let mut answered = self.answered.lock().await;
        for message in &parts.messages {
            if answered.len() >= REMEMBERED {
                answered.pop_front();
            }
            answered.push_back(id(message));
        }
        drop(answered);
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

fn id(message: &Message) -> FrameId {
    let part = message.part.map_or(0, |(number, _)| number);
    let who = format!("{}/{}", message.mn, message.qn);
    (who, message.command.number(), part, message.data_time)
}

async fn reply(stream: &mut TcpStream, message: &Message, command: u16, data: &str) -> std::io::Result<()> {
    stream.write_all(&answer(message, command, data)).await
}

/// The time as HJ 212 writes it.
fn local_now(intake: &Intake) -> String {
    let local = intake
        .clock
        .now()
        .plus_micros(i64::from(intake.offset_seconds) * 1_000_000);
    local
        .to_chrono()
        .map_or_else(String::new, |time| time.format("%Y%m%d%H%M%S").to_string())
}
