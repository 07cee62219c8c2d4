//! [`Stratalloc`] over the arenas.

#[cfg(not(feature = "announce"))]
use core::alloc::GlobalAlloc;
use core::{alloc::Layout, ptr::NonNull};

use stratalloc_arena::global;
use stratalloc_core::{AllocError, Allocator, FreeUnsized, Trim, UsableSize, relocate, zero_rest};

use super::{Kind, Stratalloc};

pub(super) const KIND: Kind = Kind::Arenas;

// SAFETY: the global arenas keep `GlobalAlloc`'s contract: blocks as large and as aligned as asked,
// live until freed, none overlapping; null on failure; nothing unwinds.
#[cfg(not(feature = "announce"))]
unsafe impl GlobalAlloc for Stratalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        global::allocate(layout.size(), layout.align())
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        global::allocate_zeroed(layout.size(), layout.align())
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live, and was allocated with this layout.
        unsafe { global::deallocate_sized(block, layout.size(), layout.align()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the block is live, and was allocated with this layout.
        unsafe { global::reallocate_sized(block, layout.size(), size, layout.align()) }
    }
}

/// Returns what the arenas gave for `layout`, as a slice of exactly its size: a block is then freed with
/// the layout it was allocated with, which alone names its class.
#[inline]
fn checked(block: *mut u8, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    let block = NonNull::new(block).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(block, layout.size()))
}

/// Gives a block another layout, moving it by hand only where it isn't aligned for the new one.
///
/// # Safety
///
/// As for [`Allocator::deallocate`] with `old`.
#[inline]
unsafe fn reallocate(
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    if block.addr().get() % new.align() == 0 {
        let (block, old) = (block.as_ptr(), old.size());
        // SAFETY: the block is live, aligned to the new alignment, and of the old size.
        let resized = unsafe { global::reallocate_sized(block, old, new.size(), new.align()) };
        return checked(resized, new);
    }
    let moved = checked(global::allocate(new.size(), new.align()), new)?;
    let kept = old.size().min(new.size());
    // SAFETY: both blocks are live, apart, and hold `kept` bytes; the old one is given up last.
    Ok(unsafe { relocate(&Stratalloc, moved, block, old, kept) })
}

// SAFETY: the global arenas keep the contract, as above; they are static, so that neither moving nor
// dropping a `Stratalloc` touches a block.
unsafe impl Allocator for Stratalloc {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        checked(global::allocate(layout.size(), layout.align()), layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        checked(global::allocate_zeroed(layout.size(), layout.align()), layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it; the slice returned is as long as its layout, so that a
        // layout that fits is the one that the block has.
        unsafe { global::deallocate_sized(block.as_ptr(), layout.size(), layout.align()) }
    }

    #[inline]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { reallocate(block, old, new) }
    }

    #[inline]
    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller: the bytes past the old size lie in it.
        unsafe { Ok(zero_rest(reallocate(block, old, new)?, old.size())) }
    }

    #[inline]
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        unsafe { reallocate(block, old, new) }
    }
}

// SAFETY: a block has all these bytes for itself.
unsafe impl UsableSize for Stratalloc {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the block is live.
        unsafe { global::usable_size(block.as_ptr()) }
    }
}

impl FreeUnsized for Stratalloc {
    #[inline]
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the block is live.
        unsafe { global::deallocate(block.as_ptr()) }
    }
}

impl Trim for Stratalloc {
    fn trim(&self) -> usize {
        global::trim()
    }
}
