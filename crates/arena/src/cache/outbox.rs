//! The outbox: batches in which a thread collects other heaps' blocks that it frees, handed over when full. It is that of
//! the thread's own cache, also while a watch stands in place of it: so batches aren't counted among the program's
//! allocations.

use crate::{
    books::{guard, owner::Owner},
    cache::{Cache, OUTBOX},
    heap::{
        Heap, Visit,
        inbox::{BATCH_SIZE, OwnedBatch},
    },
    plan::{
        bins::{BINS, Bin, bin_for},
        geometry::AREA_SHIFT,
    },
    thresholds::LEAVES_KEYS,
};

/// The bin of batches.
const BATCH_BIN: Bin = bin_for(BATCH_SIZE, 8).unwrap();

/// The place in the outbox for a heap's bin. Heaps of neighbouring areas lie 40 places apart, so that the small classes of
/// three don't meet.
#[inline]
fn outbox_place(owner: Owner, bin: Bin) -> usize {
    // A heap stands at the start of its area: the bits below the area's number are zero.
    ((owner.addr() >> (AREA_SHIFT - 3)).wrapping_mul(5) + bin.index()) % OUTBOX
}

// [CACHE-7: outbox] of one owner, a place is that of one bin.
const _: () = assert!(BINS <= OUTBOX);

impl Cache {
    /// Adds a block to the batch that is begun for its heap and bin; returns whether it did. There may be no such batch, or the
    /// block is one of the two that it got last, and one that would make it full is left to
    /// [`free_remote`](Self::free_remote).
    ///
    /// # Safety
    ///
    /// As for [`free_remote`](Self::free_remote).
    #[inline(always)]
    pub(crate) unsafe fn collect(&self, owner: Owner, bin: Bin, block: *mut u8) -> bool {
        // SAFETY: [CACHE-1: sole] only this thread is at its outbox, and nothing here reaches it again meanwhile.
        let batch = unsafe { &mut *self.outbox[outbox_place(owner, bin)].as_ptr() };
        let Some(batch) = batch else { return false };
        if !batch.is_for(owner) || LEAVES_KEYS && batch.may_have_got(block) {
            return false;
        }
        // SAFETY: the block lies in a slab of this bin and owner, and nobody uses it, by this function's contract;
        // [CACHE-7: outbox] a batch for the owner in this place is for the bin.
        unsafe { batch.add_unless_last(block) }
    }

    /// Whether a block of another heap is one of the two that the batch which is begun for it got last, so that it was freed
    /// already.
    pub(crate) fn collects(&self, owner: Owner, bin: Bin, block: *mut u8) -> bool {
        // SAFETY: [CACHE-1: sole] only this thread is at its outbox, and nothing here changes it.
        let batch = unsafe { &*self.outbox[outbox_place(owner, bin)].as_ptr() };
        batch.as_ref().is_some_and(|batch| {
            let may_have = LEAVES_KEYS && batch.is_for(owner) && batch.may_have_got(block);
            may_have && batch.blocks().contains(&block)
        })
    }

    /// Frees a block of another heap: adds it to a batch. Returns the work that visits to heaps leave, if there were any.
    ///
    /// # Safety
    ///
    /// The block lies in a slab of the bin of that heap, which is a thread's, and nobody uses it any more.
    #[inline(never)]
    pub(crate) unsafe fn free_remote(
        &self,
        owner: Owner,
        bin: Bin,
        block: *mut u8,
    ) -> Option<Visit> {
        let place = &self.outbox[outbox_place(owner, bin)];
        match place.take() {
            Some(mut batch) if batch.is_for(owner) => {
                // SAFETY: the block lies in a slab of this bin and owner, and nobody uses it, by this function's
                // contract; [CACHE-7: outbox] a batch for the owner in this place is for the bin.
                if unsafe { batch.add(block) } {
                    return self.send(batch);
                }
                place.set(Some(batch));
                None
            }
            begun => {
                let visit = begun.and_then(|batch| self.send(batch));
                // SAFETY: this function's contract is the same.
                both(visit, unsafe { self.begin_batch(owner, bin, block) })
            }
        }
    }

    /// Begins a batch with a block of another heap; gives the block back by itself if there is no memory for a batch.
    ///
    /// # Safety
    ///
    /// As for [`free_remote`](Self::free_remote).
    unsafe fn begin_batch(&self, owner: Owner, bin: Bin, block: *mut u8) -> Option<Visit> {
        let (space, visit) = self.pop_or_refill(BATCH_BIN);
        if guard::ON && !space.is_null() {
            guard::take_out(BATCH_BIN, space);
        }
        // SAFETY: `space` is null, or a block of that size, just allocated; `owner` is a thread's heap, by this
        // function's contract.
        let Some(mut batch) = (unsafe { OwnedBatch::init(space, owner, bin) }) else {
            // SAFETY: the owner is a thread's heap, which lives as long as the process; the block lies in a slab of its
            // bin, and nobody uses it, by this function's contract.
            let freed = unsafe { Heap::of(owner).free_alone(self.mark(), bin, block) };
            return both(visit, Some(freed));
        };
        // SAFETY: the block lies in a slab of this bin and owner, and nobody uses it, by this function's contract.
        unsafe { batch.add(block) };
        self.outbox[outbox_place(owner, bin)].set(Some(batch));
        visit
    }

    /// A block for a batch; null if memory is out.
    fn pop_or_refill(&self, bin: Bin) -> (*mut u8, Option<Visit>) {
        let block = self.pop(bin);
        if !block.is_null() {
            return (block, None);
        }
        let (block, visit) = self.refill(self.mark(), bin);
        (block, Some(visit))
    }

    fn send(&self, batch: OwnedBatch) -> Option<Visit> {
        Heap::deliver(self.mark(), batch)
    }

    /// Hands every batch over, however few blocks are in it.
    pub(crate) fn flush_outbox(&self) -> Visit {
        let mut visit = Visit::NONE;
        for place in &self.outbox {
            if let Some(sent) = place.take().and_then(|batch| self.send(batch)) {
                visit = sent.and(visit);
            }
        }
        visit
    }
}

/// The work that two steps leave, either of which may have visited no heap.
fn both(first: Option<Visit>, second: Option<Visit>) -> Option<Visit> {
    match (first, second) {
        (Some(first), Some(second)) => Some(first.and(second)),
        (first, second) => first.or(second),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::ptr::{NonNull, without_provenance_mut};
    use std::collections::BTreeSet;

    use super::*;

    /// The places of the first so many bins of a heap in this area.
    fn places(area: usize, bins: usize) -> impl Iterator<Item = usize> {
        let heap: *mut u8 = without_provenance_mut((area << AREA_SHIFT) + 4096);
        let owner = Owner::at(NonNull::new(heap).unwrap());
        Bin::all().take(bins).map(move |bin| outbox_place(owner, bin))
    }

    #[test]
    fn the_bins_of_a_heap_have_a_place_each_and_the_small_ones_of_three_heaps_too() {
        for area in 1..200 {
            let all: BTreeSet<_> = places(area, BINS).collect();
            assert_eq!(all.len(), BINS - 1);
            // To 1,024 bytes.
            let small: BTreeSet<_> = (area..area + 3).flat_map(|area| places(area, 40)).collect();
            assert_eq!(small.len(), 3 * 40);
        }
    }
}
