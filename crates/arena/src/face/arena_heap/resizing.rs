//! New sizes for blocks of an arena heap.

use crate::face::arena_heap::{ArenaHeap, MAX_SIZE, slice};
use crate::{
    cache::slot,
    heap::{
        large::{Outlook, PAGE},
        pools::Admission,
    },
    plan::bins::bin_for,
    process::thread,
    sys::moving,
    thresholds::GROWING,
};
use core::{alloc::Layout, ptr::NonNull};
use stratalloc_core::{AllocError, Allocator};

impl ArenaHeap {
    /// Gives a large block another size where it stands; returns whether it could.
    ///
    /// # Safety
    ///
    /// The block is a large one of this heap, and holds at least `old` bytes.
    unsafe fn resize_large(&self, block: NonNull<u8>, old: usize, size: usize) -> bool {
        let attempt = || {
            // SAFETY: the block is one of this heap, by this function's contract.
            let (done, visit) =
                unsafe { self.heap().resize_large(slot::mark(), block.as_ptr(), size) };
            thread::see_to(visit);
            done
        };
        let more = || size.next_multiple_of(PAGE).saturating_sub(old);
        attempt() || self.admit(more()) == Admission::AfterPurge && attempt()
    }

    /// Whether a block serves another layout where it stands, after it was resized there if it can be.
    ///
    /// # Safety
    ///
    /// As for [`Allocator::deallocate`] with `old`.
    pub(super) unsafe fn serves(&self, block: NonNull<u8>, old: Layout, new: Layout) -> bool {
        if block.addr().get() % new.align() != 0 || old.size() == 0 || new.size() == 0 {
            return false;
        }
        match (bin_for(old.size(), old.align()), bin_for(new.size(), new.align())) {
            (None, None) if new.size() > MAX_SIZE => false,
            // SAFETY: by its old layout the block is a large one, of this heap by this function's contract.
            (None, None) => unsafe { self.resize_large(block, old.size(), new.size()) },
            (old, new) => old == new,
        }
    }

    /// Gives a block another layout, elsewhere if need be, with as much of it as both hold.
    ///
    /// # Safety
    ///
    /// As for [`Allocator::deallocate`] with `old`.
    pub(super) unsafe fn resize(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: this function's contract is the same.
        if unsafe { self.serves(block, old, new) } {
            return Ok(NonNull::slice_from_raw_parts(block, new.size()));
        }
        let growing = new.size() > old.size() && new.size() >= GROWING;
        let moved = if growing {
            let fresh = self.allocate_large(new, Outlook::Growing).ok_or(AllocError)?;
            slice(fresh.start, new)?
        } else {
            self.allocate(new)?
        };
        let kept = old.size().min(new.size());
        // SAFETY: both blocks are live and hold `kept` bytes; the old one is given up, by this function's contract.
        unsafe {
            moving::copy_bytes(block.as_ptr(), moved.cast().as_ptr(), kept);
            self.deallocate(block, old);
        }
        Ok(moved)
    }
}
