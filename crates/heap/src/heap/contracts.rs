//! The heap by the contracts of core.

use core::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{
    AllocError, Allocator, FreeUnsized, Owns, ResizeInPlace, Stats, Trim, UsableSize, zero_rest,
};

use crate::{heap::Heap, policy::Policy, snapshot::Snapshot};

impl<B: Allocator, P: Policy> Heap<B, P> {
    /// Returns the bytes at `start` as a block.
    #[inline(always)]
    fn block(start: *mut u8, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let start = NonNull::new(start).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(start, layout.size()))
    }

    /// Resizes without changing the address; or moving down or elsewhere, with `keep` bytes.
    ///
    /// # Safety
    ///
    /// `block` is live, and `keep` bytes of it and of the new layout can be used.
    pub(crate) unsafe fn resize(
        &self,
        block: NonNull<u8>,
        new: Layout,
        keep: usize,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, and `keep` bytes fit both.
        unsafe {
            let start = self.resize_near(block.addr().get(), new);
            if start != 0 {
                return Self::block(core::ptr::with_exposed_provenance_mut(start), new);
            }
            let moved = self.allocate(new)?;
            moved.cast::<u8>().copy_from_nonoverlapping(block, keep);
            self.give(block);
            Ok(moved)
        }
    }
}

// SAFETY: blocks are granules that no other live block has, of a region that belongs to the heap and
// doesn't move with it.
unsafe impl<B: Allocator, P: Policy> Allocator for Heap<B, P> {
    /// A layout of size zero has a block of its own too.
    ///
    /// Constant time from the quick lists; else a bounded search, of a few blocks in the bin of the
    /// length and in the next that isn't empty. What waits in the quick lists may be consolidated first,
    /// which is linear in it.
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let start = if layout.align() <= P::GRANULE {
            self.take(layout.size())
        } else {
            self.take_aligned(layout.size(), layout.align())
        };
        Self::block(start, layout)
    }

    /// Constant time, but for the one that fills the quick lists and consolidates them all; plus the
    /// return of empty regions.
    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, _: Layout) {
        // SAFETY: the block is live, and the layout fits it.
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

// SAFETY: all blocks lie in regions, and nothing else is a region.
unsafe impl<B: Allocator, P: Policy> Owns for Heap<B, P> {
    /// Linear in the number of regions.
    fn owns(&self, address: NonNull<u8>) -> bool {
        // SAFETY: the reference ends here [HEAP-1].
        let engine = unsafe { self.engine() };
        engine.region_of(address.addr().get()).contains(address.addr().get())
    }
}

// SAFETY: a block reaches to the next start bit, and no further.
unsafe impl<B: Allocator, P: Policy> UsableSize for Heap<B, P> {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the block is live; the reference ends here [HEAP-1].
        unsafe { self.engine().usable(block.addr().get()) }
    }
}

// SAFETY: the block's tags say that it has what it serves, and no other block has.
unsafe impl<B: Allocator, P: Policy> ResizeInPlace for Heap<B, P> {
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        _: Layout,
        new: Layout,
    ) -> Result<(), AllocError> {
        // SAFETY: the block is live, and `old` fits it; the reference ends here [HEAP-1].
        let engine = unsafe { self.engine() };
        // SAFETY: as above.
        if unsafe { engine.resize_in_place(block.addr().get(), new.size()) } {
            Ok(())
        } else {
            Err(AllocError)
        }
    }
}

impl<B: Allocator, P: Policy> FreeUnsized for Heap<B, P> {
    #[inline]
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the block is live.
        unsafe { self.give(block) }
    }
}

impl<B: Allocator, P: Policy> Stats for Heap<B, P> {
    type Snapshot = Snapshot;

    /// Linear in the number of blocks.
    fn stats(&self) -> Snapshot {
        self.snapshot()
    }
}

impl<B: Allocator, P: Policy> Trim for Heap<B, P> {
    /// Gives all empty regions back to the base.
    fn trim(&self) -> usize {
        self.trim_all()
    }
}

stratalloc_core::ecosystem!(impl[B: Allocator, P: Policy] for Heap<B, P>);
