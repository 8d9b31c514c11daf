//! A made-up network in which the fate of every observation is decided first.
//!
//! What the wire carries follows from the fates, and so does the sheet that is expected: they are counted, and nothing
//! else. Numbers and gaps, which the program reasons by, are not known to the count.

use super::calendar::Day;
use super::random::Random;

/// Every ten minutes.
pub(crate) const SLOTS: usize = 144;
pub(crate) const DAYS: usize = 3;
/// Observations of a message, at most.
const PACK: usize = 7;

/// What becomes of one observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// In the table, with a value.
    Valid,
    /// In the table, with a flag and no other value.
    Flagged,
    /// Rejected for a flag that there is not; its time can be read.
    Rejected,
    /// Rejected for its time; only its number tells it apart.
    Untimed,
    /// Rejected for its device, which is registered nowhere.
    Foreign,
    /// Numbered and never sent.
    Network,
    /// Not taken.
    Sensor,
    /// Gone with the agent's spool: behind it the numbers begin anew.
    Edge,
    /// Not taken, by a monitor that does not speak again, or that does not number.
    Unknown,
}

/// A device with the fates of its observations, from midnight of the first day.
pub(crate) struct Monitor {
    pub(crate) device: &'static str,
    pub(crate) numbered: bool,
    pub(crate) fates: Vec<Fate>,
    pub(crate) expected_a_day: [i64; DAYS],
}

/// One line of the sheet.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
pub(crate) struct Line {
    pub(crate) expected: i64,
    pub(crate) sent: Option<i64>,
    pub(crate) received: i64,
    pub(crate) valid: i64,
    pub(crate) flagged: i64,
    pub(crate) rejected: i64,
    pub(crate) lost_network: i64,
    pub(crate) lost_edge: i64,
    pub(crate) lost_sensor: i64,
    pub(crate) lost_unknown: i64,
    pub(crate) surplus: i64,
}

pub(crate) fn first_day() -> Day {
    Day::of(2019, 8, 5)
}

impl Monitor {
    /// The oracle: fates are counted, nothing else.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let of_day = |day: usize| {
            let fates = &self.fates[day * SLOTS..(day + 1) * SLOTS];
            let count = |wanted: &[Fate]| fates.iter().filter(|f| wanted.contains(f)).count() as i64;
            let (valid, flagged) = (count(&[Fate::Valid]), count(&[Fate::Flagged]));
            let rejected = count(&[Fate::Rejected, Fate::Untimed, Fate::Foreign]);
            let lost_network = count(&[Fate::Network]);
            let accounted = valid + flagged + rejected + lost_network;
            let speaks = fates.iter().any(|f| *f != Fate::Unknown);
            Line {
                expected: self.expected_a_day[day],
                sent: (self.numbered && speaks).then_some(accounted),
                received: valid + flagged,
                valid,
                flagged,
                rejected,
                lost_network,
                lost_edge: count(&[Fate::Edge]),
                lost_sensor: count(&[Fate::Sensor]),
                // Where nothing is expected, nothing is lost.
                lost_unknown: count(&[Fate::Unknown]).min(self.expected_a_day[day]),
                surplus: (accounted - self.expected_a_day[day]).max(0),
            }
        };
        (0..DAYS).map(of_day).collect()
    }

    /// What its agent publishes, in order.
    pub(crate) fn messages(&self) -> Vec<String> {
        let (mut epoch, mut seq, mut after_edge) = (1, 0u64, false);
        let mut messages = Vec::new();
        let mut waiting: Vec<String> = Vec::new();
        let pack = |waiting: &mut Vec<String>, epoch: i32, messages: &mut Vec<String>| {
            if !waiting.is_empty() {
                let list = std::mem::take(waiting).join(",");
                messages.push(format!("{{\"epoch\":\"e{epoch}\",\"obs\":[{list}]}}"));
            }
        };
        for (slot, fate) in self.fates.iter().enumerate() {
            if matches!(fate, Fate::Sensor | Fate::Unknown | Fate::Edge) {
                after_edge |= *fate == Fate::Edge;
                continue;
            }
            if std::mem::take(&mut after_edge) {
                pack(&mut waiting, epoch, &mut messages);
                (epoch, seq) = (epoch + 1, 0);
            }
            seq += 1;
            let number = if self.numbered {
                format!("\"seq\":{seq},")
            } else {
                String::new()
            };
            let time = format!("\"time\":\"{}\"", time(slot));
            match fate {
                Fate::Network => continue,
                Fate::Untimed => waiting.push(format!("{{{number}\"time\":\"yesterday\",\"pm25\":1}}")),
                Fate::Rejected => waiting.push(format!(
                    "{{{number}{time},\"pm25\":1,\"flags\":{{\"pm25\":\"X\"}}}}"
                )),
                Fate::Flagged => waiting.push(format!(
                    "{{{number}{time},\"pm25\":1,\"flags\":{{\"pm25\":\"D\"}}}}"
                )),
                _ => waiting.push(format!("{{{number}{time},\"pm25\":{}}}", slot % 90)),
            }
            if waiting.len() == PACK {
                pack(&mut waiting, epoch, &mut messages);
            }
        }
        pack(&mut waiting, epoch, &mut messages);
        messages
    }
}

