//! The base of an allocator that lives in a buffer: it has nothing more to give.

use core::{alloc::Layout, marker::PhantomData, mem::MaybeUninit, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator};

use crate::{BlockError, BlockLayout};

/// A base that serves nothing, and holds the caller's buffer borrowed for `'a`.
///
/// Made by the `from_buffer` constructors; an allocator over it never grows (S2.1).
#[derive(Debug)]
pub struct Buffer<'a>(PhantomData<&'a mut [MaybeUninit<u8>]>);

// SAFETY: no block is ever handed out, so every clause of the contract holds of all of them.
unsafe impl Allocator for Buffer<'_> {
    fn allocate(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }

    /// The buffer goes back to its owner when the borrow ends; there is nothing to do.
    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
}

impl<'a> Buffer<'a> {
    /// Returns the first aligned address of `buffer` and how many blocks it has room for, each with
    /// `side` bytes elsewhere in the buffer. At least one.
    pub(crate) fn divide(
        buffer: &'a mut [MaybeUninit<u8>],
        blocks: BlockLayout,
        side: usize,
    ) -> Result<(Self, NonNull<u8>, usize), BlockError> {
        let start = NonNull::from(&mut *buffer).cast::<u8>();
        let skipped = start.align_offset(blocks.align());
        let stride = blocks.size().saturating_add(side);
        let count = buffer.len().saturating_sub(skipped) / stride;
        if count == 0 {
            return Err(BlockError::BufferTooSmall { buffer: buffer.len(), block: stride });
        }
        // SAFETY: `count > 0`, so `skipped` is less than the buffer's length.
        Ok((Self(PhantomData), unsafe { start.add(skipped) }, count))
    }
}
