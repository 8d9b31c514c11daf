//! Promise: faults in any mixture, one after the other for as long as it takes, lose nothing and repeat nothing.
//!
//! A seed decides what fails and when: processes, broker, network, disks, the clock, with compaction and vacuum among
//! it. Every round has a load of its own and a day of its own, and the table of all rounds is audited from the outside. `make soak` runs it for minutes: `make soak MINUTES=60 SEED=7`.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use support::load::{Load, audit, place};
use support::mosquitto::{Memory, Mosquitto, free_port};
use support::process::Running;
use support::proxy::Proxy;
use support::random::Random;
use support::small_disk::SmallDisk;
use support::world::{World, confirmed};

/// Days of their own in a table; then a new one is begun.
const ROUNDS: u64 = 10;
const SLOW: u64 = 60_000;
/// Megabytes of the disks of journal and lake.
const DISKS: [u64; 2] = [16, 48];
/// Seconds that the clock is set to, from the right time: less than a day, so that no file gets old by it.
const CLOCKS: [i64; 5] = [0, 20 * 3600, 3600, -3600, -20 * 3600];
const COMPACT: &[&str] = &["lake", "compact", "--all"];
const VACUUM: &[&str] = &["lake", "vacuum", "--keep-days", "0"];

/// What can go wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    IngesterKilled,
    /// Stopped dead right after a commit, whose entry in the table's log is then torn.
    EntryTorn,
    BrokerKilled,
    AgentsKilled,
    ConnectionsCut,
    CutInAPacket,
    NetworkSlow,
    JournalDiskFull,
    LakeDiskFull,
    ClockSet,
    /// Not faults, but what goes on meanwhile.
    Compaction,
    Vacuum,
    /// Killed in the middle.
    CompactionKilled,
}

const FAULTS: [Fault; 13] = [
    Fault::IngesterKilled,
    Fault::EntryTorn,
    Fault::BrokerKilled,
    Fault::AgentsKilled,
    Fault::ConnectionsCut,
    Fault::CutInAPacket,
    Fault::NetworkSlow,
    Fault::JournalDiskFull,
    Fault::LakeDiskFull,
    Fault::ClockSet,
    Fault::Compaction,
    Fault::Vacuum,
    Fault::CompactionKilled,
];

/// Everything that runs, and can fail.
struct Stage {
    /// Unmounted before their folders go with the world.
    journal_disk: SmallDisk,
    lake_disk: SmallDisk,
    world: World,
    broker: Mosquitto,
    proxy: Proxy,
    ingest: Running,
    agents: Option<Running>,
}

impl Stage {
    fn new(random: &mut Random) -> Self {
        let mut place = place();
        let ack_after = ["journal", "lake"][usize::from(random.chance(50))];
        place.broker_keys += &format!("ack_after = \"{ack_after}\"");
        let memory = [Memory::OnDisk, Memory::None][usize::from(random.chance(50))];
        eprintln!("new table: ack_after = {ack_after}, memory of the broker: {memory:?}");
        place.journal_keys = "segment_bytes = 1048576".to_owned();
        let world = World::new(&place).with_clock();
        let [journal_disk, lake_disk] = [("journal", DISKS[0]), ("lake", DISKS[1])]
            .map(|(name, size)| SmallDisk::mount(&world.path(name), size));
        let port = free_port();
        let broker = Mosquitto::start(port, memory);
        let proxy = Proxy::start(world.port(), port);
        let ingest = world.start_ingest();
        Self {
            world,
            broker,
            proxy,
            ingest,
            agents: None,
            journal_disk,
            lake_disk,
        }
    }

    /// A load with faults in the middle of it, to its end.
    fn round(&mut self, load: Load, random: &mut Random) {
        self.start_agents(load);
        for _ in 0..random.between(2, 5) {
            std::thread::sleep(Duration::from_millis(random.between(200, 1500)));
            let fault = FAULTS[random.between(0, FAULTS.len() as u64) as usize];
            eprintln!("round {}: {fault:?}", load.round);
            self.fail(fault, load, random);
        }
        self.proxy.slow(None);
        let said = self.agents.take().unwrap().wait().ok();
        assert_eq!(confirmed(&said), load.observations, "{said}");
        assert!(!self.ingest.has_ended(), "it ended:\n{}", self.ingest.stderr());
    }

    fn start_agents(&mut self, load: Load) {
        self.agents = Some(load.spawn(&self.world, self.world.port()));
    }

