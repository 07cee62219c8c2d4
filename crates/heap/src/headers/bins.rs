//! Free blocks in lists by size.

use super::block::{BEFORE_USED, GRANULE, WORD, header, set_header, size};
use crate::memory::{load, store};

/// Bins for each doubling of the length.
const PER_DOUBLING: usize = 4;

/// All bins; blocks too long for any other share the last.
const BINS: usize = u64::BITS as usize;

/// Blocks of a bin that are looked at, so that the search is bounded.
const LOOKS: u32 = 32;

/// Lists of free blocks by size.
///
/// # Invariants
///
/// - [HEADERS-2: bins] The blocks of a list are free memory of the heap with headers, links and sizes as drawn in
///   `block`; zero ends a list, and the bin's number is the previous of the first. No block lies as low.
/// - [HEADERS-3: map] The bit of a list that isn't empty is set.
pub(super) struct Bins {
    map: u64,
    heads: [usize; BINS],
}

/// Returns the bin of a size: its three highest bits in granules, with the doubling above them.
#[inline]
const fn bin_of(size: usize) -> usize {
    let len = size / GRANULE;
    let shift = (len | PER_DOUBLING).ilog2() - PER_DOUBLING.ilog2();
    let bin = (len >> shift) + shift as usize * PER_DOUBLING;
    if bin < BINS { bin } else { BINS - 1 }
}

impl Bins {
    pub(super) const fn new() -> Self {
        Self { map: 0, heads: [0; BINS] }
    }

    #[inline(always)]
    fn head(&mut self, bin: usize) -> &mut usize {
        // SAFETY: a bin's number is below the count.
        unsafe { self.heads.get_unchecked_mut(bin) }
    }

    /// Files `size` bytes from `address` on as a free block.
    ///
    /// # Safety
    ///
    /// They are the heap's, at least the shortest block, between blocks in use, and in no list.
    #[inline(never)]
    pub(super) unsafe fn insert(&mut self, address: usize, size: usize) {
        let bin = bin_of(size);
        let next = core::mem::replace(self.head(bin), address);
        self.map |= 1 << bin;
        let end = address + size;
        // SAFETY: the block is the heap's to write, and has neighbours; so is the next in the list [HEADERS-2].
        unsafe {
            set_header(address, size | BEFORE_USED);
            store(end - 2 * WORD, size);
            set_header(end, header(end) & !BEFORE_USED);
            store(address, next);
            store(address + WORD, bin);
            if next != 0 {
                store(next + WORD, address);
            }
        }
    }

    /// Returns whether a block is in the list of its size.
    #[cfg(test)]
    pub(super) fn holds(&mut self, address: usize) -> bool {
        // SAFETY: the blocks of a list are free memory of the heap [HEADERS-2].
        unsafe {
            let mut listed = *self.head(bin_of(size(address)));
            while listed != 0 && listed != address {
                listed = load(listed);
            }
            listed != 0
        }
    }

    /// Takes a block out of its list.
    ///
    /// # Safety
    ///
    /// It is in a list.
    #[inline(never)]
    pub(super) unsafe fn remove(&mut self, address: usize) {
        // SAFETY: the links lead to blocks of the list [HEADERS-2].
        unsafe {
            let (next, previous): (usize, usize) = (load(address), load(address + WORD));
            if next != 0 {
                store(next + WORD, previous);
            }
            if previous < BINS {
                *self.head(previous) = next;
            } else {
                store(previous, next);
            }
        }
    }

    /// Returns a block of at least `least` bytes, still in its list; 0 if there is none.
    #[inline(always)]
    pub(super) fn find(&mut self, least: usize) -> usize {
        let mut map = self.map & u64::MAX << bin_of(least);
        while map != 0 {
            let bin = map.trailing_zeros() as usize;
            let mut address = *self.head(bin);
            if address == 0 {
                self.map &= !(1 << bin);
            }
            let mut left = LOOKS;
            while address != 0 && left != 0 {
                // SAFETY: the block is in a list [HEADERS-2].
                unsafe {
                    if size(address) >= least {
                        return address;
                    }
                    address = load(address);
                }
                left -= 1;
            }
            map &= map - 1;
        }
        0
    }
}
