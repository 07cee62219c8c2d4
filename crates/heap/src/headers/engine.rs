//! The heap's state, and how blocks are taken and given.

use core::alloc::Layout;

use stratalloc_core::Allocator;

use super::{
    bins::Bins,
    block::{BEFORE_USED, GRANULE, LEAST, USED, WORD, header, is_used, set_header, set_used, size},
};
use crate::memory::{load, store};

/// Blocks of fewer granules have a quick list.
const QUICK: usize = 128;

/// All state of a heap but its base.
///
/// # Invariants
///
/// - [HEADERS-4: tiled] Each stretch of memory is tiled by blocks up to its end, where a header says that it is in use.
///   Each header tells the truth of its block and of the one before. No two neighbours are both free.
/// - [HEADERS-5: filed] Every block is live, in the quick list of its length, or free and in a bin; each has at least
///   [`LEAST`] bytes, or is in use for ever. The blocks of a quick list are used by nobody, and have the next in their
///   first word.
/// - [HEADERS-6: top] What lies from `top` to `end` is no block yet: it is the heap's and in no list, behind a block in
///   use. Both are zero, or multiples of the granule.
pub(super) struct Engine {
    pub(super) bins: Bins,
    pub(super) top: usize,
    pub(super) end: usize,
    quick: [usize; QUICK],
}

impl Engine {
    /// Returns an engine without memory.
    pub(super) const fn new() -> Self {
        Self { bins: Bins::new(), top: 0, end: 0, quick: [0; QUICK] }
    }

