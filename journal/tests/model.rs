//! Random lives of a journal, with every kind of death, compared with a plain vector.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use dustwatch_journal::storage::{FaultyStorage, Storage};
use dustwatch_journal::{
    AppendError, Journal, JournalOptions, OnDamage, Position, Reader, Recovery, SyncError,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Append {
        bytes: usize,
    },
    Sync,
    /// Up to this share of what was appended.
    Truncate {
        percent: u64,
    },
    Read {
        records: usize,
    },
    /// Closed in good order, but without a sync.
    Reopen,
    Kill,
    LosePower {
        seed: u64,
    },
    /// In the middle of something, soon.
    LosePowerAfter {
        operations: u32,
        seed: u64,
    },
    /// The next sync fails.
    FailSync,
    /// So many bytes are left on the disk.
    Fill {
        spare: u64,
    },
    MakeRoom,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0..260_usize).prop_map(|bytes| Step::Append { bytes }),
        6 => Just(Step::Sync),
        2 => (0..=100_u64).prop_map(|percent| Step::Truncate { percent }),
        2 => (0..9_usize).prop_map(|records| Step::Read { records }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
        2 => any::<u64>().prop_map(|seed| Step::LosePower { seed }),
        3 => (0..9_u32, any::<u64>()).prop_map(|(operations, seed)| Step::LosePowerAfter { operations, seed }),
        1 => Just(Step::FailSync),
        1 => (0..300_u64).prop_map(|spare| Step::Fill { spare }),
        2 => Just(Step::MakeRoom),
    ];
    prop::collection::vec(step, 1..80)
}

struct World {
    disk: FaultyStorage,
    options: JournalOptions,
    journal: Option<Journal>,
    reader: Option<Reader>,
    /// All records ever appended and not known to be lost; the first has position 1.
    records: Vec<Vec<u8>>,
    durable: u64,
    cut: u64,
    durable_cut: u64,
    id: String,
    appended: u64,
    deaths: u64,
}

impl World {
    fn new(segment_bytes: u64) -> World {
        let options = JournalOptions {
            segment_bytes,
            max_record_bytes: 1000,
            on_damage: OnDamage::Refuse,
        };
        let disk = FaultyStorage::new();
        let mut world = World {
            disk,
            options,
            journal: None,
            reader: None,
            records: Vec::new(),
            durable: 0,
            cut: 0,
            durable_cut: 0,
            id: String::new(),
            appended: 0,
            deaths: 0,
        };
        world.open();
        world.id = world.journal().id().to_owned();
        world
    }

    fn journal(&mut self) -> &mut Journal {
        self.journal.as_mut().unwrap()
    }

    fn last(&self) -> u64 {
        self.records.len() as u64
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Append { bytes } => self.append(bytes),
            Step::Sync => self.sync(),
            Step::Truncate { percent } => self.truncate(self.last() * percent / 100),
            Step::Read { records } => self.read(records),
            Step::Reopen => self.reopen(),
            Step::Kill => {
                self.disk.kill();
                self.reopen();
            }
            Step::LosePower { seed } => {
                self.disk.lose_power(seed);
                self.reopen();
            }
            Step::LosePowerAfter { operations, seed } => self.disk.lose_power_after(operations, seed),
            Step::FailSync => self.disk.fail_syncs(1),
            Step::Fill { spare } => {
                let bytes = self.journal().bytes();
                self.disk.set_capacity(Some(bytes + spare));
            }
            Step::MakeRoom => self.disk.set_capacity(None),
        }
        if self.disk.deaths() > self.deaths {
            self.reopen();
        }
        let journal = self.journal.as_ref().unwrap();
        assert_eq!(
            (journal.last().get(), journal.cut().get()),
            (self.last(), self.cut)
        );
        assert!(journal.durable().get() >= self.durable);
        self.durable = journal.durable().get();
    }

    fn append(&mut self, bytes: usize) {
        self.appended += 1;
        let record: Vec<u8> = self
            .appended
            .to_le_bytes()
            .into_iter()
            .cycle()
            .take(bytes)
            .collect();
        match self.journal().append(&record) {
            Ok(position) => {
                self.records.push(record);
                assert_eq!(position.get(), self.last());
            }
            Err(AppendError::Full(_)) => {}
            Err(AppendError::Io(_) | AppendError::Poisoned { .. }) => self.reopen(),
            Err(error @ AppendError::TooLarge { .. }) => panic!("{error}"),
        }
    }

    fn sync(&mut self) {
        match self.journal().sync() {
            Ok(position) => {
                assert_eq!(position.get(), self.last());
                (self.durable, self.durable_cut) = (self.last(), self.cut);
            }
            Err(SyncError::Full(_)) => {}
            Err(SyncError::Io(_) | SyncError::Poisoned { .. }) => self.reopen(),
        }
    }

    fn truncate(&mut self, up_to: u64) {
        // A segment that could not be removed durably is tried again by the next truncation.
        let _ = self.journal().truncate(Position::new(up_to));
        self.cut = self.cut.max(up_to);
    }

    /// A reader that lives as long as its journal gets what is durable, in order, without holes.
    fn read(&mut self, records: usize) {
        let reader = self.reader.as_mut().unwrap();
        for _ in 0..records {
            let due = reader.position().get().max(self.cut) + 1;
            let Some(record) = reader.next().unwrap() else {
                assert!(due > self.durable);
                return;
            };
            assert_eq!(record.position.get(), due);
            assert!(due <= self.durable);
            assert_eq!(record.bytes, self.records[due as usize - 1]);
        }
    }

    fn open(&mut self) -> Recovery {
        self.disk.set_capacity(None);
        let storage: Arc<dyn Storage> = Arc::new(self.disk.clone());
        // A failing sync and a failing power supply may hit the opening itself: then it is done again.
        let open = || Journal::open_on(storage.clone(), self.options);
        let (journal, recovery) = open().or_else(|_| open()).or_else(|_| open()).unwrap();
        self.reader = Some(journal.reader(Position::ZERO));
        self.journal = Some(journal);
        self.deaths = self.disk.deaths();
        recovery
    }

    fn reopen(&mut self) {
        self.journal = None;
        let recovery = self.open();
        let (last, cut) = (recovery.last.get(), recovery.cut.get());
        assert!(
            (self.durable..=self.last()).contains(&last),
            "{recovery:?}, durable {}",
            self.durable
        );
        assert!(
            (self.durable_cut..=self.cut).contains(&cut),
            "{recovery:?}, cut {}",
            self.durable_cut
        );
        assert_eq!((recovery.records, recovery.damaged.len()), (last - cut, 0));
        let id = self.journal().id().to_owned();
        assert_eq!(id, self.id);
        self.records.truncate(last as usize);
        (self.durable, self.cut, self.durable_cut) = (last, cut, cut);
        self.read(usize::MAX);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_is_a_vector_that_survives(steps in steps(), segment_bytes in 50..1200_u64) {
        let mut world = World::new(segment_bytes);
        for step in &steps {
            world.step(step);
        }
        world.reopen();
    }
}
