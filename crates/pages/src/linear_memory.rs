//! WebAssembly's memory as a base for a heap.

use core::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator};

use crate::{kept::Kept, os};

/// Blocks of whole pages at the end of WebAssembly's linear memory, for a heap to stand on.
///
/// A page has 65,536 bytes.
/// A block continues the one before unless somebody else grew the memory in between, so that a heap makes one region of
/// them.
/// The memory never shrinks: what is given back is kept for later requests.
/// Time is linear in how many stretches are kept.
///
/// No `Sync`: it stands below a heap that is behind a lock.
///
/// # Errors
///
/// [`AllocError`] where the memory may not grow as far, or the alignment is larger than a page.
///
/// # Example
///
/// `docs/COOKBOOK.md` has a heap that stands on it, in a form that runs on other machines too.
#[derive(Debug, Default)]
pub struct LinearMemory {
    kept: Kept,
}

impl LinearMemory {
    /// Returns a base that has grown nothing yet.
    pub const fn new() -> Self {
        Self { kept: Kept::new() }
    }
}

/// Returns the bytes of a block for `layout`: whole pages.
fn block_size(layout: Layout) -> Option<usize> {
    layout.size().max(1).checked_next_multiple_of(os::page_size())
}

// SAFETY: a block is memory that was just grown, or that was given back and is in no one's hands [KEPT-1]. Either
// begins at a page, which is aligned to all that is served.
unsafe impl Allocator for LinearMemory {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.align() > os::page_size() {
            return Err(AllocError);
        }
        let size = block_size(layout).ok_or(AllocError)?;
        // SAFETY: whole pages, and one at least.
        let start = match unsafe { self.kept.take(size) } {
            Some(start) => start,
            None => os::grow(size).map_err(|_| AllocError)?,
        };
        Ok(NonNull::slice_from_raw_parts(start, size))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if let Some(size) = block_size(layout) {
            // SAFETY: the block is the caller's to give, whole pages long, and so aligned.
            unsafe { self.kept.give(block, size) };
        }
    }
}
