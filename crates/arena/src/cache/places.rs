//! Where a block comes to lie in its stack, in the hardened build: nobody can tell which request gets it.

use crate::{
    books::{guard, poison},
    cache::{Cache, step},
    plan::bins::Bin,
    thresholds::RANDOM_PLACES,
};

impl Cache {
    /// As [`push`](Self::push); in the hardened build, in the place of one of the newest, which comes to lie on top. So the
    /// next request doesn't get the block that was freed last, unless the stack was empty.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push).
    #[inline(always)]
    pub(crate) unsafe fn push_at_random(&self, bin: Bin, block: *mut u8) -> bool {
        let (top, limit) = (self.tops[bin.index()].get(), self.limits[bin.index()].get());
        // As the length of `stack`, which takes ten instructions more.
        let held = self.sizes[bin.index()].get() as usize - slots_between(top, limit);
        if !guard::ON || top == limit || held == 0 {
            // SAFETY: this function's contract is the same.
            return unsafe { self.push(bin, block) };
        }
        // The oldest of fewer is the likeliest.
        let depth = self.random.below(RANDOM_PLACES).min(held - 1);
        // SAFETY: [CACHE-2: tops] so many blocks lie in the stack, and below the limit there is one more slot.
        unsafe {
            let place = top.sub(depth);
            *top.add(1) = place.replace(block);
        }
        step(&self.tops[bin.index()], 1);
        poison::freed(bin, block);
        true
    }
}

/// The slots above `top` up to `limit`.
#[inline(always)]
fn slots_between(top: *mut *mut u8, limit: *mut *mut u8) -> usize {
    (limit.addr() - top.addr()) / size_of::<*mut u8>()
}
