//! What the writing side lets the reading side know, across threads.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Position;

/// What a journal tells its readers.
#[derive(Debug)]
pub(crate) struct Progress {
    durable: AtomicU64,
    cut: AtomicU64,
}

impl Progress {
    pub(crate) fn new(durable: Position, cut: Position) -> Progress {
        Progress {
            durable: AtomicU64::new(durable.get()),
            cut: AtomicU64::new(cut.get()),
        }
    }

    pub(crate) fn durable(&self) -> Position {
        Position::new(self.durable.load(Ordering::Acquire))
    }

    pub(crate) fn set_durable(&self, position: Position) {
        self.durable.store(position.get(), Ordering::Release);
    }

    pub(crate) fn cut(&self) -> Position {
        Position::new(self.cut.load(Ordering::Acquire))
    }

    pub(crate) fn set_cut(&self, position: Position) {
        self.cut.store(position.get(), Ordering::Release);
    }
}
