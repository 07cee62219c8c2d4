//! One thread's own store of free blocks.

use core::{cell::Cell, fmt, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator};

use super::allocator::{SyncBlockAllocator, home};
use crate::{BlockLayout, Blocks, allocator::impl_allocator};

/// A store of at most `N` free blocks of a [`SyncBlockAllocator`], for the thread that holds it.
///
/// Allocating and freeing through it touches no atomic but where it is empty or full: then it takes
/// or gives half of `N` blocks at once, in one compare-and-swap. (Bonwick and Adams, "Magazines and
/// Vmem", USENIX 2001; there the full and the empty magazine change hands, here their content.)
///
/// Blocks are the allocator's: one that came through this magazine may be freed through any other, or
/// directly. What the magazine holds it gives back when it is dropped; until then other threads can't
/// have it, so size `N` to a buffer that never grows.
///
/// # Invariants
///
/// - [MAGAZINE-1: own] The first `count <= N` places hold blocks that nobody else has.
pub struct Magazine<'a, A: Allocator, const N: usize = 64> {
    count: Cell<usize>,
    places: [Cell<NonNull<u8>>; N],
    shared: &'a SyncBlockAllocator<A>,
    home: usize,
}

// SAFETY: what the places hold is the magazine's alone and tied to no thread.
unsafe impl<A: Allocator + Sync, const N: usize> Send for Magazine<'_, A, N> {}

impl<A: Allocator> SyncBlockAllocator<A> {
    /// Returns a store of at most 64 free blocks for one thread, through which it allocates and frees.
    pub fn magazine(&self) -> Magazine<'_, A> {
        self.magazine_of()
    }

    /// Returns a store of at most `N` free blocks: more meet the other threads less often, and keep more
    /// blocks from them.
    pub fn magazine_of<const N: usize>(&self) -> Magazine<'_, A, N> {
        Magazine::new(self, home())
    }
}

impl<'a, A: Allocator, const N: usize> Magazine<'a, A, N> {
    /// Blocks that are moved at once: half, so that after a refill or a drain a run of either kind of
    /// call goes on for as long.
    const BATCH: usize = {
        assert!(N >= 2, "a magazine holds at least two blocks");
        N / 2
    };

    const fn new(shared: &'a SyncBlockAllocator<A>, home: usize) -> Self {
        let places = [const { Cell::new(NonNull::dangling()) }; N];
        Self { count: Cell::new(0), places, shared, home }
    }

    /// Returns the allocator that the blocks belong to.
    pub const fn shared(&self) -> &'a SyncBlockAllocator<A> {
        self.shared
    }

    /// Gives all blocks that it holds back to the allocator.
    pub fn drain(&self) {
        while self.count.get() > 0 {
            self.drain_oldest(self.count.get().min(Self::BATCH));
        }
    }

    /// One comparison finds both ends: an empty store's count wraps round to beyond all places.
    #[inline]
    fn pop(&self) -> Option<NonNull<u8>> {
        let count = self.count.get().wrapping_sub(1);
        let block = self.places.get(count)?.get();
        self.count.set(count);
        Some(block)
    }

    /// Says whether there was a place.
    #[inline]
    fn push(&self, block: NonNull<u8>) -> bool {
        let count = self.count.get();
        let Some(place) = self.places.get(count) else { return false };
        place.set(block);
        self.count.set(count + 1);
        true
    }

    #[cold]
    #[inline(never)]
    fn refill(&self) -> Result<NonNull<u8>, AllocError> {
        let supply = self.shared.obtain(self.home, Self::BATCH).ok_or(AllocError)?;
        if self.count.get() > 0 {
            // The base had code run that filled this magazine meanwhile.
            let batch = [const { Cell::new(NonNull::dangling()) }; N];
            let count = self.shared.unpack(self.home, supply, &batch[..Self::BATCH]);
            self.shared.put(self.home, &batch[..count]);
        } else {
            let places = &self.places[..Self::BATCH];
            self.count.set(self.shared.unpack(self.home, supply, places));
        }
        self.pop().ok_or(AllocError)
    }

    #[cold]
    #[inline(never)]
    fn push_to_full(&self, block: NonNull<u8>) {
        self.drain_oldest(Self::BATCH);
        self.push(block);
    }

    /// Gives back the blocks that were freed longest ago; the others are still in cache.
    fn drain_oldest(&self, count: usize) {
        let (oldest, rest) = self.places[..self.count.get()].split_at(count);
        self.shared.put(self.home, oldest);
        // SAFETY: both are places of this magazine, which is this thread's.
        unsafe { rest.as_ptr().copy_to(self.places.as_ptr().cast_mut(), rest.len()) };
        self.count.set(rest.len());
    }
}

// SAFETY: a block handed out comes out of the places [MAGAZINE-1], into which it came from the allocator or
// from its user; the allocator keeps the rest of the contract.
unsafe impl<A: Allocator, const N: usize> Blocks for Magazine<'_, A, N> {
    #[inline]
    fn block_layout(&self) -> BlockLayout {
        self.shared.block_layout()
    }

    #[inline]
    fn alloc_block(&self) -> Result<NonNull<u8>, AllocError> {
        match self.pop() {
            Some(block) => Ok(self.shared.hand_out(block)),
            None => Ok(self.shared.hand_out(self.refill()?)),
        }
    }

    #[inline]
    unsafe fn free_block(&self, block: NonNull<u8>) {
        self.shared.expect_retired(block);
        if !self.push(block) {
            self.push_to_full(block);
        }
    }
}

impl_allocator!([A: Allocator, const N: usize] Magazine<'_, A, N>);

impl<A: Allocator, const N: usize> Drop for Magazine<'_, A, N> {
    fn drop(&mut self) {
        self.drain();
    }
}

impl<A: Allocator, const N: usize> fmt::Debug for Magazine<'_, A, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Magazine").field("count", &self.count).finish_non_exhaustive()
    }
}
