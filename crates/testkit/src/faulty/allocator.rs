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
        self.enter(block, layout);
        Ok(block)
    }

    /// Makes one call that may fail, and moves a block.
    pub(super) fn try_move(
        &self,
        block: NonNull<u8>,
        [old, new]: [Layout; 2],
        call: impl FnOnce(&B) -> Result<NonNull<[u8]>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        self.check(block, old);
        if self.ledger().fails(Call::Take) {
            return Err(AllocError);
        }
        // Struck out first: another thread may be given the same address at once. After a failure nobody is.
        let entry = self.strike_out(block, old);
        let moved = call(&self.base);
        match (&moved, entry) {
            (&Ok(moved), _) => self.enter(moved, new),
            (Err(_), Some(entry)) => self.ledger().give(block.addr().get(), entry),
            (Err(_), None) => {}
        }
        moved
    }

    /// Enters a block that the base gave; an empty one isn't.
    pub(super) fn enter(&self, block: NonNull<[u8]>, layout: Layout) {
        if !block.is_empty() {
            let address = block.cast::<u8>().addr().get();
            self.ledger().give(address, Entry::of(layout, block.len()));
        }
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
    fn strike_out(&self, block: NonNull<u8>, layout: Layout) -> Option<Entry> {
        let mut ledger = self.ledger();
        let address = block.addr().get();
        let is_entered = layout.size() > 0 || ledger.live.contains_key(&address);
        is_entered.then(|| ledger.take_back(address))
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
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.base.deallocate(block, layout) }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        self.try_move(block, [old, new], |base| unsafe { base.grow(block, old, new) })
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        self.try_move(block, [old, new], |base| unsafe { base.grow_zeroed(block, old, new) })
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        self.try_move(block, [old, new], |base| unsafe { base.shrink(block, old, new) })
    }
}