    fn fail(&mut self, fault: Fault, load: Load, random: &mut Random) {
        match fault {
            Fault::IngesterKilled => self.replace_ingester(World::spawn_ingest),
            Fault::EntryTorn => self.tear_an_entry(random),
            Fault::BrokerKilled => {
                self.broker.kill();
                std::thread::sleep(Duration::from_millis(random.between(0, 800)));
                self.broker.restart();
            }
            Fault::AgentsKilled => {
                drop(self.agents.take().map(Running::kill));
                self.start_agents(load);
            }
            Fault::ConnectionsCut => self.proxy.cut(),
            Fault::CutInAPacket => self.proxy.cut_after(random.between(1, 50_000)),
            Fault::NetworkSlow => self.proxy.slow(Some(SLOW)),
            Fault::JournalDiskFull => self.fill(&self.journal_disk, "journal disk is full"),
            Fault::LakeDiskFull => self.fill(&self.lake_disk, "commit failed, trying again"),
            Fault::ClockSet => {
                let clock = CLOCKS[random.between(0, CLOCKS.len() as u64) as usize];
                eprintln!("clock: {clock} s");
                self.world.set_clock(clock);
            }
            Fault::Compaction => self.look_after_the_table(COMPACT),
            Fault::Vacuum => self.look_after_the_table(VACUUM),
            Fault::CompactionKilled => {
                let compaction = self.world.spawn_dustwatch(COMPACT);
                std::thread::sleep(Duration::from_millis(random.between(0, 300)));
                drop(compaction.kill());
            }
        }
    }

    /// Fills a disk until the ingester says so, if it comes to that, and frees it.
    fn fill(&self, disk: &SmallDisk, complaint: &str) {
        let complaints = || self.ingest.stderr().matches(complaint).count();
        let (before, since) = (complaints(), Instant::now());
        disk.fill();
        // An ingester that is out of the broker's reach has nothing to complain of.
        while complaints() == before && since.elapsed() < Duration::from_secs(4) {
            std::thread::sleep(Duration::from_millis(10));
        }
        disk.free();
    }

    /// By hand, while the ingester goes on; it must have started, since it mends a torn table.
    fn look_after_the_table(&mut self, command: &[&str]) {
        support::world::wait_until_ready(&mut self.ingest);
        self.world.dustwatch(command).ok();
    }

    fn replace_ingester(&mut self, spawn: impl Fn(&World) -> Running) {
        if !self.ingest.has_ended() {
            self.ingest.signal("KILL");
        }
        let since = Instant::now();
        while !self.ingest.has_ended() {
            assert!(
                since.elapsed() < Duration::from_secs(20),
                "SIGKILL ends a process"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        self.ingest = spawn(&self.world);
    }

    fn tear_an_entry(&mut self, random: &mut Random) {
        self.replace_ingester(|world| world.spawn_failing_ingest("observations_committed:1"));
        // With nothing to commit it lives on, and is killed with its table whole.
        let since = Instant::now();
        while !self.ingest.has_ended() && since.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if self.ingest.has_ended() {
            let entry = self.world.newest_entry();
            let bytes = std::fs::read(&entry).unwrap();
            let mut kept = random.between(0, bytes.len() as u64);
            // Cut exactly between two lines it would look whole.
            while kept > 0 && [bytes[kept as usize], bytes[kept as usize - 1]].contains(&b'\n') {
                kept -= 1;
            }
            eprintln!("{} cut to {kept} of {} bytes", entry.display(), bytes.len());
            let file = std::fs::OpenOptions::new().write(true).open(entry).unwrap();
            file.set_len(kept).unwrap();
        }
        self.replace_ingester(World::spawn_ingest);
    }

    fn finish(self, loads: &[Load]) {
        let mut ingest = self.ingest;
        support::world::wait_until_ready(&mut ingest);
        ingest.terminate().ok();
        audit(&self.world, loads);
        self.world.dustwatch(COMPACT).ok();
        self.world.dustwatch(&["lake", "verify"]).ok();
        audit(&self.world, loads);
        eprintln!("{} rounds audited", loads.len());
    }
}

/// `DUSTWATCH_SOAK_MINUTES` says how long; without it, one short table.
#[test]
fn faults_in_any_mixture() {
    let minutes = std::env::var("DUSTWATCH_SOAK_MINUTES").map_or(0, |text| text.parse().unwrap());
    let rounds = if minutes == 0 { 2 } else { ROUNDS };
    let end = Instant::now() + Duration::from_secs(60 * minutes);
    let mut random = Random::printed();
    loop {
        let mut stage = Stage::new(&mut random);
        let mut loads = Vec::new();
        for round in 0..rounds {
            let load = Load {
                round,
                observations: random.between(1500, 4000),
                batch: random.between(1, 6),
                rate: random.between(200, 600),
            };
            stage.round(load, &mut random);
            loads.push(load);
        }
        stage.finish(&loads);
        if Instant::now() >= end {
            return;
        }
    }
}
