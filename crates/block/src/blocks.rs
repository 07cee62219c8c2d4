//! What all block allocators have in common.

use core::ptr::NonNull;

use stratalloc_core::AllocError;

use crate::BlockLayout;

/// Hands out and takes back blocks of one size.
///
/// # Safety
///
/// - A block handed out is as large and as aligned as [`block_layout`](Self::block_layout) says, and
///   belongs to the caller alone until it is freed or the allocator is dropped. Moving the allocator
///   does not invalidate blocks, and nothing that a shared reference offers drops or replaces it.
/// - A failed call changes nothing.
pub unsafe trait Blocks {
    /// Returns the size and alignment of all blocks.
    fn block_layout(&self) -> BlockLayout;

    /// Hands out one block; its content is undefined.
    fn alloc_block(&self) -> Result<NonNull<u8>, AllocError>;

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// `block` was handed out by this allocator and has not been freed since.
    unsafe fn free_block(&self, block: NonNull<u8>);
}

// SAFETY: every call goes to the one allocator behind the reference.
unsafe impl<B: Blocks + ?Sized> Blocks for &B {
    #[inline]
    fn block_layout(&self) -> BlockLayout {
        (**self).block_layout()
    }

    #[inline]
    fn alloc_block(&self) -> Result<NonNull<u8>, AllocError> {
        (**self).alloc_block()
    }

    #[inline]
    unsafe fn free_block(&self, block: NonNull<u8>) {
        // SAFETY: the block is live.
        unsafe { (**self).free_block(block) }
    }
}
