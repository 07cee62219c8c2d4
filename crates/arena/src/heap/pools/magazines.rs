//! Magazines: batches of blocks that other threads freed, kept as they came for the next refill of their bin.
//!
//! To the bit maps their blocks are in use, as those in a thread's stock are. So neither giving them back nor taking them
//! again costs anything.

use crate::{
    books::broken::{Broken, expect},
    heap::{
        inbox::{Batches, OwnedBatch},
        pools::Pools,
    },
    plan::bins::{BINS, Bin},
    policy,
};

/// The magazines of a heap. All zero is none.
///
/// # Invariants
///
/// - [MAGAZINES-1: heap] The batches of `ready` are for the heap whose magazines these are; each is for the bin that it is
///   listed at.
/// - [MAGAZINES-2: bytes] `bytes` is the sum of the bytes of their blocks.
pub(crate) struct Magazines {
    ready: [Batches; BINS],
    bytes: usize,
}

impl Magazines {
    /// Keeps a batch as a magazine; returns it where there would be too many, or no stock has room for its blocks.
    ///
    /// # Safety
    ///
    /// The batch is for the heap whose magazines these are.
    pub(crate) unsafe fn keep(&mut self, batch: OwnedBatch) -> Result<(), OwnedBatch> {
        let more = batch.bytes();
        let fits = policy::may_keep_ready(self.bytes + more)
            && batch.blocks().len() <= batch.bin().shape().stack as usize;
        if !fits {
            return Err(batch);
        }
        self.put(batch);
        Ok(())
    }

    fn put(&mut self, batch: OwnedBatch) {
        self.bytes += batch.bytes();
        self.ready[batch.bin().index()].push(batch);
    }

    fn take(&mut self, bin: Bin) -> Option<OwnedBatch> {
        let batch = self.ready[bin.index()].next()?;
        self.bytes -= batch.bytes();
        Some(batch)
    }

    /// Checks that each is listed at its bin, and the sum of their bytes. O(magazines).
    pub(super) fn validate(&self) -> Result<(), Broken> {
        let mut bytes = 0;
        for bin in Bin::all() {
            for batch in self.ready[bin.index()].iter() {
                expect(batch.bin() == bin, "MAGAZINES-1: heap")?;
                bytes += batch.bytes();
            }
        }
        expect(bytes == self.bytes, "MAGAZINES-2: bytes")
    }
}

impl Pools {
    /// Offers the blocks of a bin's magazines to `add_all`, one magazine after another, until it returns false; returns
    /// the batches of those that it took.
    pub(crate) fn load(&mut self, bin: Bin, add_all: impl Fn(&[*mut u8]) -> bool) -> Batches {
        let mut spent = Batches::NONE;
        while let Some(batch) = self.magazines.take(bin) {
            if !add_all(batch.blocks()) {
                self.magazines.put(batch);
                break;
            }
            spent.push(batch);
        }
        spent
    }

    /// Gives the blocks of all magazines to the slabs; returns their batches.
    pub(crate) fn empty_magazines(&mut self) -> Batches {
        let mut spent = Batches::NONE;
        if self.magazines.bytes == 0 {
            return spent;
        }
        for bin in Bin::all() {
            while let Some(batch) = self.magazines.take(bin) {
                // SAFETY: [MAGAZINES-1: heap] the batch is for this heap and bin; [BATCH-1: blocks] its blocks lie in
                // slabs of these.
                unsafe { self.give(bin, batch.blocks()) };
                spent.push(batch);
            }
        }
        spent
    }
}
