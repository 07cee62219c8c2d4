//! Visits: one use of a heap each, with a thread's stock of blocks, and the work that is left for afterwards.

use crate::{
    heap::{inbox::Batches, pools::Pools},
    plan::bins::Bin,
};

/// A thread's stock of free blocks, as a heap sees it.
pub(crate) trait Stock {
    /// Adds blocks of a bin, if there is room for all; returns whether there was.
    fn add_all(&self, bin: Bin, blocks: &[*mut u8]) -> bool;

    /// Adds blocks of a bin up to half of its stack, unless it holds half of that already: `take` returns how many of the
    /// slots it filled.
    fn fill(&self, bin: Bin, take: impl FnOnce(&mut [*mut u8]) -> usize);

    /// Gives the pools the blocks of the bins that share their partition with `busy` and weren't used since the last call.
    fn give_idle(&self, pools: &mut Pools, busy: Bin);

    /// Gives the pools the blocks of the bins that share their partition with `busy` and of which no block serves anything,
    /// so that their slabs' memory can serve `busy`.
    fn give_unused(&self, pools: &mut Pools, busy: Bin);
}

/// The work that a visit to a heap leaves, for the visiting thread once it holds no lock.
#[must_use = "spent batches have to be freed"]
pub(crate) struct Visit {
    /// Batches whose blocks were taken in; they are blocks themselves, and have to be freed.
    pub(crate) spent: Batches,
    /// Whether the process keeps too much memory that serves nothing, so that other heaps have to give some back.
    pub(crate) excess: bool,
    /// Whether the heap was abandoned, and this gave its last block back: nobody else touches it any more, and the
    /// visitor ends it.
    pub(crate) last: bool,
}

impl Visit {
    /// No work.
    pub(crate) const NONE: Self = Self::new(Batches::NONE, false);

    /// This work, of a heap that others have.
    pub(crate) const fn new(spent: Batches, excess: bool) -> Self {
        Self { spent, excess, last: false }
    }

    /// The work of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            spent: self.spent.and(other.spent),
            excess: self.excess | other.excess,
            last: self.last | other.last,
        }
    }
}
