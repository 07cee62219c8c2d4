//! `Faulty` over an allocator.

use std::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator};

use super::{Call, Entry, Faulty};

impl<B: Allocator> Faulty<B> {
    /// Makes one call that may fail, and enters its block.
    fn try_call(
        &self,
        layout: Layout,
        call: impl FnOnce(&B) -> Result<NonNull<[u8]>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if self.ledger().fails(Call::Take) {
            return Err(AllocError);
        }
        let block = call(&self.base)?;
        if !block.is_empty() {
            let address = block.cast::<u8>().addr().get();
            self.ledger().give(address, Entry::of(layout, block.len()));
        }
        Ok(block)
    }

    /// Makes one call that may fail, and moves a block.
    fn try_move(
        &self,
        block: NonNull<u8>,
        [old, new]: [Layout; 2],
        call: impl FnOnce(&B) -> Result<NonNull<[u8]>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // A failed call must leave the books as they were, so nothing is struck out before.
        self.check(block, old);
        self.try_call(new, |base| {
            let moved = call(base)?;
            self.strike_out(block, old);
            Ok(moved)
        })
    }

    /// Checks that a block is live, and that `layout` fits it.
    fn check(&self, block: NonNull<u8>, layout: Layout) {
        let address = block.addr().get();
        match self.ledger().live.get(&address) {
            Some(entry) => {
                let fits = (entry.asked..=entry.size).contains(&layout.size());
                assert!(fits && entry.align == layout.align(), "{layout:?} doesn't fit {entry:?}");
            }
            None => assert!(layout.size() == 0, "{address:#x} isn't live in the base"),
        }
    }

    /// Strikes out a block that was checked; an empty one was never entered.
    fn strike_out(&self, block: NonNull<u8>, layout: Layout) {
        let mut ledger = self.ledger();
        let address = block.addr().get();
        if layout.size() > 0 || ledger.live.contains_key(&address) {
            ledger.take_back(address);
        }
    }
}

// SAFETY: what the base gives, checked; or nothing.
unsafe impl<B: Allocator> Allocator for Faulty<B> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.try_call(layout, |base| base.allocate(layout))
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.try_call(layout, |base| base.allocate_zeroed(layout))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        self.check(block, layout);
        // Struck out first: another thread may be given the same address at once.
        self.strike_out(block, layout);
        // SAFETY: the caller's promise.
        unsafe { self.base.deallocate(block, layout) }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise.
        self.try_move(block, [old, new], |base| unsafe { base.grow(block, old, new) })
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise.
        self.try_move(block, [old, new], |base| unsafe { base.grow_zeroed(block, old, new) })
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise.
        self.try_move(block, [old, new], |base| unsafe { base.shrink(block, old, new) })
    }
}
