//! Frees of other heaps' blocks: collected in batches, a few at a time, and handed over when full.

use core::ptr::null_mut;

use super::{Cache, OUTBOX, free_alone};
use crate::{
    batch::{BATCH_SIZE, Batch, Batches},
    bins::bin_for,
    geometry::AREA_SHIFT,
    heap::Heap,
};

/// The bin of batches.
const BATCH_BIN: usize = bin_for(BATCH_SIZE, 8).unwrap();

/// Where batches for a heap's bin are collected.
#[inline]
fn outbox_place(heap: &Heap, bin: usize) -> usize {
    ((core::ptr::from_ref(heap).addr() >> AREA_SHIFT).wrapping_mul(5) + bin) % OUTBOX
}

impl Cache {
    /// Frees a block of another heap: notes it in a batch.
    ///
    /// # Safety
    ///
    /// It lies in a slab of the bin of that heap, and nobody uses it any more.
    #[inline(never)]
    pub(crate) unsafe fn free_remote(&self, heap: &'static Heap, bin: usize, block: *mut u8) {
        let place = &self.outbox[outbox_place(heap, bin)];
        // SAFETY: a batch in the outbox is this thread's.
        if let Some(batch) = unsafe { place.get().as_mut() } {
            if batch.is_for(heap, bin) {
                if batch.add(block) {
                    place.set(null_mut());
                    self.send(batch);
                }
                return;
            }
            place.set(null_mut());
            self.send(batch);
        }
        let space = self.pop_or_refill(BATCH_BIN);
        if space.is_null() {
            // No memory for a batch: give this one block back by itself.
            // SAFETY: the caller's promise.
            return unsafe { free_alone(heap, self.mark(), bin, block) };
        }
        // SAFETY: a block of that size, just allocated.
        let batch = unsafe { &mut *Batch::init(space, heap, bin) };
        batch.add(block);
        place.set(batch);
    }

    fn pop_or_refill(&self, bin: usize) -> *mut u8 {
        let block = self.pop(bin);
        if block.is_null() { self.refill(bin) } else { block }
    }

    fn send(&self, batch: &mut Batch) {
        let heap = batch.heap();
        // SAFETY: the batch is this thread's, and out of its outbox.
        if let Some(spent) = unsafe { heap.deliver(self.mark(), batch) } {
            self.free_batches(spent);
        }
    }

    /// Frees batches whose blocks were taken in.
    pub(crate) fn free_batches(&self, spent: Batches) {
        for batch in spent {
            // SAFETY: a batch is a block of ours, and what came back is nobody's [B1: blocks].
            unsafe { crate::global::free_with(self, batch.cast()) };
        }
    }

    /// Sends every batch, however few blocks are in it.
    pub(crate) fn flush_outbox(&self) {
        for place in &self.outbox {
            // SAFETY: a batch in the outbox is this thread's.
            if let Some(batch) = unsafe { place.replace(null_mut()).as_mut() } {
                self.send(batch);
            }
        }
    }
}
