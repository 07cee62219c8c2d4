//! Resizing a block where it lies.

use stratalloc_core::Allocator;

use super::{
    block::{header, is_used, set_header, set_used, size},
    engine::Engine,
};

impl Engine {
    /// Makes a live block one of `new` bytes at the same address; whether that was possible.
    ///
    /// # Safety
    ///
    /// It is live.
    #[inline(never)]
    pub(super) unsafe fn resize<B: Allocator>(
        &mut self,
        base: &B,
        address: usize,
        new: usize,
    ) -> bool {
        // SAFETY: the block is live, and its neighbours are as their headers say [HEADERS-4].
        unsafe {
            let all = size(address);
            if new > all {
                let (behind, more) = (address + all, new - all);
                if behind == self.top {
                    return self.extend(base, address, more);
                }
                if is_used(behind) || all + size(behind) < new {
                    return false;
                }
                self.bins.remove(behind);
                set_used(address, all + size(behind));
            }
            self.cut(address, new);
        }
        true
    }

    /// Makes the last live block, behind which the top lies, `more` bytes longer; whether that was possible.
    unsafe fn extend<B: Allocator>(&mut self, base: &B, address: usize, more: usize) -> bool {
        let behind = self.top;
        let room = self.end - behind;
        if room < more {
            self.grow(base, more - room);
        }
        // Memory that doesn't continue the block makes the top lie elsewhere.
        let is_done = self.top == behind && self.end - behind >= more;
        if is_done {
            self.top += more;
            // SAFETY: the block is live, and the flags stay.
            unsafe { set_header(address, header(address) + more) }
        }
        is_done
    }
}
