//! The messages that are not confirmed yet: what to send, what to send again, what to forget.
//!
//! Pure: no I/O and no clock of its own; the [driver](super::driver) carries out what it decides. Each device has a
//! stream of messages with ascending numbers. Between two calls of [`Window::restart`] a stream's messages are handed out
//! in that order; the order of different streams is that in which their messages were offered.
//!
//! Invariant: a message leaves the window only by a confirmation that covers its last number, or its own delivery.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How much may wait for confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages.
    pub messages: usize,
    /// Bytes of their bodies. One message is always taken, however large.
    pub bytes: usize,
}

impl Limits {
    /// An agent's: what waits for longer is on its disk, and a gateway has little memory.
    pub const AGENT: Limits = Limits {
        messages: 1024,
        bytes: 256 << 10,
    };

    /// Messages that are taken in advance of the window: few where memory is short.
    pub(crate) fn in_advance(&self) -> usize {
        (self.bytes >> 18).clamp(8, 256)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            messages: 4096,
            bytes: 64 << 20,
        }
    }
}

/// A message: observations of one device with consecutive numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Number of its first observation.
    pub first: u64,
    /// Number of its last observation.
    pub last: u64,
    /// The payload, a JSON object, without `from`.
    pub body: Vec<u8>,
}

/// A stream's place in its [`Window`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StreamId(usize);

impl StreamId {
    /// Streams are numbered from 0 in the order in which they were added.
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// Names a message that was handed out, until it is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Token {
    pub(crate) stream: StreamId,
    pub(crate) last: u64,
}

/// What to send next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sending<'a> {
    pub(crate) token: Token,
    /// The lowest number of the stream that is not confirmed.
    pub(crate) from: u64,
    pub(crate) body: &'a [u8],
    pub(crate) observations: u64,
    /// Whether it was sent before.
    pub(crate) again: bool,
}

/// What a confirmation took out of the window.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Confirmed {
    pub(crate) messages: u64,
    pub(crate) observations: u64,
}

/// Messages not confirmed yet, of any number of streams.
#[derive(Debug)]
pub(crate) struct Window {
    limits: Limits,
    resend_after: Duration,
    streams: Vec<Stream>,
    /// Streams with something to hand out, once a message; may name a stream more often than it has messages.
    ready: VecDeque<usize>,
    messages: usize,
    bytes: usize,
}

/// The longest that a lost message waits for its repetition.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Stream {
    held: VecDeque<Held>,
    /// How many at the front of `held` were handed out since the last restart.
    handed: usize,
    /// Everything up to here is confirmed, whether it was offered here or not.
    confirmed: u64,
    /// Highest number that may have been sent: in an earlier life, or handed out in this one.
    highest: u64,
    /// The same when the present connection began.
    highest_before: u64,
    /// Since when there is something to confirm and nothing was: since the lowest message was handed out, or since the
    /// last confirmation. `None` while nothing is handed out.
    waiting_since: Option<Instant>,
    /// How long to wait for a confirmation.
    patience: Duration,
}

#[derive(Debug)]
struct Held {
    message: Message,
    delivered: bool,
    first_sent: Option<Instant>,
}

impl Window {
    /// An empty window. A stream without confirmation for `resend_after` is sent again, then after twice that, up to a
    /// minute.
    pub(crate) fn new(limits: Limits, resend_after: Duration) -> Self {
        Self {
            limits,
            resend_after,
            streams: Vec::new(),
            ready: VecDeque::new(),
            messages: 0,
            bytes: 0,
        }
    }

    /// Adds a stream. `highest` is the highest number that its epoch ever used before now: a confirmation above
    /// that and above what was handed out is [ahead](Window::is_ahead). `u64::MAX` when whoever offers cannot know.
    pub(crate) fn add_stream(&mut self, highest: u64) -> StreamId {
        self.streams.push(Stream {
            held: VecDeque::new(),
            handed: 0,
            confirmed: 0,
            highest,
            highest_before: highest,
            waiting_since: None,
            patience: self.resend_after,
        });
        StreamId(self.streams.len() - 1)
    }

    /// Whether [`Window::offer`] may be called.
    pub(crate) fn has_room(&self) -> bool {
        self.messages == 0 || (self.messages < self.limits.messages && self.bytes < self.limits.bytes)
    }

    /// How many messages are not confirmed.
    pub(crate) fn len(&self) -> usize {
        self.messages
    }

    /// Takes a message; its numbers follow those offered before. What was confirmed in advance is taken as confirmed.
    pub(crate) fn offer(&mut self, id: StreamId, message: Message) -> Confirmed {
        let stream = &mut self.streams[id.0];
        debug_assert!(
            stream
                .held
                .back()
                .is_none_or(|held| held.message.last < message.first)
        );
        if message.last <= stream.confirmed {
            return Confirmed {
                messages: 1,
                observations: message.last - message.first + 1,
            };
        }
        self.messages += 1;
        self.bytes += message.body.len();
        stream.held.push_back(Held {
            message,
            delivered: false,
            first_sent: None,
        });
        self.ready.push_back(id.0);
        Confirmed::default()
    }

