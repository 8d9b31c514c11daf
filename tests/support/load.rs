//! A load of known size, and the audit of what became of it.
//!
//! Invented monitors publish with `dustwatch-edge simulate`. The same round sent once more, by an agent that was killed,
//! says the same: its epoch, its numbers and its times are those of the round.

use std::collections::{BTreeMap, BTreeSet};

use super::parquet_reader::DeltaLog;
use super::process::Running;
use super::world::{Place, World};

const DEVICES: u64 = 4;
/// A monitor that the agents have and the ingester does not know: what it says is rejected.
const STRANGER: &str = "110109-DY-9999";

/// One round: a day of its own, and the next ones if it has more than a day's observations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Number of the round, 0 to 9.
    pub(crate) round: u64,
    pub(crate) observations: u64,
    /// Observations of a message.
    pub(crate) batch: u64,
    /// Messages a second.
    pub(crate) rate: u64,
}

impl Load {
    fn epoch(self) -> String {
        format!("round-{}", self.round)
    }

    /// Starts the agents, which reach the broker at a port.
    pub(crate) fn spawn(self, world: &World, port: u16) -> Running {
        let Self {
            round,
            observations,
            batch,
            rate,
        } = self;
        let days = observations.div_ceil((DEVICES + 1) * 1440);
        let settings = "[district]\ncode = \"110109\"\nname = \"某区\"\ntownships = \"townships.csv\"\n\
                        stations = \"agents.csv\"\n";
        let known = std::fs::read_to_string(world.path("stations.csv")).expect("a file can be read");
        world.write(
            "agents.csv",
            &format!("{known}{STRANGER},外来,township,110109001,1m\n"),
        );
        let config = world.write("agents.toml", settings).display().to_string();
        let more = format!(
            "--broker mqtt://127.0.0.1:{port} --no-troubles --days {days} --start 2019-08-1{round} --seed 7 \
             --count {observations} --batch {batch} --rate {rate} --resend-after 2s --epoch {}",
            self.epoch()
        );
        let arguments: Vec<&str> = ["simulate", "--config", &config]
            .into_iter()
            .chain(more.split_whitespace())
            .collect();
        world.spawn_edge(&arguments, None)
    }
}

/// The monitors that the ingester knows. What the stranger says is kept, however much it is: it is counted afterwards.
pub(crate) fn place() -> Place {
    let mut place = Place::new("110109").township("110109001", "大峪街道");
    place.broker_keys =
        "rejects_per_device_per_hour = 1000000\nreject_bytes_per_device_per_hour = 1000000000\n".to_owned();
    (0..DEVICES).fold(place, |place, number| {
        place.station(&format!("110109-DY-{number:04}"), "township", "110109001", "1m")
    })
}

/// Everything that was confirmed is in the table once, physically: each device has the numbers from 1 on without a gap,
/// and with what the stranger said, which is among the rejections, they are as many as were sent.
#[track_caller]
pub(crate) fn audit(world: &World, loads: &[Load]) {
    let mut numbers: BTreeMap<(String, String), BTreeSet<u64>> = BTreeMap::new();
    let mut rows = 0;
    for ((device, _), stored) in DeltaLog::read(&world.lake().join("observations")).observations() {
        let epoch = stored.epoch.expect("an agent names its epoch");
        let seq = stored.seq.and_then(|seq| u64::try_from(seq).ok());
        let seqs = numbers.entry((epoch, device)).or_default();
        seqs.insert(seq.expect("an agent numbers"));
        rows += 1;
    }
    assert_eq!(
        numbers.values().map(BTreeSet::len).sum::<usize>(),
        rows,
        "a number was given to two observations"
    );
    for payload in DeltaLog::read(&world.lake().join("rejected")).payloads() {
        let (epoch, seqs) = numbers_of(&payload);
        let device = STRANGER.to_owned();
        numbers.entry((epoch, device)).or_default().extend(seqs);
    }
    for load in loads {
        let of_round = numbers.iter().filter(|((epoch, _), _)| *epoch == load.epoch());
        let mut count = 0;
        for ((_, device), seqs) in of_round {
            let expected: BTreeSet<u64> = (1..=seqs.len() as u64).collect();
            assert_eq!(*seqs, expected, "numbers of {device} in {load:?}");
            count += seqs.len() as u64;
        }
        assert_eq!(count, load.observations, "observations of {load:?}");
    }
    assert_eq!(
        numbers
            .keys()
            .map(|(epoch, _)| epoch)
            .collect::<BTreeSet<_>>()
            .len(),
        loads.len(),
        "rounds in the table"
    );
}

/// Epoch and numbers of a rejected message of the stranger.
fn numbers_of(payload: &[u8]) -> (String, Vec<u64>) {
    let message: serde_json::Value = serde_json::from_slice(payload).expect("an agent sends JSON");
    let one = message["seq"].as_u64();
    let many = message["obs"].as_array().into_iter().flatten();
    let seqs = one.into_iter().chain(many.filter_map(|o| o["seq"].as_u64()));
    let epoch = message["epoch"].as_str().expect("an agent names its epoch");
    (epoch.to_owned(), seqs.collect())
}
