//! What a shared allocator can find out about a block that comes back, and about itself.

use core::{cell::Cell, fmt, iter, ptr::NonNull, sync::atomic::Ordering::Relaxed};

use stratalloc_core::{Allocator, Owns, Stats, diag};

use super::{
    allocator::{SyncBlockAllocator, home},
    frontier::ChunkSource,
    index::Index,
    shelf::Shelf,
    stack::{Links, Stack},
};
use crate::{
    BlockStats, Blocks, FreeError,
    free_list::{CHECKED, peek},
    poison,
};

impl<A: Allocator> SyncBlockAllocator<A> {
    /// Takes a block back after checking it, in every build. That a block is free already is found in
    /// checked builds only (else only of a block that was never handed out).
    ///
    /// Takes time in the number of chunks.
    ///
    /// # Safety
    ///
    /// If the address is that of a live block, it is the caller's to free. (That of a block that was
    /// freed and handed out again can't be told from that.)
    pub unsafe fn try_free_block(&self, block: NonNull<u8>) -> Result<(), FreeError> {
        let index = self.index(block).ok_or_else(|| self.why_no_block(block))?;
        if !self.was_claimed(index) {
            return Err(FreeError::AlreadyFree);
        }
        self.retire(block)?;
        self.put(home(), &[Cell::new(block)]);
        Ok(())
    }

    /// Walks all stacks and shelves, and returns whether the invariants hold. Takes time in the number of
    /// free blocks times the number of chunks.
    #[must_use]
    pub fn validate(&mut self) -> bool {
        let carved = self.carved();
        // SAFETY: the reference is exclusive.
        let free = || unsafe { self.free_blocks() };
        // One more than there can be, in case a chain runs in a circle.
        let count = free().take(carved + 1).count();
        count == self.depot.count()
            && count + self.shelved().count() <= carved
            && free().chain(self.shelved()).all(|block| self.is_free(block))
    }

    /// Makes a free block a live one.
    #[inline]
    pub(super) fn hand_out(&self, block: NonNull<u8>) -> NonNull<u8> {
        poison::unpoison(block, self.blocks.size());
        if CHECKED {
            if let Some(index) = self.index(block) {
                self.set_next(index, Index::LIVE);
            }
        }
        block
    }

    /// Makes a live block one that nobody has. Only checked builds look at its address, and end the
    /// process if it isn't that of a live block.
    #[inline]
    pub(super) fn expect_retired(&self, block: NonNull<u8>) {
        if CHECKED {
            if let Err(error) = self.retire(block) {
                self.report(block, error);
            }
        }
        poison::poison(block, self.blocks.size());
    }

    /// Returns the index of a block that was retired, or ends the process if there is no such block: then a
    /// foreign address was freed in an unchecked build.
    #[inline]
    pub(super) fn index_of_ours(&self, block: NonNull<u8>) -> Index {
        self.index(block).unwrap_or_else(|| self.report(block, self.why_no_block(block)))
    }

    #[inline]
    fn retire(&self, block: NonNull<u8>) -> Result<Index, FreeError> {
        let index = self.index(block).ok_or_else(|| self.why_no_block(block))?;
        if CHECKED && !self.mark_free(index) {
            return Err(FreeError::AlreadyFree);
        }
        poison::poison(block, self.blocks.size());
        Ok(index)
    }

    /// Says whether the block was live, which it is no more.
    fn mark_free(&self, index: Index) -> bool {
        // Relaxed: of two threads that free the same block, the swap lets one find it live.
        let swapped = || {
            self.link(index).compare_exchange(
                Index::LIVE.bits(),
                Index::NIL.bits(),
                Relaxed,
                Relaxed,
            )
        };
        self.was_claimed(index) && swapped().is_ok()
    }

    #[cold]
    fn report(&self, block: NonNull<u8>, error: FreeError) -> ! {
        let size = self.blocks.size();
        diag::fatal(format_args!("free of {block:p}, blocks of {size} bytes: {error}"))
    }

    /// Ends the process over a free block that was written to.
    #[cold]
    pub(super) fn report_overwritten(&self, block: NonNull<u8>) -> ! {
        let size = self.blocks.size();
        diag::fatal(format_args!("write to {block:p}, a free block of {size} bytes"))
    }

