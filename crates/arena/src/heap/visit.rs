//! One use of a heap: what it takes a thread's stock for, and what it leaves to the visitor.

use crate::{
    heap::{inbox::Batches, pools::Pools},
    plan::bins::Bin,
};

/// A thread's stock of free blocks, as a heap sees it.
pub(crate) trait Stock {
    /// Adds blocks of a bin, if there is room for all; returns whether there was.
    fn stow(&self, bin: Bin, blocks: &[*mut u8]) -> bool;

    /// Adds blocks of a bin up to half of what there is room for, unless it holds half of that: `take` returns
    /// how many of the slots it filled.
    fn fill(&self, bin: Bin, take: impl FnOnce(&mut [*mut u8]) -> usize);

    /// Gives the pools what bins hold that share their partition with `busy`, and weren't used since the last
    /// time.
    fn give_idle(&self, pools: &mut Pools, busy: Bin);
}

/// What a visit to a heap leaves to the visitor, once he holds no lock.
#[must_use = "spent batches have to be freed"]
pub(crate) struct Visit {
    /// Batches whose blocks were taken in.
    pub(crate) spent: Batches,
    /// Whether the process has too much memory that serves nothing, so that other heaps are to be asked.
    pub(crate) excess: bool,
}

impl Visit {
    /// Nothing.
    pub(crate) const NONE: Self = Self { spent: Batches::NONE, excess: false };

    /// What both leave.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { spent: self.spent.and(other.spent), excess: self.excess | other.excess }
    }
}
