//! The allocator of containers in a scope.

use core::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator, empty_block, relocate, zero_rest};

use crate::face::{
    arena_heap::{scoped::Here, slice},
    global,
};

/// The allocator of the scope in which the calling thread is, or the process's if it is in none.
///
/// It has no field: containers don't grow by it. All values are equal: a block may be freed, or given another size, by any
/// of them, in any thread, in that scope, another one or none. A block that has to move for its new size is in the scope
/// then in which that happens.
///
/// # Errors
///
/// [`AllocError`] where the heap of the scope refuses, as an [`ArenaHeap`](crate::ArenaHeap) does: the process doesn't
/// step in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scoped;

// SAFETY: a block is one of an arena heap or of the process's allocator, which hand blocks out once; a heap with a live
// block isn't reset, and doesn't end: a scope lets go of its heap only by `ArenaHeap::let_go`. Which of the two has a block
// is told by its address.
unsafe impl Allocator for Scoped {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        match Here::get() {
            Some(heap) => heap.allocate(layout),
            None if layout.size() == 0 => Ok(empty_block(layout)),
            None => slice(global::allocate(layout.size(), layout.align()), layout),
        }
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        match Here::get() {
            Some(heap) => heap.allocate_zeroed(layout),
            None if layout.size() == 0 => Ok(empty_block(layout)),
            None => slice(global::allocate_zeroed(layout.size(), layout.align()), layout),
        }
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        // SAFETY: the block is live and of this layout, by the contract of [`Allocator`]. One in the first area of a heap
        // is that heap's; any other is found by its address.
        unsafe {
            match Here::get() {
                Some(heap) if heap.is_home_of(block) => heap.deallocate(block, layout),
                _ => global::deallocate(block.as_ptr()),
            }
        }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: this function's contract is the same.
        unsafe { resize(block, old, new) }
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live and of the layout `old`, by the contract of [`Allocator`]; the bytes past the old size
        // lie in the new block.
        unsafe { Ok(zero_rest(resize(block, old, new)?, old.size())) }
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: this function's contract is the same.
        unsafe { resize(block, old, new) }
    }
}

stratalloc_core::ecosystem!(impl[] for Scoped);

/// Gives a block another layout, elsewhere if need be, with as much of it as both hold.
///
/// # Safety
///
/// As for [`Allocator::deallocate`] with `old`.
unsafe fn resize(
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    let sizes_alone = old.align() == new.align() && old.size() > 0 && new.size() > 0;
    // SAFETY: the block is live and of the layout `old`, by this function's contract; where it isn't empty and keeps its
    // alignment, the process's allocator finds whose it is.
    unsafe {
        match Here::get() {
            Some(heap) if old.size() > 0 && heap.is_home_of(block) => heap.grow(block, old, new),
            None if sizes_alone => {
                slice(global::reallocate(block.as_ptr(), new.size(), new.align()), new)
            }
            _ => {
                let moved = Scoped.allocate(new)?;
                Ok(relocate(&Scoped, moved, block, old, old.size().min(new.size())))
            }
        }
    }
}
