//! The system allocator, as a base for tests.

use std::{
    alloc::{GlobalAlloc, Layout},
    ptr::NonNull,
};

use stratalloc_core::{AllocError, Allocator, empty_block};

/// The allocator that the Rust program runs on without ours, by our contract.
///
/// ```
/// use std::alloc::Layout;
/// use stratalloc_core::Allocator;
/// use stratalloc_testkit::System;
///
/// let layout = Layout::new::<u64>();
/// let block = System.allocate(layout).unwrap();
/// // SAFETY: allocated just so.
/// unsafe { System.deallocate(block.cast(), layout) };
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

/// The largest size, in bytes, that is passed on: sanitizers and Miri end the program at sizes that no
/// machine has, where the system merely refuses.
const MAX_SIZE: usize = isize::MAX as usize >> if usize::BITS > 32 { 24 } else { 2 };

/// Returns the block at `start`, if there is one.
fn block(start: *mut u8, size: usize) -> Result<NonNull<[u8]>, AllocError> {
    let start = NonNull::new(start).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(start, size))
}

// SAFETY: std's allocator keeps the same contract for layouts that aren't empty; empty ones dangle.
unsafe impl Allocator for System {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(empty_block(layout));
        }
        if layout.size() > MAX_SIZE {
            return Err(AllocError);
        }
        // SAFETY: the layout isn't empty.
        block(unsafe { std::alloc::System.alloc(layout) }, layout.size())
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 || layout.size() > MAX_SIZE {
            return self.allocate(layout);
        }
        // SAFETY: the layout isn't empty.
        block(unsafe { std::alloc::System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() > 0 {
            // SAFETY: the block is live, and the layout fits it; a block that isn't empty came from `alloc`.
            unsafe { std::alloc::System.dealloc(block.as_ptr(), layout) }
        }
    }
}
