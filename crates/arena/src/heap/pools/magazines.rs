//! Magazines: batches of blocks that other threads freed, kept as they came for the next refill of their bin.
//!
//! To the bit maps their blocks are in use, as those in a thread's stock are: neither giving them back nor taking them
//! again costs anything.

use crate::{
    heap::{
        inbox::{Batch, Batches},
        pools::Pools,
    },
    plan::bins::{BINS, Bin},
    policy,
};

/// What a heap has of them. All zero is none.
///
/// # Invariants
///
/// - [MAGAZINES-1: own] The batches of `ready` are the heap's, out of its inbox; each is for the bin that it is listed
///   at.
/// - [MAGAZINES-2: bytes] `bytes` is what their blocks have.
pub(crate) struct Magazines {
    ready: [Batches; BINS],
    bytes: usize,
}

impl Magazines {
    /// Keeps a batch out of the heap's inbox; returns whether it did: not where they would be too many, or a stock
    /// could never take it.
    pub(crate) fn keep(&mut self, batch: *mut Batch) -> bool {
        // SAFETY: a batch out of the inbox is the taker's.
        let content = unsafe { &*batch };
        let more = content.bytes();
        let fits = policy::may_keep_ready(self.bytes + more)
            && content.blocks().len() <= content.bin().shape().stack as usize;
        if fits {
            self.bytes += more;
            self.ready[content.bin().index()].push(batch);
        }
        fits
    }

    fn take(&mut self, bin: Bin) -> Option<*mut Batch> {
        let batch = self.ready[bin.index()].next()?;
        // SAFETY: [MAGAZINES-1] it is the heap's.
        self.bytes -= unsafe { (*batch).bytes() };
        Some(batch)
    }
}

impl Pools {
    /// Lets the caller `stow` the blocks of a bin's magazines, until he says that there was no room. The batches that
    /// come back are his to free.
    pub(crate) fn load(&mut self, bin: Bin, stow: impl Fn(&[*mut u8]) -> bool) -> Batches {
        let mut spent = Batches::NONE;
        while let Some(batch) = self.magazines.take(bin) {
            // SAFETY: [MAGAZINES-1] it was the heap's, and is the caller's now.
            if !stow(unsafe { (*batch).blocks() }) {
                self.magazines.keep(batch);
                break;
            }
            spent.push(batch);
        }
        spent
    }

    /// Takes the blocks of all magazines in. The batches that come back are the caller's to free.
    pub(crate) fn empty_magazines(&mut self) -> Batches {
        let mut spent = Batches::NONE;
        if self.magazines.bytes == 0 {
            return spent;
        }
        for bin in Bin::all() {
            while let Some(batch) = self.magazines.take(bin) {
                // SAFETY: [MAGAZINES-1] it was the heap's; [BATCH-1: blocks] of the batch.
                unsafe { self.give(bin, (*batch).blocks()) };
                spent.push(batch);
            }
        }
        spent
    }
}
