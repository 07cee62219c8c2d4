//! [`Stratalloc`] over the system's allocator.

use core::{
    alloc::{GlobalAlloc, Layout},
    ptr::NonNull,
};
use std::alloc::System;

use stratalloc_core::{AllocError, Allocator, ecosystem::FromGlobal};

use super::{Kind, Stratalloc};

pub(super) const KIND: Kind = Kind::System;

/// The system's, by our trait.
const SYSTEM: FromGlobal<'static, System> = FromGlobal(&System);

// SAFETY: every call goes to the one allocator of the system, which keeps the contract.
unsafe impl Allocator for Stratalloc {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        SYSTEM.allocate(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { SYSTEM.deallocate(block, layout) }
    }
}

// SAFETY: every call goes to the one allocator of the system, which keeps the contract.
unsafe impl GlobalAlloc for Stratalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the layout isn't empty.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the layout isn't empty.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live, and the layout is its own.
        unsafe { System.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the block is live with this layout, and the new size isn't zero.
        unsafe { System.realloc(block, layout, size) }
    }
}