    /// Returns whether the address is that of a block that was handed out once, and isn't live as far as can be told.
    pub(super) fn is_free(&self, block: NonNull<u8>) -> bool {
        let is_live = |index| CHECKED && self.next(index) == Index::LIVE;
        self.index(block).is_some_and(|index| self.was_claimed(index) && !is_live(index))
    }

    #[cold]
    fn why_no_block(&self, address: NonNull<u8>) -> FreeError {
        if self.owns(address) { FreeError::Interior } else { FreeError::Foreign }
    }

    /// Returns whether the block was ever handed out, to a magazine at least. Fresh blocks of the newest chunk
    /// are those of the lowest positions.
    fn was_claimed(&self, index: Index) -> bool {
        let (opened, claimed) = self.depot.frontier().opened_and_claimed();
        let (chunk, position) = (index.chunk(), index.position());
        let newest = chunk + 1 == opened;
        chunk < opened
            && position < self.blocks_in(chunk)
            && !(newest && position < self.blocks_in(chunk) - claimed)
    }

    /// Blocks that were ever handed out, to a magazine at least.
    fn carved(&self) -> usize {
        match self.depot.frontier().opened_and_claimed() {
            (0, _) => 0,
            (opened, claimed) => self.blocks_in_first(opened - 1) + claimed,
        }
    }

    fn blocks_in_first(&self, chunks: usize) -> usize {
        (0..chunks).map(|number| self.blocks_in(number)).sum()
    }

    /// Returns the blocks on all shelves.
    fn shelved(&self) -> impl Iterator<Item = NonNull<u8>> {
        self.shelves.iter().flat_map(Shelf::iter)
    }

    /// Returns the blocks of all batches, for as long as links and chains lead to free blocks.
    ///
    /// # Safety
    ///
    /// Nobody takes a batch meanwhile.
    unsafe fn free_blocks(&self) -> impl Iterator<Item = NonNull<u8>> {
        let batch = |index: Index| index.is_block().then_some(index);
        let batches = self.depot.stacks().map(Stack::top).flat_map(move |top| {
            iter::successors(batch(top), move |&index| batch(self.next(index)))
        });
        batches.flat_map(move |first| {
            // SAFETY: [SYNC_BLOCK_ALLOCATOR-4] for a free block; where that is broken, the block is still ours, and was written
            // to when it was live.
            let next = |&block: &NonNull<u8>| unsafe { peek(block) }.filter(|&it| self.is_free(it));
            iter::successors(Some(self.address(first)), next)
        })
    }
}

// SAFETY: all blocks lie below the boundaries of chunks that are opened.
unsafe impl<A: Allocator> Owns for SyncBlockAllocator<A> {
    /// Takes time in the number of chunks, which are at most 64.
    fn owns(&self, address: NonNull<u8>) -> bool {
        let (opened, _) = self.depot.frontier().opened_and_claimed();
        (0..opened).any(|number| {
            let Some(boundary) = self.depot.frontier().chunk(number) else { return false };
            let distance = boundary.addr().get().wrapping_sub(address.addr().get());
            (1..=self.blocks_in(number) * self.blocks.size()).contains(&distance)
        })
    }
}

impl<A: Allocator> Stats for SyncBlockAllocator<A> {
    type Snapshot = BlockStats;

    /// Exact while no other thread allocates or frees, and a fair guess otherwise. What magazines
    /// hold counts as used, and `peak` is the number of blocks ever handed out, to magazines too.
    fn stats(&self) -> BlockStats {
        let (chunks, _) = self.depot.frontier().opened_and_claimed();
        let (capacity, peak) = (self.blocks_in_first(chunks), self.carved());
        let free = (self.depot.count() + self.shelved().count()).min(peak);
        let layouts = (0..chunks).filter_map(|number| self.chunk_layout(number));
        BlockStats {
            blocks: self.block_layout(),
            chunks,
            capacity,
            used: peak - free,
            peak,
            free,
            fresh: capacity - peak,
            reserved_bytes: layouts.map(|(layout, _)| layout.size()).sum(),
        }
    }
}

impl<A: Allocator> fmt::Debug for SyncBlockAllocator<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncBlockAllocator").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
