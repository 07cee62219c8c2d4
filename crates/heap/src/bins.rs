//! Free blocks in lists by length, and the maps that tell which lists hold any.
//!
//! A free block keeps in its own body all that is said of it:
//!
//! ```text
//! | next | previous | length, if in a bin of many | …            … | length |
//! 0      8          16                                    end - 8
//! ```

use core::marker::PhantomData;

use crate::{
    memory::{load, store},
    policy::{Fit, Order, Policy},
};

/// Bytes of a link.
const WORD: usize = size_of::<usize>();

/// Lengths below this many granules have a bin each.
pub(crate) const EXACT: usize = 64;

/// Bins for each doubling from [`EXACT`] on.
const PER_DOUBLING: usize = 16;

/// Doublings; longer blocks share the last bin.
const DOUBLINGS: usize = 16;

/// Bins of many lengths.
const WIDE: usize = PER_DOUBLING * DOUBLINGS;

/// A free block: its address, and its length in granules. Length 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Free {
    pub(crate) address: usize,
    pub(crate) len: usize,
}

impl Free {
    pub(crate) const NONE: Self = Self { address: 0, len: 0 };
}

/// Lists of free blocks by length.
///
/// # Invariants
///
/// - **B1**: every block in a list is free memory of the heap, its links and lengths as drawn
///   above; a link of zero ends the list.
/// - **B2**: a list's bit in the maps is set if and only if the list isn't empty.
pub(crate) struct Bins<P> {
    exact_map: u64,
    wide_map: [u64; WIDE / 64],
    heads: [usize; EXACT + WIDE],
    policy: PhantomData<P>,
}

/// The bin of a length.
#[inline(always)]
pub(crate) const fn bin_of(len: usize) -> usize {
    if len < EXACT { len } else { wide_bin_of(len) }
}

#[inline(always)]
const fn wide_bin_of(len: usize) -> usize {
    let log = len.ilog2();
    let doubling = (log - EXACT.ilog2()) as usize;
    let step = (len >> (log - PER_DOUBLING.ilog2())) % PER_DOUBLING;
    let bin = EXACT + doubling * PER_DOUBLING + step;
    if bin < EXACT + WIDE { bin } else { EXACT + WIDE - 1 }
}

/// The length in granules of a free block in a bin of many lengths.
///
/// # Safety
///
/// As B1 has it.
#[inline(always)]
pub(crate) unsafe fn wide_len(address: usize) -> usize {
    // SAFETY: B1.
    unsafe { load(address + 2 * WORD) }
}

/// The length of the free block that ends at `end`.
///
/// # Safety
///
/// As B1 has it.
#[inline(always)]
pub(crate) unsafe fn len_before(end: usize) -> usize {
    // SAFETY: B1.
    unsafe { load(end - WORD) }
}

impl<P: Policy> Bins<P> {
    /// No block at all.
    pub(crate) const fn new() -> Self {
        Self {
            exact_map: 0,
            wide_map: [0; WIDE / 64],
            heads: [0; EXACT + WIDE],
            policy: PhantomData,
        }
    }

    /// Files a block.
    ///
    /// # Safety
    ///
    /// It is free memory of the heap, at least two granules, and in no list.
    #[inline(always)]
    pub(crate) unsafe fn insert(&mut self, block: Free) {
        let Free { address, len } = block;
        // SAFETY: the block's memory is the heap's to write.
        unsafe { store(address + len * P::GRANULE - WORD, len) };
        let bin = bin_of(len);
        if len < EXACT {
            self.exact_map |= 1 << len;
        } else {
            // SAFETY: as above.
            unsafe { store(address + 2 * WORD, len) };
            self.wide_map[(bin - EXACT) / 64] |= 1 << ((bin - EXACT) % 64);
        }
        let (previous, next) = self.place_for(bin, address);
        // SAFETY: as above, and the neighbours are free blocks by B1.
        unsafe {
            store(address, next);
            store(address + WORD, previous);
            if next != 0 {
                store(next + WORD, address);
            }
            if previous != 0 {
                store(previous, address);
            } else {
                *self.heads.get_unchecked_mut(bin) = address;
            }
        }
    }

    /// The neighbours between which a block enters a bin.
    #[inline(always)]
    fn place_for(&self, bin: usize, address: usize) -> (usize, usize) {
        // SAFETY: `bin_of` gives numbers below the count of heads.
        let (mut previous, mut next) = (0, unsafe { *self.heads.get_unchecked(bin) });
        if P::ORDER as u8 == Order::Address as u8 {
            while next != 0 && next < address {
                previous = next;
                // SAFETY: B1.
                next = unsafe { load(next) };
            }
        }
        (previous, next)
    }

