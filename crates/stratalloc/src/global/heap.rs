//! [`Stratalloc`] over one heap, behind a lock where there are threads or interrupts.

use core::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator, FreeUnsized, Trim, UsableSize};

use super::Stratalloc;
use locked::with;

#[cfg_attr(all(kind = "heap", not(target_arch = "wasm32")), path = "heap/process.rs")]
#[cfg_attr(all(kind = "heap", target_arch = "wasm32"), path = "heap/linear.rs")]
#[cfg_attr(kind = "given", path = "heap/given.rs")]
mod locked;

pub(super) use locked::KIND;

// SAFETY: every call goes to the one heap, one at a time, and it keeps the contract; neither moving nor dropping a
// `Stratalloc` touches it.
unsafe impl Allocator for Stratalloc {
    #[inline(always)]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        with(|heap| heap.allocate(layout))
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        with(|heap| unsafe { heap.deallocate(block, layout) });
    }

    #[inline]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        with(|heap| unsafe { heap.grow(block, old, new) })
    }

    #[inline]
    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        with(|heap| unsafe { heap.grow_zeroed(block, old, new) })
    }

    #[inline]
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        with(|heap| unsafe { heap.shrink(block, old, new) })
    }
}

stratalloc_core::global_alloc!(impl[] for Stratalloc);

// SAFETY: the heap answers.
unsafe impl UsableSize for Stratalloc {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the block is live.
        with(|heap| unsafe { heap.usable_size(block) })
    }
}

impl FreeUnsized for Stratalloc {
    #[inline]
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the block is live.
        with(|heap| unsafe { heap.free_unsized(block) });
    }
}

impl Trim for Stratalloc {
    fn trim(&self) -> usize {
        with(Trim::trim)
    }
}
