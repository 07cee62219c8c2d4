//! Frees of other heaps' blocks: collected in batches, a few at a time, and handed over when full.

use core::ptr::null_mut;

use crate::{
    books::owner::Owner,
    cache::{Cache, OUTBOX, watch::Watch},
    heap::{
        Heap, Visit,
        inbox::{BATCH_SIZE, Batch},
    },
    plan::{
        bins::{Bin, bin_for},
        geometry::AREA_SHIFT,
    },
};

/// The bin of batches.
const BATCH_BIN: Bin = bin_for(BATCH_SIZE, 8).unwrap();

/// Where batches for a heap's bin are collected.
#[inline]
fn outbox_place(owner: Owner, bin: Bin) -> usize {
    ((owner.addr() >> AREA_SHIFT).wrapping_mul(5) + bin.index()) % OUTBOX
}

impl Cache {
    /// Notes a block in the batch that is begun for its heap and bin; returns whether it did: there may be no such
    /// batch, and a block that makes it full is left to [`free_remote`](Self::free_remote).
    ///
    /// # Safety
    ///
    /// As for [`free_remote`](Self::free_remote).
    #[inline(always)]
    pub(crate) unsafe fn collect(&self, owner: Owner, bin: Bin, block: *mut u8) -> bool {
        // SAFETY: a batch in the outbox is this thread's.
        let batch = unsafe { self.outbox[outbox_place(owner, bin)].get().as_mut() };
        batch.is_some_and(|batch| batch.is_for(owner, bin) && batch.add_unless_last(block))
    }

    /// Frees a block of another heap: notes it in a batch. Returns what visits to heaps leave, if there were any.
    ///
    /// # Safety
    ///
    /// It lies in a slab of the bin of that heap, and nobody uses it any more.
    #[inline(never)]
    pub(crate) unsafe fn free_remote(
        &self,
        owner: Owner,
        bin: Bin,
        block: *mut u8,
    ) -> Option<Visit> {
        let place = &self.outbox[outbox_place(owner, bin)];
        let mut visit = None;
        // SAFETY: a batch in the outbox is this thread's.
        if let Some(batch) = unsafe { place.get().as_mut() } {
            if batch.is_for(owner, bin) {
                return if batch.add(block) {
                    place.set(null_mut());
                    self.send(batch)
                } else {
                    None
                };
            }
            place.set(null_mut());
            visit = self.send(batch);
        }
        let (space, refilled) = self.pop_or_refill(BATCH_BIN);
        let visit = both(visit, refilled);
        if space.is_null() {
            // No memory for a batch: give this one block back by itself.
            // SAFETY: the owner of a thread's blocks, which lives as long as the process; the caller's promise.
            let freed = unsafe { Heap::of(owner).free_alone(self.mark(), bin, block) };
            return both(visit, Some(freed));
        }
        // SAFETY: a block of that size, just allocated.
        let batch = unsafe { &mut *Batch::init(space, owner, bin) };
        batch.add(block);
        place.set(batch);
        visit
    }

    fn pop_or_refill(&self, bin: Bin) -> (*mut u8, Option<Visit>) {
        // Not counted among what the program allocates.
        let stock = self.watch().and_then(Watch::under).unwrap_or(self);
        let block = stock.pop(bin);
        if !block.is_null() {
            return (block, None);
        }
        let (block, visit) = stock.refill(self.mark(), bin);
        (block, Some(visit))
    }

    fn send(&self, batch: &mut Batch) -> Option<Visit> {
        // SAFETY: batches are for threads' heaps, which live as long as the process; this one is the thread's,
        // and out of its outbox.
        unsafe { Heap::of(batch.owner()).deliver(self.mark(), batch) }
    }

    /// Sends every batch, however few blocks are in it.
    pub(crate) fn flush_outbox(&self) -> Visit {
        let mut visit = Visit::NONE;
        for place in &self.outbox {
            // SAFETY: a batch in the outbox is this thread's.
            let batch = unsafe { place.replace(null_mut()).as_mut() };
            if let Some(sent) = batch.and_then(|batch| self.send(batch)) {
                visit = sent.and(visit);
            }
        }
        visit
    }
}

/// What two steps leave, either of which may have visited no heap.
fn both(first: Option<Visit>, second: Option<Visit>) -> Option<Visit> {
    match (first, second) {
        (Some(first), Some(second)) => Some(first.and(second)),
        (first, second) => first.or(second),
    }
}