    /// Takes a block of just this size out of its quick list; 0 if there is none.
    #[inline(always)]
    pub(super) fn pop_quick(&mut self, size: usize) -> usize {
        let Some(head) = self.quick.get_mut(size / GRANULE) else { return 0 };
        let address = *head;
        if address != 0 {
            // SAFETY: the blocks of a quick list are the heap's [HEADERS-5].
            *head = unsafe { load(address) };
        }
        address
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// It is live.
    #[inline(always)]
    pub(super) unsafe fn give(&mut self, address: usize) {
        // SAFETY: the block is live, and so has a header, and nobody uses it any more.
        unsafe {
            match self.quick.get_mut(size(address) / GRANULE) {
                Some(head) => store(address, core::mem::replace(head, address)),
                None => self.free(address),
            }
        }
    }

    /// Returns whether an address may be that of a live block, in constant time.
    ///
    /// # Safety
    ///
    /// It is that of a block, live or not.
    pub(super) unsafe fn looks_live(&self, address: usize) -> bool {
        // SAFETY: so there is a header.
        unsafe {
            let is_last_freed = self.quick.get(size(address) / GRANULE) == Some(&address);
            address % GRANULE == 0 && is_used(address) && !is_last_freed
        }
    }

    /// Takes a block of this size from the bins, the top or the base: its address, or 0.
    #[inline(never)]
    pub(super) fn take_slowly<B: Allocator>(&mut self, base: &B, size: usize) -> usize {
        let mut attempt = 0;
        loop {
            let address = self.find(size);
            if address != 0 {
                return address;
            }
            if attempt == 0 {
                self.consolidate();
            } else {
                // The first time it expects that what it gets continues the top; the second, it gets enough by itself.
                let room = if attempt == 1 { self.end - self.top } else { 0 };
                if !self.grow(base, size - room) {
                    return 0;
                }
            }
            attempt += 1;
        }
    }

    /// Takes a block of this size from the bins, or the top: its address, or 0.
    fn find(&mut self, size: usize) -> usize {
        let address = self.bins.find(size);
        // SAFETY: a block in a bin is free, and has a live one before it [HEADERS-4], as has the top [HEADERS-6].
        unsafe {
            if address != 0 {
                self.bins.remove(address);
                self.cut(address, size);
                return address;
            }
            if self.end - self.top < size {
                return 0;
            }
            let address = self.top;
            self.top += size;
            set_header(address, size | USED | BEFORE_USED);
            address
        }
    }

    /// Takes a block of this size whose alignment is above the granule: its address, or 0.
    #[inline(never)]
    pub(super) fn take_aligned<B: Allocator>(
        &mut self,
        base: &B,
        least: usize,
        align: usize,
    ) -> usize {
        let start = self.take_slowly(base, least + align + LEAST);
        if start == 0 {
            return 0;
        }
        // What is before it is long enough to be a block.
        let address = (start + LEAST).wrapping_add(align - 1) & !(align - 1);
        let gap = address - start;
        // SAFETY: the block is live, with room for the gap and for `least` bytes behind it.
        unsafe {
            set_header(address, (size(start) - gap) | USED);
            set_used(start, gap);
            self.free(start);
            self.cut(address, least);
        }
        address
    }

    /// Makes a block one in use of `least` bytes, or a little more, and frees the rest.
    ///
    /// # Safety
    ///
    /// The block has as many bytes, is in no list, and has a block behind it, or the end.
    #[inline(never)]
    pub(super) unsafe fn cut(&mut self, address: usize, least: usize) {
        // SAFETY: both parts are the heap's; what is behind them has a header, or is the top.
        unsafe {
            let all = size(address);
            let rest = all - least;
            if rest < LEAST {
                set_used(address, all);
                let behind = address + all;
                if behind != self.top {
                    set_header(behind, header(behind) | BEFORE_USED);
                }
            } else {
                set_used(address, least);
                set_header(address + least, rest | USED | BEFORE_USED);
                self.free(address + least);
            }
        }
    }

    /// Makes a block in use free: joined with its free neighbours, it becomes part of the top, or is filed.
    ///
    /// # Safety
    ///
    /// It is in use, and nobody uses it.
    #[inline(never)]
    pub(super) unsafe fn free(&mut self, address: usize) {
        let mut start = address;
        // SAFETY: the neighbours are as their headers say [HEADERS-4]; those that are free are in bins [HEADERS-5].
        unsafe {
            let mut behind = address + size(address);
            if header(address) & BEFORE_USED == 0 {
                start -= load::<usize>(address - 2 * WORD);
                self.bins.remove(start);
            }
            if behind == self.top {
                self.top = start;
                return;
            }
            if !is_used(behind) {
                self.bins.remove(behind);
                behind += size(behind);
            }
            self.bins.insert(start, behind - start);
        }
    }

    /// Frees all blocks of the quick lists for good.
    pub(super) fn consolidate(&mut self) {
        for list in 0..QUICK {
            let mut address = core::mem::take(&mut self.quick[list]);
            while address != 0 {
                // SAFETY: the blocks of a quick list are the heap's, and used by nobody [HEADERS-5].
                unsafe {
                    let next = load(address);
                    self.free(address);
                    address = next;
                }
            }
        }
    }

    /// Takes memory from the base for a block of this size; whether it could.
    #[inline(never)]
    pub(super) fn grow<B: Allocator>(&mut self, base: &B, size: usize) -> bool {
        let layout = Layout::from_size_align(size + GRANULE, GRANULE);
        let Some(chunk) = layout.ok().and_then(|layout| base.allocate(layout).ok()) else {
            return false;
        };
        let start = chunk.cast::<u8>().as_ptr().expose_provenance();
        self.add(start, start + chunk.len());
        true
    }

    /// Makes memory the top, or more of it if it continues it.
    fn add(&mut self, start: usize, end: usize) {
        // SAFETY: the memory is the heap's alone, and has more than a granule; the end of what was there has a header
        // that says so.
        unsafe {
            if start != self.end {
                self.close();
                self.top = start + GRANULE;
            }
            self.end = end & !(GRANULE - 1);
            set_header(self.end, USED | BEFORE_USED);
        }
    }

    /// Makes what is left of the top a block: free, or if it is too short for that, in use for ever.
    unsafe fn close(&mut self) {
        let rest = self.end - self.top;
        // SAFETY: the top is the heap's, and in no list [HEADERS-6].
        unsafe {
            if rest != 0 {
                set_header(self.top, rest | USED | BEFORE_USED);
            }
            if rest >= LEAST {
                // No longer the top, which it would be joined with.
                let old = core::mem::take(&mut self.top);
                self.free(old);
            }
        }
    }
}
