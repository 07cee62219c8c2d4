//! What [`Allocator`] lacks, each trait only where an allocator can honour it.

use core::{alloc::Layout, ptr::NonNull};

use crate::{AllocError, Allocator};

/// An allocator that knows of any address whether it lies in memory of this allocator.
///
/// # Safety
///
/// [`owns`](Self::owns) is true of every address in a live block of this allocator that isn't empty,
/// and false of every address outside the memory that it hands out.
///
/// So it isn't implemented without a word about it:
///
/// ```compile_fail,E0200
/// # use core::{alloc::Layout, ptr::NonNull};
/// # use stratalloc_core::{AllocError, Allocator, Owns};
/// # struct Mine;
/// # unsafe impl Allocator for Mine {
/// #     fn allocate(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
/// #         Err(AllocError)
/// #     }
/// #     unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
/// # }
/// impl Owns for Mine {
///     fn owns(&self, _: NonNull<u8>) -> bool {
///         true
///     }
/// }
/// ```
pub unsafe trait Owns: Allocator {
    /// Returns whether `address` lies in memory that this allocator hands out, live or free.
    ///
    /// What others cut from a block of this allocator lies in its memory too.
    fn owns(&self, address: NonNull<u8>) -> bool;
}

/// Knows how much of a block its user may use.
///
/// # Safety
///
/// All bytes that [`usable_size`](Self::usable_size) counts are the block's alone, and stay so until it
/// is deallocated, or resized.
pub unsafe trait UsableSize: Allocator {
    /// Returns the usable bytes of a live block: at least those asked for.
    ///
    /// # Safety
    ///
    /// `block` is live in this allocator, and not of an empty layout, whose pointer may dangle.
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize;
}

/// Can change a block's size without moving it.
///
/// # Safety
///
/// Where [`resize_in_place`](Self::resize_in_place) succeeds, the block has the bytes of its new layout to
/// itself, with what both layouts have of its content kept. Where it fails, nothing has changed.
pub unsafe trait ResizeInPlace: Allocator {
    /// Makes a block serve `new`, whose alignment is the old one's, at the same address.
    ///
    /// On failure the block is still live with its old layout.
    ///
    /// # Safety
    ///
    /// As for [`Allocator::deallocate`] with `old`.
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<(), AllocError>;
}

/// Takes a block back without its layout: the seeds' `free(ptr)`.
///
/// A safe trait: its callers trust nothing that it returns, and to take back what it shouldn't an
/// implementation needs unsafe code.
pub trait FreeUnsized: Allocator {
    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// `block` is live in this allocator, and not of an empty layout, whose pointer may dangle.
    unsafe fn free_unsized(&self, block: NonNull<u8>);
}

/// Counts what it does.
pub trait Stats {
    /// The allocator's own set of figures.
    type Snapshot: Copy + core::fmt::Debug;

    /// Returns the figures of this moment.
    fn stats(&self) -> Self::Snapshot;
}

/// Can give memory back that it holds but doesn't need.
pub trait Trim {
    /// Gives back what it can, and returns how many bytes that was.
    fn trim(&self) -> usize;
}

// SAFETY: the allocator behind the reference answers.
unsafe impl<A: Owns + ?Sized> Owns for &A {
    #[inline]
    fn owns(&self, address: NonNull<u8>) -> bool {
        (**self).owns(address)
    }
}

// SAFETY: the allocator behind the reference answers.
unsafe impl<A: UsableSize + ?Sized> UsableSize for &A {
    #[inline]
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the block is live.
        unsafe { (**self).usable_size(block) }
    }
}

// SAFETY: the allocator behind the reference does it.
unsafe impl<A: ResizeInPlace + ?Sized> ResizeInPlace for &A {
    #[inline]
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<(), AllocError> {
        // SAFETY: the block is live, and `old` fits it.
        unsafe { (**self).resize_in_place(block, old, new) }
    }
}

impl<A: FreeUnsized + ?Sized> FreeUnsized for &A {
    #[inline]
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the block is live.
        unsafe { (**self).free_unsized(block) }
    }
}

impl<A: Stats + ?Sized> Stats for &A {
    type Snapshot = A::Snapshot;

    fn stats(&self) -> A::Snapshot {
        (**self).stats()
    }
}

impl<A: Trim + ?Sized> Trim for &A {
    fn trim(&self) -> usize {
        (**self).trim()
    }
}
