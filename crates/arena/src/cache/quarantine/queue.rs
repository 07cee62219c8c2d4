//! The queue of a quarantine: first in, first out.

use core::cell::Cell;

use crate::{cache::waiting::Waiting, thresholds::QUARANTINE_QUEUE};

/// One more place than blocks that may wait: the oldest leaves after the newest came.
const PLACES: usize = QUARANTINE_QUEUE + 1;

/// A ring of blocks. All zero is empty.
///
/// # Invariants
///
/// - [QUEUE-1: ring] The `count` places from `first` on, around the end, hold a block each; `count` is no more than there are
///   places, and `first` is one of them.
pub(super) struct Queue {
    places: [Cell<Waiting>; PLACES],
    first: Cell<usize>,
    count: Cell<usize>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.count.get()
    }

    /// Adds a block at the end. There is a place: whoever adds one has the oldest leave before the next.
    pub(super) fn push(&self, waiting: Waiting) {
        let (first, count) = (self.first.get(), self.count.get());
        self.places[(first + count) % PLACES].set(waiting);
        self.count.set(count + 1);
    }

    /// Takes the oldest.
    pub(super) fn pop(&self) -> Option<Waiting> {
        let (first, count) = (self.first.get(), self.count.get());
        self.count.set(count.checked_sub(1)?);
        self.first.set((first + 1) % PLACES);
        Some(self.places[first].get())
    }

    pub(super) fn forget(&self) {
        self.count.set(0);
    }

    /// The blocks, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Waiting> {
        let places = (self.first.get()..).take(self.count.get());
        places.map(|place| self.places[place % PLACES].get())
    }
}
