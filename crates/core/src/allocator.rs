//! The contract that every layer offers and every layer can stand on.

use core::{alloc::Layout, ptr::NonNull};

use crate::AllocError;

/// Returns a block for an empty layout: it dangles, and is aligned.
///
/// ```
/// use core::alloc::Layout;
/// let block = stratalloc_core::empty_block(Layout::new::<[u64; 0]>());
/// assert_eq!((block.len(), block.cast::<u8>().addr().get() % 8), (0, 0));
/// ```
#[inline]
pub const fn empty_block(layout: Layout) -> NonNull<[u8]> {
    // SAFETY: an alignment isn't zero.
    let start =
        unsafe { NonNull::new_unchecked(core::ptr::without_provenance_mut(layout.align())) };
    NonNull::slice_from_raw_parts(start, 0)
}

/// Memory for any [`Layout`], by shared reference.
///
/// The signatures are those of the standard library's unstable `core::alloc::Allocator`, so that
/// this trait becomes a re-export on the day std's is stable. A layout of size zero is served with
/// a well-aligned pointer that may dangle; `deallocate` takes it back.
///
/// # Safety
///
/// - A block returned stays valid until it is deallocated, or the allocator (all its copies) is
///   dropped, or changed by an exclusive reference; moving the allocator must not invalidate blocks,
///   and nothing that a shared reference offers drops or replaces it.
/// - Blocks that are live at the same time never overlap.
/// - A block is at least as large and as aligned as its layout asks.
/// - A failed call leaves every block, and the allocator, as it was.
///
/// An allocator that stands on another may be called while it calls that one: a base may run code of
/// its user's, such as a limit's hook.
///
/// # Example
///
/// ```
/// use core::{alloc::Layout, ptr::NonNull};
/// use stratalloc_core::{AllocError, Allocator};
///
/// /// Serves nothing: the smallest honest allocator.
/// struct Never;
///
/// // SAFETY: no block is ever returned, so every clause holds of all of them.
/// unsafe impl Allocator for Never {
///     fn allocate(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
///         Err(AllocError)
///     }
///     unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
/// }
///
/// assert_eq!(Never.allocate(Layout::new::<u64>()), Err(AllocError));
/// ```
pub unsafe trait Allocator {
    /// Allocates a block for `layout`; its length says how much of it is usable.
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError>;

    /// Like [`allocate`](Self::allocate), with every usable byte zero.
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = self.allocate(layout)?;
        // SAFETY: the block was just returned by `allocate`, so its whole length is ours to write.
        unsafe { block.cast::<u8>().write_bytes(0, block.len()) };
        Ok(block)
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// `block` is live in this allocator, and `layout` fits it: its alignment is the one it was
    /// allocated with, and its size lies between the size asked for and the length returned.
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout);

    /// Moves a block into one of at least `new.size()` bytes, in place where it can.
    ///
    /// On failure the old block is still live and untouched.
    ///
    /// # Safety
    ///
    /// As for [`deallocate`](Self::deallocate) with `old`, and `new.size() >= old.size()`.
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: passed on from the caller; the smaller of the two sizes is the old one.
        Ok(unsafe { relocate(self, self.allocate(new)?, block, old, old.size()) })
    }

    /// Like [`grow`](Self::grow), with every byte past `old.size()` zero.
    ///
    /// # Safety
    ///
    /// As for [`grow`](Self::grow).
    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: passed on from the caller; the smaller of the two sizes is the old one.
        Ok(unsafe { relocate(self, self.allocate_zeroed(new)?, block, old, old.size()) })
    }

    /// Moves a block into one of at least `new.size()` bytes that may be smaller than the old one.
    ///
    /// On failure the old block is still live and untouched.
    ///
    /// # Safety
    ///
    /// As for [`deallocate`](Self::deallocate) with `old`, and `new.size() <= old.size()`.
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: passed on from the caller; the smaller of the two sizes is the new one.
        Ok(unsafe { relocate(self, self.allocate(new)?, block, old, new.size()) })
    }
}

/// Copies the first `keep` bytes of `block` to `moved`, and deallocates `block`; returns `moved`. This is how a block grows
/// or shrinks that can't do so in place.
///
/// # Safety
///
/// `block` is live in `allocator`, and `old` fits it, as for [`Allocator::deallocate`]; `moved` is another live block, and both
/// hold `keep` bytes.
pub unsafe fn relocate<A: Allocator + ?Sized>(
    allocator: &A,
    moved: NonNull<[u8]>,
    block: NonNull<u8>,
    old: Layout,
    keep: usize,
) -> NonNull<[u8]> {
    // SAFETY: both blocks are live, so they don't overlap, and each holds `keep` bytes.
    unsafe { moved.cast::<u8>().copy_from_nonoverlapping(block, keep) };
    // SAFETY: `block` is live here, and `old` fits it; the caller promises both.
    unsafe { allocator.deallocate(block, old) };
    moved
}

/// Zeroes the bytes of a block from number `from` on, and returns the block. This is how a block that grew becomes one of
/// [`Allocator::grow_zeroed`].
///
/// ```
/// use core::ptr::NonNull;
///
/// let mut bytes = [7; 4];
/// // SAFETY: the bytes are ours, and one of them is kept.
/// unsafe { stratalloc_core::zero_rest(NonNull::from(&mut bytes[..]), 1) };
/// assert_eq!(bytes, [7, 0, 0, 0]);
/// ```
///
/// # Safety
///
/// The block is the caller's to write, and holds `from` bytes at least.
#[inline]
pub unsafe fn zero_rest(block: NonNull<[u8]>, from: usize) -> NonNull<[u8]> {
    // SAFETY: the bytes from there to the block's end are the caller's, by this function's contract.
    unsafe { block.cast::<u8>().add(from).write_bytes(0, block.len() - from) };
    block
}

// SAFETY: every call goes to the one allocator behind the reference, which keeps the contract.
unsafe impl<A: Allocator + ?Sized> Allocator for &A {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        (**self).allocate(layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        (**self).allocate_zeroed(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { (**self).deallocate(block, layout) }
    }

    #[inline]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { (**self).grow(block, old, new) }
    }

    #[inline]
    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { (**self).grow_zeroed(block, old, new) }
    }

    #[inline]
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        unsafe { (**self).shrink(block, old, new) }
    }
}
