//! Global allocators, by our trait.

use core::{
    alloc::{GlobalAlloc, Layout},
    ptr::NonNull,
};

use crate::{AllocError, Allocator, empty_block, relocate, zero_rest};

/// A global allocator as one of ours, so that it can be the base of any layer.
///
/// By reference, for a global allocator may have its blocks inside of itself: such a one must stay where
/// it is while they live. Empty layouts, which [`GlobalAlloc`] doesn't serve, get a dangling pointer.
///
/// ```
/// use core::alloc::Layout;
/// use stratalloc_core::{AllocError, Allocator, ecosystem::FromGlobal};
///
/// let system = FromGlobal(&std::alloc::System);
/// let layout = Layout::new::<[u64; 4]>();
/// let block = system.allocate(layout)?;
/// // SAFETY: allocated just so.
/// unsafe { system.deallocate(block.cast(), layout) };
/// # Ok::<(), AllocError>(())
/// ```
///
/// ```compile_fail,E0308
/// # use stratalloc_core::ecosystem::FromGlobal;
/// let moved_with_its_blocks = FromGlobal(std::alloc::System);
/// ```
#[derive(Debug)]
pub struct FromGlobal<'g, G>(pub &'g G);

impl<G> Clone for FromGlobal<'_, G> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<G> Copy for FromGlobal<'_, G> {}

/// Returns the block of `size` bytes at `start`, unless that is null.
fn block(start: *mut u8, size: usize) -> Result<NonNull<[u8]>, AllocError> {
    let start = NonNull::new(start).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(start, size))
}

impl<G: GlobalAlloc> FromGlobal<'_, G> {
    /// Resizes a block by `realloc`, if both layouts are of the kind that it serves.
    ///
    /// # Safety
    ///
    /// As for [`Allocator::deallocate`] with `old`.
    unsafe fn reallocate(
        self,
        start: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<Result<NonNull<[u8]>, AllocError>> {
        if old.size() == 0 || new.size() == 0 || old.align() != new.align() {
            return None;
        }
        // SAFETY: the block is live, and `old` is its layout; neither layout is empty, and a layout's size
        // doesn't overflow.
        let moved = unsafe { self.0.realloc(start.as_ptr(), old, new.size()) };
        Some(block(moved, new.size()))
    }

    /// Grows and shrinks alike: by `realloc`, or else by moving the block.
    ///
    /// # Safety
    ///
    /// As for [`Allocator::deallocate`] with `old`.
    unsafe fn resize(
        self,
        start: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, and `old` fits it, by this function's contract; both blocks hold the smaller size.
        unsafe {
            if let Some(done) = self.reallocate(start, old, new) {
                return done;
            }
            Ok(relocate(&self, self.allocate(new)?, start, old, old.size().min(new.size())))
        }
    }
}

// SAFETY: the contract of `GlobalAlloc` is ours for layouts that aren't empty, and the bytes of a
// block are those asked for; an empty block has no byte that could overlap another. The allocator can't
// move while it is borrowed here.
unsafe impl<G: GlobalAlloc> Allocator for FromGlobal<'_, G> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(empty_block(layout));
        }
        // SAFETY: the layout isn't empty.
        block(unsafe { self.0.alloc(layout) }, layout.size())
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(empty_block(layout));
        }
        // SAFETY: the layout isn't empty.
        block(unsafe { self.0.alloc_zeroed(layout) }, layout.size())
    }

    #[inline]
    unsafe fn deallocate(&self, start: NonNull<u8>, layout: Layout) {
        if layout.size() > 0 {
            // SAFETY: the block is live, and the layout fits it; a block that isn't empty came from `alloc`.
            unsafe { self.0.dealloc(start.as_ptr(), layout) }
        }
    }

    #[inline]
    unsafe fn grow(
        &self,
        start: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { self.resize(start, old, new) }
    }

    #[inline]
    unsafe fn grow_zeroed(
        &self,
        start: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller; what is returned is ours to write.
        unsafe { Ok(zero_rest(self.grow(start, old, new)?, old.size())) }
    }

    #[inline]
    unsafe fn shrink(
        &self,
        start: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        unsafe { self.resize(start, old, new) }
    }
}