    /// The next message to put on the wire, `None` when there is nothing to do for now.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Sending<'_>> {
        let (index, at) = loop {
            let index = self.ready.pop_front()?;
            let stream = &mut self.streams[index];
            while stream.held.get(stream.handed).is_some_and(|held| held.delivered) {
                stream.handed += 1;
            }
            if stream.handed < stream.held.len() {
                stream.handed += 1;
                break (index, stream.handed - 1);
            }
        };
        let stream = &mut self.streams[index];
        stream.waiting_since.get_or_insert(now);
        let from = stream.lowest();
        let held = &mut stream.held[at];
        let again = held.first_sent.is_some();
        held.first_sent.get_or_insert(now);
        let message = &held.message;
        stream.highest = stream.highest.max(message.last);
        Some(Sending {
            token: Token {
                stream: StreamId(index),
                last: message.last,
            },
            from,
            body: &message.body,
            observations: message.last - message.first + 1,
            again,
        })
    }

    /// Whether a confirmation speaks of numbers that were never used: then it is about observations that this numbering
    /// does not know of, and nothing of it may be believed. One that the broker had `retained` is older than this
    /// connection, and knows nothing of what was handed out over it.
    pub(crate) fn is_ahead(&self, id: StreamId, seq: u64, retained: bool) -> bool {
        let stream = &self.streams[id.0];
        let highest = if retained {
            stream.highest_before
        } else {
            stream.highest
        };
        seq > highest
    }

    /// Everything of a stream up to and including `seq` is durable. One that is [ahead](Window::is_ahead) changes nothing.
    pub(crate) fn confirm_through(&mut self, id: StreamId, seq: u64, now: Instant) -> Confirmed {
        let stream = &mut self.streams[id.0];
        if seq > stream.highest {
            return Confirmed::default();
        }
        stream.confirmed = stream.confirmed.max(seq);
        self.forget(id, now)
    }

    /// The message itself arrived where it is kept; those before it in the stream need not have.
    pub(crate) fn confirm_delivered(&mut self, token: Token, now: Instant) -> Confirmed {
        let held = &mut self.streams[token.stream.0].held;
        let at = held.partition_point(|held| held.message.last < token.last);
        if let Some(held) = held.get_mut(at).filter(|held| held.message.last == token.last) {
            held.delivered = true;
        }
        self.forget(token.stream, now)
    }

    fn forget(&mut self, id: StreamId, now: Instant) -> Confirmed {
        let stream = &mut self.streams[id.0];
        let mut out = Confirmed::default();
        while let Some(held) = stream.held.front() {
            if !held.delivered && held.message.last > stream.confirmed {
                break;
            }
            stream.confirmed = stream.confirmed.max(held.message.last);
            // A confirmation that always takes its time (say, one table commit) must not look like a loss.
            let latency = held
                .first_sent
                .map_or(Duration::ZERO, |sent| now.saturating_duration_since(sent));
            stream.patience = (latency * 2).clamp(self.resend_after, LONGEST_WAIT.max(self.resend_after));
            stream.handed = stream.handed.saturating_sub(1);
            stream.waiting_since = Some(now).filter(|_| stream.handed > 0);
            out.messages += 1;
            out.observations += held.message.last - held.message.first + 1;
            self.messages -= 1;
            self.bytes -= held.message.body.len();
            stream.held.pop_front();
        }
        out
    }

    /// The connection is new: everything unconfirmed is to be sent again, from the lowest number on.
    pub(crate) fn restart(&mut self) {
        self.ready.clear();
        for index in 0..self.streams.len() {
            self.streams[index].highest_before = self.streams[index].highest;
            self.rewind(index);
        }
    }

    /// Sends again what waits too long for its confirmation; returns how many streams that concerns.
    pub(crate) fn resend_overdue(&mut self, now: Instant) -> usize {
        let mut overdue = 0;
        for index in 0..self.streams.len() {
            let stream = &mut self.streams[index];
            let waited = stream
                .waiting_since
                .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            if waited >= stream.patience {
                stream.patience = (stream.patience * 2).min(LONGEST_WAIT.max(self.resend_after));
                self.rewind(index);
                overdue += 1;
            }
        }
        overdue
    }

    fn rewind(&mut self, index: usize) {
        let stream = &mut self.streams[index];
        stream.handed = 0;
        stream.waiting_since = None;
        self.ready.extend(std::iter::repeat_n(index, stream.held.len()));
    }

    /// Everything of the stream up to here is confirmed.
    pub(crate) fn confirmed(&self, id: StreamId) -> u64 {
        self.streams[id.0].confirmed
    }
}

impl Stream {
    /// The lowest number not confirmed.
    fn lowest(&self) -> u64 {
        self.held
            .front()
            .map_or(self.confirmed.saturating_add(1), |held| {
                held.message.first.max(self.confirmed.saturating_add(1))
            })
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
