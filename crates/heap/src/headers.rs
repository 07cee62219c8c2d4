//! A heap whose blocks have headers: few instructions, for programs whose code is counted in bytes.
//!
//! ```text
//! take ── a quick list                       a block of that length, just freed
//!      └─ take_slowly ── find                  the bins, then the top
//!          └─ consolidate, grow
//! give ── a quick list                       a short block: nothing else
//!      └─ free                                 coalesce, file
//! ```

mod bins;
mod block;
mod engine;
mod resize;
#[cfg(test)]
mod tests;

use core::{
    alloc::Layout,
    cell::UnsafeCell,
    fmt,
    ptr::{NonNull, with_exposed_provenance_mut},
};

use stratalloc_core::{AllocError, Allocator, FreeUnsized, Trim, UsableSize, diag, zero_rest};

use engine::Engine;

/// Blocks of any size, each with a header of one word, in memory that is taken from a base and kept for ever.
///
/// A smaller sibling of [`Heap`](crate::Heap): a tenth of its code in WebAssembly, and there the faster of the two.
/// It costs a word for each block, never gives memory back, and knows less: it has no map, no figures and no check of
/// itself.
/// `stratalloc::Stratalloc` stands on it in WebAssembly.
///
/// - A block is aligned to two words at least, and as long as a multiple of them.
/// - A freed block of less than 1 KiB (2 KiB with 64 bits) waits in the quick list of its length; all of these are
///   coalesced before memory is taken from the base.
/// - Other free blocks are in 64 bins, four for each doubling of the length.
/// - What the base gives behind the last memory is one with it, so that a block at the end grows where it lies.
///
/// Not `Sync`: one thread at a time, or a lock around it.
///
/// What it took from the base it keeps when it is dropped: it is made for a `static`.
///
/// # Invariants
///
/// - [HEADERS-1: short] No reference to the engine outlives the call that made it, and the base, which is called while
///   there is one, doesn't call this heap: it is no base that stands on it.
///
/// # Example
///
/// ```
/// use core::alloc::Layout;
/// use stratalloc_heap::{Allocator, HeaderHeap};
/// use stratalloc_testkit::System;
///
/// let heap = HeaderHeap::new(System);
/// let layout = Layout::new::<[u32; 100]>();
/// let block = heap.allocate(layout)?.cast();
/// // SAFETY: allocated just so.
/// unsafe { heap.deallocate(block, layout) };
/// # Ok::<(), stratalloc_heap::AllocError>(())
/// ```
pub struct HeaderHeap<B: Allocator> {
    engine: UnsafeCell<Engine>,
    base: B,
}

// SAFETY: the memory is the heap's alone; nothing in it belongs to a thread.
unsafe impl<B: Allocator + Send> Send for HeaderHeap<B> {}

impl<B: Allocator> HeaderHeap<B> {
    /// Returns a heap without memory yet; it takes from `base` what it needs, when it needs it.
    pub const fn new(base: B) -> Self {
        Self { engine: UnsafeCell::new(Engine::new()), base }
    }

    /// # Safety
    ///
    /// The reference ends before the next one begins [HEADERS-1].
    #[expect(
        clippy::mut_from_ref,
        reason = "the heap isn't `Sync`: by HEADERS-1, it is the only one"
    )]
    #[inline(always)]
    unsafe fn engine(&self) -> &mut Engine {
        // SAFETY: the last reference has ended [HEADERS-1].
        unsafe { &mut *self.engine.get() }
    }

    #[inline]
    fn take(&self, layout: Layout) -> usize {
        // SAFETY: the reference ends here [HEADERS-1].
        let engine = unsafe { self.engine() };
        let size = block::size_for(layout.size());
        if layout.align() > block::GRANULE {
            return engine.take_aligned(&self.base, size, layout.align());
        }
        match engine.pop_quick(size) {
            0 => engine.take_slowly(&self.base, size),
            address => address,
        }
    }

    #[inline]
    unsafe fn give(&self, block: NonNull<u8>) {
        let address = block.addr().get();
        // SAFETY: the block is live; the reference ends here [HEADERS-1].
        unsafe {
            if cfg!(debug_assertions) && !self.engine().looks_live(address) {
                diag::fatal(format_args!("{block:p} is freed, but isn't a live block"));
            }
            self.engine().give(address);
        }
    }

    /// Resizes without changing the address, or elsewhere with `keep` bytes.
    ///
    /// # Safety
    ///
    /// `block` is live, and `keep` bytes of it and of the new layout can be used.
    unsafe fn resize(
        &self,
        block: NonNull<u8>,
        new: Layout,
        keep: usize,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let address = block.addr().get();
        // SAFETY: the block is live; the reference ends before the next begins [HEADERS-1].
        unsafe {
            let stays = address & (new.align() - 1) == 0
                && self.engine().resize(&self.base, address, block::size_for(new.size()));
            if stays {
                return Ok(NonNull::slice_from_raw_parts(block, new.size()));
            }
            let moved = self.allocate(new)?;
            moved.cast::<u8>().copy_from_nonoverlapping(block, keep);
            self.give(block);
            Ok(moved)
        }
    }
}

// SAFETY: a block is the heap's memory from its header to the next one, which no other live block has, and which
// doesn't move with the heap.
unsafe impl<B: Allocator> Allocator for HeaderHeap<B> {
    /// A layout of size zero has a block of its own too.
    ///
    /// Constant time from the quick lists; else a search of at most 32 blocks in each of 64 bins, and before memory is
    /// taken from the base, time linear in what waits in the quick lists.
    #[inline(always)]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let start =
            NonNull::new(with_exposed_provenance_mut(self.take(layout))).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(start, layout.size()))
    }

    /// Constant time.
    #[inline(always)]
    unsafe fn deallocate(&self, block: NonNull<u8>, _: Layout) {
        // SAFETY: the block is live.
        unsafe { self.give(block) }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { self.resize(block, new, old.size()) }
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller; what it becomes is as long.
        unsafe { Ok(zero_rest(self.grow(block, old, new)?, old.size())) }
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        _: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        unsafe { self.resize(block, new, new.size()) }
    }
}

// SAFETY: a block reaches to the next header, and no further.
unsafe impl<B: Allocator> UsableSize for HeaderHeap<B> {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the block is live.
        unsafe { block::size(block.addr().get()) - block::WORD }
    }
}

impl<B: Allocator> FreeUnsized for HeaderHeap<B> {
    #[inline]
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the block is live.
        unsafe { self.give(block) }
    }
}

impl<B: Allocator> Trim for HeaderHeap<B> {
    /// Coalesces what waits in quick lists, so that it serves requests of any size. Nothing goes back to the base.
    fn trim(&self) -> usize {
        // SAFETY: the reference ends here [HEADERS-1].
        unsafe { self.engine() }.consolidate();
        0
    }
}

impl<B: Allocator + fmt::Debug> fmt::Debug for HeaderHeap<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderHeap").field("base", &self.base).finish_non_exhaustive()
    }
}

stratalloc_core::ecosystem!(impl[B: Allocator] for HeaderHeap<B>);