    /// Takes a certain block out of its list.
    ///
    /// # Safety
    ///
    /// It is in a list with this length.
    #[inline(always)]
    pub(crate) unsafe fn remove(&mut self, block: Free) {
        // SAFETY: B1.
        let (next, previous): (usize, usize) =
            unsafe { (load(block.address), load(block.address + WORD)) };
        if next != 0 {
            // SAFETY: B1.
            unsafe { store(next + WORD, previous) };
        }
        if previous != 0 {
            // SAFETY: B1.
            unsafe { store(previous, next) };
            return;
        }
        let bin = bin_of(block.len);
        // SAFETY: `bin_of` gives numbers below the count of heads.
        unsafe { *self.heads.get_unchecked_mut(bin) = next };
        if next == 0 {
            self.unmark(bin);
        }
    }

    #[inline(always)]
    fn unmark(&mut self, bin: usize) {
        if bin < EXACT {
            self.exact_map &= !(1 << bin);
        } else {
            self.wide_map[(bin - EXACT) / 64] &= !(1 << ((bin - EXACT) % 64));
        }
    }

    /// Takes a block of at least `len` granules out of its list; [`Free::NONE`] if there is none.
    #[inline(always)]
    pub(crate) fn take(&mut self, len: usize) -> Free {
        let block = self.take_exact(len);
        if block.len != 0 || self.wide_map == [0; WIDE / 64] { block } else { self.take_wide(len) }
    }

    /// Takes a block of at least `len` granules out of a list of one length; [`Free::NONE`] if
    /// there is none.
    #[inline(always)]
    pub(crate) fn take_exact(&mut self, len: usize) -> Free {
        let fitting = if len < EXACT { self.exact_map >> len } else { 0 };
        if fitting == 0 {
            return Free::NONE;
        }
        let found = len + fitting.trailing_zeros() as usize;
        // SAFETY: a bit of a word of 64 has its head; by B2 it is a free block of this length, and
        // by B1 it links to the next.
        unsafe {
            let head = self.heads.get_unchecked_mut(found);
            let address = *head;
            let next = load(address);
            *head = next;
            if next == 0 {
                self.exact_map &= !(1 << found);
            } else {
                store(next + WORD, 0_usize);
            }
            Free { address, len: found }
        }
    }

    /// Takes from the bins of many lengths.
    #[inline(never)]
    fn take_wide(&mut self, len: usize) -> Free {
        let mut bin = if len < EXACT { EXACT } else { wide_bin_of(len) };
        loop {
            let Some(found) = self.wide_bin_from(bin) else { return Free::NONE };
            let block = self.choose(found, len);
            if block.len != 0 {
                // SAFETY: `choose` found it in the list.
                unsafe { self.remove(block) };
                return block;
            }
            bin = found + 1;
        }
    }

    /// The first bin of many lengths that isn't empty, from this one on.
    fn wide_bin_from(&self, bin: usize) -> Option<usize> {
        let mut word = (bin - EXACT) / 64;
        let mut map = self.wide_map.get(word)? >> ((bin - EXACT) % 64) << ((bin - EXACT) % 64);
        while map == 0 {
            word += 1;
            map = *self.wide_map.get(word)?;
        }
        Some(EXACT + word * 64 + map.trailing_zeros() as usize)
    }

    /// The block of a bin that the policy's fit prefers, of at least `len` granules.
    fn choose(&self, bin: usize, len: usize) -> Free {
        let mut chosen = Free::NONE;
        let mut left = if let Fit::Bounded(count) = P::FIT { count } else { u32::MAX };
        let mut address = self.heads[bin];
        while address != 0 && left != 0 {
            // SAFETY: B1.
            let block = Free { address, len: unsafe { wide_len(address) } };
            let better = match P::FIT {
                Fit::First | Fit::Worst => block.len > chosen.len,
                Fit::Best | Fit::Bounded(_) => chosen.len == 0 || block.len < chosen.len,
            };
            if block.len >= len && better {
                chosen = block;
                if matches!(P::FIT, Fit::First) || block.len == len {
                    break;
                }
            }
            left -= 1;
            // SAFETY: B1.
            address = unsafe { load(address) };
        }
        chosen
    }

    /// How many blocks are in the lists.
    pub(crate) fn count(&self) -> usize {
        let mut count = 0;
        for &head in &self.heads {
            let mut address = head;
            while address != 0 {
                count += 1;
                // SAFETY: B1.
                address = unsafe { load(address) };
            }
        }
        count
    }

    /// Whether a free block's body says what it should.
    ///
    /// # Safety
    ///
    /// It is free memory of the heap.
    pub(crate) unsafe fn is_intact(&self, block: Free) -> bool {
        // SAFETY: the body has room for the length twice and two links.
        let (before, wide, previous) = unsafe {
            let end = block.address + block.len * P::GRANULE;
            (len_before(end), wide_len(block.address), load::<usize>(block.address + WORD))
        };
        let is_head = self.heads[bin_of(block.len)] == block.address;
        before == block.len
            && (block.len < EXACT || wide == block.len)
            && (previous == 0) == is_head
    }
}
