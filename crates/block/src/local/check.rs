//! What a local allocator can find out about a block that comes back, and about itself.

use core::ptr::NonNull;

use stratalloc_core::{Allocator, diag};

use super::BlockAllocator;
use crate::{
    FreeError,
    free_list::{CHECKED, Link, peek},
    poison,
};

impl<A: Allocator> BlockAllocator<A> {
    /// Takes a block back after checking it, in every build.
    ///
    /// Takes time in the number of chunks, and to find that a block is free already, in the number
    /// of free blocks (in checked builds only where the block's first word looks like a link).
    ///
    /// # Safety
    ///
    /// If the address is that of a live block, it is the caller's to free. (That of a block that was
    /// freed and handed out again can't be told from that.)
    pub unsafe fn try_free_block(&self, block: NonNull<u8>) -> Result<(), FreeError> {
        self.check(block)?;
        // SAFETY: `check` found a block of ours that isn't free, so it is live; it is the caller's to free.
        unsafe { self.push(block) };
        Ok(())
    }

    /// Walks everything and returns whether the invariants hold. Takes time in the number of free
    /// blocks times the number of chunks.
    #[must_use]
    pub fn validate(&self) -> bool {
        let newest = self.chunks.iter(self.shape).next();
        let fresh_is_in_newest = self.fresh.get() == self.fresh_end.get()
            || newest.is_some_and(|chunk| chunk.has_block(self.fresh.get(), self.shape.blocks));
        fresh_is_in_newest
            && self.chunks.iter(self.shape).count() == self.chunks.count()
            && self.free_list_is_sound()
    }

    /// Returns whether each link leads to a block that was handed out, and the list ends.
    fn free_list_is_sound(&self) -> bool {
        let mut next = self.free.head();
        for _ in 0..=self.carved() {
            let Some(block) = next else { return true };
            if self.carved_block(block).is_err() {
                return false;
            }
            // SAFETY: a block of ours that some link leads to; its first word was written when it
            // was handed out, if not as a link.
            next = unsafe { peek(block) };
        }
        false
    }

    /// Ends the process if the block that was just popped had been written to while it was free.
    #[inline]
    pub(super) fn expect_intact(&self, block: NonNull<u8>) {
        if self.free.head().is_some_and(|next| self.carved_block(next).is_err()) {
            let size = self.shape.blocks.size();
            diag::fatal(format_args!("write to {block:p}, a free block of {size} bytes"));
        }
    }

    /// Ends the process if the address isn't that of a live block.
    #[inline]
    pub(super) fn expect_live(&self, block: NonNull<u8>) {
        if let Err(error) = self.check(block) {
            let size = self.shape.blocks.size();
            diag::fatal(format_args!("free of {block:p}, blocks of {size} bytes: {error}"));
        }
    }

    /// Returns whether the address is that of a live block.
    fn check(&self, block: NonNull<u8>) -> Result<(), FreeError> {
        self.carved_block(block)?;
        if self.is_free(block) { Err(FreeError::AlreadyFree) } else { Ok(()) }
    }

    /// Returns whether the address is that of a block that was ever handed out.
    fn carved_block(&self, block: NonNull<u8>) -> Result<(), FreeError> {
        let chunk = self.chunks.find(block, self.shape).ok_or(FreeError::Foreign)?;
        if !chunk.has_block(block, self.shape.blocks) {
            return Err(FreeError::Interior);
        }
        let fresh = (self.fresh.get()..self.fresh_end.get()).contains(&block);
        if fresh { Err(FreeError::AlreadyFree) } else { Ok(()) }
    }

    /// Returns whether a block is in the free list. In checked builds it is walked only if the block's first
    /// word is what a link would be: seldom for a live block, and then the walk still tells.
    fn is_free(&self, block: NonNull<u8>) -> bool {
        if CHECKED {
            poison::unpoison(block, size_of::<Link>());
            // SAFETY: the block was handed out, and its first word was written then.
            let next = unsafe { Link::read(block) };
            if next.is_some_and(|next| self.carved_block(next).is_err()) {
                return false;
            }
        }
        self.free.iter().any(|free| free == block)
    }
}