/// The local time of a slot, as a device writes it.
fn time(slot: usize) -> String {
    let (day, slot) = (first_day().plus((slot / SLOTS) as i64), slot % SLOTS);
    format!("{day}T{:02}:{:02}:00+08:00", slot / 6, slot % 6 * 10)
}

/// Random fates out of some, with valid ones around each midnight.
fn random_fates(random: &mut Random, losses: &[Fate]) -> Vec<Fate> {
    let mut fates = Vec::new();
    while fates.len() < SLOTS * DAYS {
        let loss = losses[random.between(0, losses.len() as u64) as usize];
        let fate = if random.chance(12) { loss } else { Fate::Valid };
        let run = if fate == Fate::Valid {
            1
        } else {
            random.between(1, 6)
        };
        fates.extend((0..run).map(|_| fate));
    }
    fates.truncate(SLOTS * DAYS);
    for midnight in 0..=DAYS {
        let around = (midnight * SLOTS).saturating_sub(2)..(midnight * SLOTS + 2).min(SLOTS * DAYS);
        fates[around].fill(Fate::Valid);
    }
    fates
}

pub(crate) fn monitors(random: &mut Random) -> Vec<Monitor> {
    let every = [SLOTS as i64; DAYS];
    let numbered = |device, fates| Monitor {
        device,
        numbered: true,
        fates,
        expected_a_day: every,
    };
    let all = [
        Fate::Flagged,
        Fate::Rejected,
        Fate::Untimed,
        Fate::Network,
        Fate::Sensor,
    ];
    let mut busy = random_fates(random, &all);
    // Over the first midnight numbers are lost, over the second the spool.
    busy[SLOTS - 9..SLOTS - 2].fill(Fate::Valid);
    busy[SLOTS - 5..SLOTS + 8].fill(Fate::Network);
    busy[SLOTS + 8..SLOTS + 10].fill(Fate::Valid);
    busy[2 * SLOTS - 12..2 * SLOTS + 22].fill(Fate::Valid);
    busy[2 * SLOTS - 10..2 * SLOTS + 20].fill(Fate::Edge);
    // A day in the middle on which nothing was taken, and a monitor that falls silent for good.
    let mut silent = vec![Fate::Valid; SLOTS * DAYS];
    silent[SLOTS - 3..2 * SLOTS + 5].fill(Fate::Sensor);
    let mut gone = random_fates(random, &all);
    gone[SLOTS + 70..SLOTS + 72].fill(Fate::Valid);
    gone[SLOTS + 72..].fill(Fate::Unknown);
    let unnumbered = random_fates(random, &[Fate::Flagged, Fate::Rejected, Fate::Unknown]);
    let twice = random_fates(random, &[Fate::Flagged, Fate::Network]);
    let mut foreign = vec![Fate::Unknown; SLOTS * DAYS];
    foreign[10..25].fill(Fate::Foreign);
    vec![
        numbered("110109-A-1", busy),
        numbered("110109-A-2", silent),
        numbered("110109-A-3", gone),
        Monitor {
            device: "110109-B-1",
            numbered: false,
            fates: unnumbered,
            expected_a_day: every,
        },
        // Registered for every twenty minutes.
        Monitor {
            device: "110109-B-2",
            numbered: true,
            fates: twice,
            expected_a_day: [SLOTS as i64 / 2; DAYS],
        },
        // Registered nowhere; that is what it is rejected for.
        Monitor {
            device: "110109-X-1",
            numbered: true,
            fates: foreign,
            expected_a_day: [0; DAYS],
        },
    ]
}
