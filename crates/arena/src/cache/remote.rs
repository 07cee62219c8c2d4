//! Frees of other heaps' blocks: the thread collects them in its outbox, and hands full batches over.
//!
//! The outbox is that of the thread's own cache, also while a watch stands in place of it: so batches aren't counted among
//! the program's allocations.

use crate::{
    books::{area::Area, guard, owner::Owner},
    cache::{
        Cache,
        outbox::{BATCH_BIN, KNOWN, PLACES, place_of},
    },
    heap::{Heap, Visit, inbox::OwnedBatch},
    plan::{
        bins::Bin,
        geometry::{TILE_SHIFT, TILES, area_with_slab, window_of},
    },
    thresholds::LEAVES_KEYS,
};

impl Cache {
    /// The bin of a block in another heap's area that this outbox knows; `None` elsewhere, and where no block starts.
    #[inline(always)]
    pub(crate) fn remote_bin(&self, block: *mut u8) -> Option<Bin> {
        let area = area_with_slab(block);
        if self.outbox.known[window_of(block) % KNOWN].get() != area {
            return None;
        }
        // SAFETY: [OUTBOX-1: known] an area starts there, which stays, and has so many tiles.
        let bin = unsafe { Area::bin_at(area, (block.addr() >> TILE_SHIFT) % TILES) };
        bin.shape_at(block).is_start(block).then_some(bin)
    }

    /// Adds a block to the batch that is begun for its area and bin; returns whether it did. There may be no such batch, or the
    /// block is one of the two that it got last, and one that would make it full is left to
    /// [`free_remote`](Self::free_remote).
    ///
    /// # Safety
    ///
    /// As for [`free_remote`](Self::free_remote); the outbox knows the area.
    #[inline(always)]
    pub(crate) unsafe fn collect(&self, bin: Bin, block: *mut u8) -> bool {
        let window = window_of(block);
        let place = place_of(window, bin);
        if !self.outbox.is_for(place, window) {
            return false;
        }
        let batch = self.outbox.batches[place].get();
        // SAFETY: [OUTBOX-2: places] a batch for the area in this place is for the bin, and [CACHE-1: sole] the thread's own. The
        // block lies in a slab of this bin and area, and nobody uses it, by this function's contract.
        unsafe {
            if LEAVES_KEYS && batch.may_have_got(block) || !batch.has_room() {
                return false;
            }
            self.outbox.batches[place].set(batch.with(block));
        }
        true
    }

    /// Whether a block of another heap is one of the two that the batch which is begun for it got last, so that it was freed
    /// already.
    pub(crate) fn collects(&self, bin: Bin, block: *mut u8) -> bool {
        let window = window_of(block);
        let place = place_of(window, bin);
        let is_begun = self.outbox.is_for(place, window);
        // SAFETY: [OUTBOX-2: places] there is a batch, and [CACHE-1: sole] it is the thread's own.
        let may_have = || unsafe { self.outbox.batches[place].get().may_have_got(block) };
        LEAVES_KEYS && is_begun && may_have() && self.outbox.has(block)
    }

    /// Frees a block of another heap: adds it to a batch. Returns the work that visits to heaps leave, if there were any.
    ///
    /// # Safety
    ///
    /// The block lies in a slab of the bin of that heap, which is a thread's and not this cache's, and nobody uses it any more.
    #[inline(never)]
    pub(crate) unsafe fn free_remote(
        &self,
        owner: Owner,
        bin: Bin,
        block: *mut u8,
    ) -> Option<Visit> {
        let (window, outbox) = (window_of(block), &self.outbox);
        let place = place_of(window, bin);
        if !outbox.is_for(place, window) {
            let visit = outbox.take(place).and_then(|batch| self.send(batch));
            outbox.known[window % KNOWN].set(area_with_slab(block));
            // SAFETY: this function's contract is the same.
            return both(visit, unsafe { self.begin_batch(owner, bin, block) });
        }
        let batch = outbox.batches[place].get();
        // SAFETY: as in `collect`; a batch that has no room lacks one block [FILLING-1: own].
        unsafe {
            if !batch.has_room() {
                outbox.windows[place].set(0);
                return self.send(batch.filled_with(block));
            }
            outbox.batches[place].set(batch.with(block));
        }
        None
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
        // SAFETY: `space` is null, or a block of that size, just allocated; `owner` is a thread's heap, the block lies in a slab
        // of this bin and owner, and nobody uses it, by this function's contract.
        let Some(batch) = (unsafe { OwnedBatch::begin(space, owner, bin, block) }) else {
            // SAFETY: the owner is a thread's heap, which lives as long as the process; the block lies in a slab of its
            // bin, and nobody uses it, by this function's contract.
            let freed = unsafe { Heap::of(owner).free_alone(self.mark(), bin, block) };
            return both(visit, Some(freed));
        };
        let window = window_of(block);
        self.outbox.put(place_of(window, bin), window, batch);
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

    /// Hands every batch over, however few blocks are in it. They come back as work of the visit where no thread works on
    /// the heaps that they are for: a batch that waits in the inbox of an owner that sleeps would keep this heap in use.
    pub(crate) fn flush_outbox(&self) -> Visit {
        let mut visit = Visit::NONE;
        for place in 0..PLACES {
            let batch = self.outbox.take(place);
            if let Some(sent) = batch.and_then(|batch| Heap::deliver_at_once(self.mark(), batch)) {
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
