//! Every [`Blocks`] as an [`Allocator`](stratalloc_core::Allocator): what fits a block gets a block, and nothing else is served.

use core::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{AllocError, empty_block};

use crate::Blocks;

/// A block as a slice of its whole length.
///
/// A layout of size zero that is aligned more than a block gets a dangling address; so
/// [`deallocate`] knows from the layout alone what it was given.
#[inline]
pub(crate) fn allocate(blocks: &impl Blocks, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    if blocks.block_layout().fits(layout) {
        return whole(blocks, blocks.alloc_block()?);
    }
    if layout.size() > 0 {
        return Err(AllocError);
    }
    Ok(empty_block(layout))
}

/// # Safety
///
/// As for [`Allocator::deallocate`](stratalloc_core::Allocator::deallocate).
#[inline]
pub(crate) unsafe fn deallocate(blocks: &impl Blocks, block: NonNull<u8>, layout: Layout) {
    if blocks.block_layout().fits(layout) {
        // SAFETY: such a layout was served with a block; the block is live, and the layout fits it.
        unsafe { blocks.free_block(block) }
    }
}

/// Grows and shrinks alike: a block that serves the new layout too is returned as it is.
///
/// # Safety
///
/// As for [`deallocate`] with `old`.
#[inline]
pub(crate) unsafe fn resize(
    blocks: &impl Blocks,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    match (blocks.block_layout().fits(old), blocks.block_layout().fits(new)) {
        (true, true) => whole(blocks, block),
        // From a dangling address to a block: there is nothing to copy or to take back.
        (false, _) => allocate(blocks, new),
        // No other block is larger. A size of zero can be asked for at any alignment.
        (true, false) => {
            let dangling = allocate(blocks, new)?;
            // SAFETY: the block is live; `old` fits a block.
            unsafe { blocks.free_block(block) };
            Ok(dangling)
        }
    }
}

#[inline]
#[expect(clippy::unnecessary_wraps, reason = "the type that all its callers return")]
fn whole(blocks: &impl Blocks, block: NonNull<u8>) -> Result<NonNull<[u8]>, AllocError> {
    Ok(NonNull::slice_from_raw_parts(block, blocks.block_layout().size()))
}

/// Implements `Allocator` and the extensions that follow from blocks being of one size.
macro_rules! impl_allocator {
    ([$($generics:tt)*] $type:ty) => {
        // SAFETY: blocks are disjoint, live until they are freed, and keep their address when the
        // allocator is moved (the contract of `Blocks`); a layout is served only by a block that
        // fits it, and a resize changes nothing before it can no longer fail.
        unsafe impl<$($generics)*> stratalloc_core::Allocator for $type {
            #[inline]
            fn allocate(
                &self,
                layout: core::alloc::Layout,
            ) -> Result<core::ptr::NonNull<[u8]>, stratalloc_core::AllocError> {
                $crate::allocator::allocate(self, layout)
            }

            #[inline]
            unsafe fn deallocate(
                &self,
                block: core::ptr::NonNull<u8>,
                layout: core::alloc::Layout,
            ) {
                // SAFETY: the block is live, and the layout fits it.
                unsafe { $crate::allocator::deallocate(self, block, layout) }
            }

            #[inline]
            unsafe fn grow(
                &self,
                block: core::ptr::NonNull<u8>,
                old: core::alloc::Layout,
                new: core::alloc::Layout,
            ) -> Result<core::ptr::NonNull<[u8]>, stratalloc_core::AllocError> {
                // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
                unsafe { $crate::allocator::resize(self, block, old, new) }
            }

            #[inline]
            unsafe fn grow_zeroed(
                &self,
                block: core::ptr::NonNull<u8>,
                old: core::alloc::Layout,
                new: core::alloc::Layout,
            ) -> Result<core::ptr::NonNull<[u8]>, stratalloc_core::AllocError> {
                // SAFETY: the block is live, `old` fits it, and `new` is no smaller; what `resize` returns is ours to
                // write, and no shorter than `new`.
                unsafe {
                    let grown = $crate::allocator::resize(self, block, old, new)?;
                    Ok(stratalloc_core::zero_rest(grown, old.size()))
                }
            }

            #[inline]
            unsafe fn shrink(
                &self,
                block: core::ptr::NonNull<u8>,
                old: core::alloc::Layout,
                new: core::alloc::Layout,
            ) -> Result<core::ptr::NonNull<[u8]>, stratalloc_core::AllocError> {
                // SAFETY: the block is live, `old` fits it, and `new` is no larger.
                unsafe { $crate::allocator::resize(self, block, old, new) }
            }
        }

        stratalloc_core::ecosystem!(impl[$($generics)*] for $type);

        // SAFETY: a block is as large as the layout of all blocks says.
        unsafe impl<$($generics)*> stratalloc_core::UsableSize for $type {
            #[inline]
            unsafe fn usable_size(&self, _: core::ptr::NonNull<u8>) -> usize {
                $crate::Blocks::block_layout(self).size()
            }
        }

        // SAFETY: a layout that fits blocks is served by the block as it is.
        unsafe impl<$($generics)*> stratalloc_core::ResizeInPlace for $type {
            #[inline]
            unsafe fn resize_in_place(
                &self,
                _: core::ptr::NonNull<u8>,
                _: core::alloc::Layout,
                new: core::alloc::Layout,
            ) -> Result<(), stratalloc_core::AllocError> {
                let fits = $crate::Blocks::block_layout(self).fits(new);
                if fits { Ok(()) } else { Err(stratalloc_core::AllocError) }
            }
        }

        impl<$($generics)*> stratalloc_core::FreeUnsized for $type {
            #[inline]
            unsafe fn free_unsized(&self, block: core::ptr::NonNull<u8>) {
                // SAFETY: the block is live, so it isn't a dangling address.
                unsafe { $crate::Blocks::free_block(self, block) }
            }
        }
    };
}

pub(crate) use impl_allocator;
