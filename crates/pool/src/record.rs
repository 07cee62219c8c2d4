//! The state of one pool, as it stands in the heap.

use core::cell::Cell;

use crate::{
    Mode, Word,
    mode::{Guard, Spill, Tally},
};

/// The state of one pool.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Record<M: Mode> {
    /// The first byte of its part of the heap; the next record has the end of it.
    pub(crate) low: M::Word,
    /// The size of its blocks.
    pub(crate) size: M::Word,
    /// The link to the first free block, or zero. In a tiny pool always zero.
    pub(crate) free: Cell<M::Word>,
    /// What was handed out at least once, from the part's end down: blocks where there are live
    /// bits, else bytes. All below was never touched. In a tiny pool always zero, so that whatever
    /// asks for its blocks takes the slow way, to [`crate::tiny`].
    pub(crate) fresh: Cell<M::Word>,
    pub(crate) guard: M::Guard<M::Word>,
    pub(crate) tally: M::Tally<M::Word>,
    pub(crate) spill: M::Spill<M::Word>,
}

impl<M: Mode> Record<M> {
    /// Of a pool that was never used: its part of the heap begins at `low`, its blocks are of `size` bytes.
    pub(crate) fn new(low: usize, size: usize) -> Self {
        let size = M::Word::wrap(size);
        Self {
            low: M::Word::wrap(low),
            size,
            free: Cell::new(M::Word::wrap(0)),
            fresh: Cell::new(M::Word::wrap(0)),
            guard: M::Guard::new(size),
            tally: M::Tally::new(),
            spill: M::Spill::new(),
        }
    }
}
