//! The pool as an [`Allocator`], and what else it offers to those who stand on it.

use core::{
    alloc::Layout,
    ptr::{self, NonNull},
};

use stratalloc_core::{
    AllocError, Allocator, FreeUnsized, Owns, ResizeInPlace, UsableSize, diag, relocate, zero_rest,
};

use crate::{FreeError, Mode, Pool, Word};

#[cold]
#[inline(never)]
fn bad_free(block: NonNull<u8>, error: FreeError) -> ! {
    diag::fatal(format_args!("pool: free of {block:p}: {error}"))
}

// SAFETY: the blocks of a pool are disjoint parts of the heap [STATE-3: nested], each is on the free
// list only while it isn't live [STATE-6: listed], and the heap outlives the pool [STATE-1: ours] and doesn't
// move with it. Block sizes are multiples of the alignment, and pools end aligned.
unsafe impl<M: Mode> Allocator for Pool<'_, M> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.align() <= self.state().align() {
            if let Some(block) = self.take_listed(layout.size()) {
                return Ok(NonNull::slice_from_raw_parts(block, layout.size()));
            }
        }
        self.allocate_slowly(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe {
            if !self.give_listed(block, layout.size()) {
                self.deallocate_slowly(block, layout.size());
            }
        }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe {
            if self.resize_in_place(block, old, new).is_ok() {
                return Ok(NonNull::slice_from_raw_parts(block, new.size()));
            }
            Ok(relocate(self, self.allocate(new)?, block, old, old.size()))
        }
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller; the block returned is ours to write.
        unsafe { Ok(zero_rest(self.grow(block, old, new)?, old.size())) }
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        unsafe {
            if self.resize_in_place(block, old, new).is_ok() {
                return Ok(NonNull::slice_from_raw_parts(block, new.size()));
            }
            Ok(relocate(self, self.allocate(new)?, block, old, new.size()))
        }
    }
}

stratalloc_core::ecosystem!(impl['h, M: Mode] for Pool<'h, M>);

impl<M: Mode> Pool<'_, M> {
    #[cold]
    #[inline(never)]
    fn allocate_slowly(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            let dangling = NonNull::new(ptr::without_provenance_mut(layout.align()));
            return Ok(NonNull::slice_from_raw_parts(dangling.ok_or(AllocError)?, 0));
        }
        if layout.align() > self.state().align() {
            return Err(AllocError);
        }
        let block = self.malloc(layout.size()).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    /// # Safety
    ///
    /// As for [`Allocator::deallocate`].
    #[cold]
    #[inline(never)]
    unsafe fn deallocate_slowly(&self, block: NonNull<u8>, size: usize) {
        if size != 0 {
            // SAFETY: the block is live, and the layout fits it.
            unsafe { self.free_unsized(block) };
        }
    }
}

// SAFETY: blocks lie from a part's end down, as many as its capacity [STATE-3: nested].
unsafe impl<M: Mode> Owns for Pool<'_, M> {
    fn owns(&self, address: NonNull<u8>) -> bool {
        let Some((pool, offset)) = self.pool_at(address) else { return false };
        let distance = self.state().end(pool) - offset;
        distance <= self.capacity(pool) * self.state().record(pool).size.get()
    }
}

// SAFETY: a block has the bytes of its pool's block size for itself [STATE-3: nested].
unsafe impl<M: Mode> UsableSize for Pool<'_, M> {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        Pool::usable_size(self, block).unwrap_or_default()
    }
}

impl<M: Mode> FreeUnsized for Pool<'_, M> {
    #[inline]
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the block is live.
        match unsafe { self.free(block) } {
            Ok(()) => {}
            // A block of size zero dangles at its alignment: see `allocate_slowly`.
            Err(FreeError::Foreign) if block.addr().is_power_of_two() => {}
            Err(error) => bad_free(block, error),
        }
    }
}

// SAFETY: a block serves what it is large and aligned enough for.
unsafe impl<M: Mode> ResizeInPlace for Pool<'_, M> {
    /// A block serves any size up to its own; zero isn't one of them, for blocks of size zero are
    /// none of the pool's.
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<(), AllocError> {
        let kept = old.size() != 0 && new.size() != 0 && new.align() <= self.state().align();
        match Pool::usable_size(self, block) {
            Some(size) if kept && new.size() <= size => Ok(()),
            _ => Err(AllocError),
        }
    }
}
