//! The system's allocator, by our trait.

use core::{alloc::Layout, ptr::NonNull};

use crate::{AllocError, Allocator, ecosystem::FromGlobal};

/// The operating system's allocator ([`std::alloc::System`]), as a base for any layer.
///
/// ```
/// use core::alloc::Layout;
/// use stratalloc_core::{AllocError, Allocator, System};
///
/// let layout = Layout::new::<[u64; 4]>();
/// let block = System.allocate(layout)?;
/// // SAFETY: allocated just so.
/// unsafe { System.deallocate(block.cast(), layout) };
/// # Ok::<(), AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

/// The same, by the adapter that does the work.
const SYSTEM: FromGlobal<'static, std::alloc::System> = FromGlobal(&std::alloc::System);

// SAFETY: every call goes to the one allocator of the system, which keeps the contract.
unsafe impl Allocator for System {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        SYSTEM.allocate(layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        SYSTEM.allocate_zeroed(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { SYSTEM.deallocate(block, layout) }
    }

    #[inline]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { SYSTEM.grow(block, old, new) }
    }

    #[inline]
    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { SYSTEM.grow_zeroed(block, old, new) }
    }

    #[inline]
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        unsafe { SYSTEM.shrink(block, old, new) }
    }
}

crate::ecosystem!(impl[] for System);
