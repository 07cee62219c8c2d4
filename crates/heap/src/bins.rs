//! Free blocks in lists by size, and the maps that tell which lists hold any.

use core::marker::PhantomData;

use crate::{
    free::{Free, WORD},
    memory::{load, store},
    policy::{Fit, Order, Policy},
};

/// Sizes below this many granules have a bin each.
const EXACT: usize = 64;

/// Bins for each doubling from [`EXACT`] on.
const PER_DOUBLING: usize = 16;

/// Doublings; longer blocks share the last bin.
const DOUBLINGS: usize = 16;

/// Bins of many sizes.
const WIDE: usize = PER_DOUBLING * DOUBLINGS;

/// All bins.
const BINS: usize = EXACT + WIDE;

/// No block lies below this address: so a link can be a bin's number instead.
pub(crate) const LOWEST: usize = BINS;

/// Lists of free blocks by size.
///
/// # Invariants
///
/// - **B1**: every block in a list is free memory of the heap, its body as `free` draws it; as the next, zero ends the list, and the bin's number is the previous of the first.
/// - **B2**: a list's bit is set if and only if the list isn't empty: in `exact`, or in `wide`; a
///   word's bit in `summary`, if and only if the word of `wide` isn't zero.
pub(crate) struct Bins<P> {
    exact: u64,
    summary: usize,
    wide: [u64; WIDE / 64],
    heads: [usize; BINS],
    policy: PhantomData<P>,
}

/// The bin of a length in granules, from [`EXACT`] on.
#[inline(always)]
const fn wide_bin_of(len: usize) -> usize {
    // As many bits from the highest on as there are steps, with the doubling above them.
    let shift = len.ilog2() - PER_DOUBLING.ilog2();
    let step = (len >> shift) + (shift as usize * PER_DOUBLING);
    let bin = step + EXACT - (EXACT.ilog2() - PER_DOUBLING.ilog2() + 1) as usize * PER_DOUBLING;
    if bin < BINS { bin } else { BINS - 1 }
}

/// The bin of a size.
#[inline(always)]
const fn bin_of<P: Policy>(size: usize) -> usize {
    let len = size / P::GRANULE;
    if len < EXACT { len } else { wide_bin_of(len) }
}

impl<P: Policy> Bins<P> {
    /// No block at all.
    pub(crate) const fn new() -> Self {
        Self { exact: 0, summary: 0, wide: [0; WIDE / 64], heads: [0; BINS], policy: PhantomData }
    }

    #[inline(always)]
    fn head(&mut self, bin: usize) -> &mut usize {
        // SAFETY: a bin's number is below the count.
        unsafe { self.heads.get_unchecked_mut(bin) }
    }

    /// Files a block.
    ///
    /// # Safety
    ///
    /// It is free memory of the heap, at least the shortest block, and in no list.
    #[inline(always)]
    pub(crate) unsafe fn insert(&mut self, block: Free) {
        let bin = bin_of::<P>(block.size);
        let (previous, next) = self.place_for(bin, block.address);
        // SAFETY: the block's memory is the heap's to write, and the neighbours are free blocks by
        // B1.
        unsafe {
            block.write_size();
            store(block.address, next);
            store(block.address + WORD, previous);
            if previous == bin {
                *self.head(bin) = block.address;
            } else {
                store(previous, block.address);
            }
            if next != 0 {
                store(next + WORD, block.address);
            } else if previous == bin {
                self.mark(bin);
            }
        }
    }

    #[inline(always)]
    fn mark(&mut self, bin: usize) {
        if bin < EXACT {
            self.exact |= 1 << bin;
            return;
        }
        let word = (bin - EXACT) / 64;
        // SAFETY: a bin's number is below the count.
        unsafe { *self.wide.get_unchecked_mut(word) |= 1 << (bin % 64) };
        self.summary |= 1 << word;
    }

    /// The links of a block that enters a bin.
    #[inline(always)]
    fn place_for(&mut self, bin: usize, address: usize) -> (usize, usize) {
        let (mut previous, mut next) = (bin, *self.head(bin));
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
    /// It is in a list.
    #[inline(always)]
    pub(crate) unsafe fn remove(&mut self, address: usize) {
        // SAFETY: B1.
        let (next, previous): (usize, usize) = unsafe { (load(address), load(address + WORD)) };
        if next != 0 {
            // SAFETY: B1.
            unsafe { store(next + WORD, previous) };
        }
        if previous >= BINS {
            // SAFETY: B1.
            unsafe { store(previous, next) };
            return;
        }
        *self.head(previous) = next;
        if next == 0 {
            self.unmark(previous);
        }
    }

    #[inline(always)]
    fn unmark(&mut self, bin: usize) {
        if bin < EXACT {
            self.exact &= !(1 << bin);
            return;
        }
        let word = (bin - EXACT) / 64;
        // SAFETY: a bin's number is below the count.
        let map = unsafe { self.wide.get_unchecked_mut(word) };
        *map &= !(1 << (bin % 64));
        if *map == 0 {
            self.summary &= !(1 << word);
        }
    }

    /// Whether any bin of many sizes has a block.
    #[inline(always)]
    pub(crate) const fn has_wide(&self) -> bool {
        self.summary != 0
    }

    /// Takes a block of at least `size` bytes, less than [`EXACT`] granules, from the bins of one
    /// size; [`Free::NONE`] if there is none.
    #[inline(always)]
    pub(crate) fn take_exact(&mut self, size: usize) -> Free {
        let len = size / P::GRANULE;
        let fitting = if len < EXACT { self.exact >> len } else { 0 };
        if fitting == 0 {
            return Free::NONE;
        }
        self.pop_exact(len + fitting.trailing_zeros() as usize)
    }

    /// Takes the first block of a bin of one size, which isn't empty.
    #[inline(always)]
    fn pop_exact(&mut self, bin: usize) -> Free {
        let address = *self.head(bin);
        // SAFETY: B1 and B2.
        unsafe {
            let next = load(address);
            *self.head(bin) = next;
            if next == 0 {
                self.exact &= !(1 << bin);
            } else {
                store(next + WORD, bin);
            }
        }
        Free { address, size: bin * P::GRANULE }
    }

    /// Takes a block of at least `size` bytes from the bins of many sizes; [`Free::NONE`] if there
    /// is none.
    #[inline(always)]
    pub(crate) fn take_wide(&mut self, size: usize) -> Free {
        let len = size / P::GRANULE;
        let bin = if len < EXACT { EXACT } else { wide_bin_of(len) } - EXACT;
        let mut word = bin / 64;
        // SAFETY: a bin's number is below the count.
        let mut map = unsafe { *self.wide.get_unchecked(word) } >> (bin % 64);
        let mut base = bin;
        if map & 1 != 0 {
            let block = self.choose(bin + EXACT, size);
            if block.size != 0 {
                // SAFETY: `choose` found it in the list.
                unsafe { self.remove(block.address) };
                return block;
            }
        }
        map &= !1;
        if map == 0 {
            let words = self.summary >> word >> 1;
            if words == 0 {
                return Free::NONE;
            }
            word += 1 + words.trailing_zeros() as usize;
            // SAFETY: by B2, the word exists and isn't zero.
            map = unsafe { *self.wide.get_unchecked(word) };
            base = word * 64;
        }
        self.pop_wide(base + map.trailing_zeros() as usize + EXACT)
    }

    #[inline(always)]
    fn pop_wide(&mut self, bin: usize) -> Free {
        // SAFETY: by B2 the list isn't empty.
        unsafe {
            let block = Free::at(*self.head(bin));
            self.remove(block.address);
            block
        }
    }

    /// The block of a bin that the policy's fit prefers, of at least `size` bytes.
    #[inline(always)]
    fn choose(&self, bin: usize, size: usize) -> Free {
        let mut chosen = Free::NONE;
        let mut left = if let Fit::Bounded(count) = P::FIT { count } else { u32::MAX };
        let mut address = self.heads[bin];
        while address != 0 && left != 0 {
            // SAFETY: B1.
            let block = unsafe { Free::at(address) };
            let better = match P::FIT {
                Fit::First | Fit::Worst => block.size > chosen.size,
                Fit::Best | Fit::Bounded(_) => chosen.size == 0 || block.size < chosen.size,
            };
            if block.size >= size && better {
                chosen = block;
                if !matches!(P::FIT, Fit::Best | Fit::Worst) || block.size == size {
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
        // SAFETY: the body has room for the size twice and two links.
        let (at, before, previous) = unsafe {
            (
                Free::at(block.address),
                Free::before(block.end()),
                load::<usize>(block.address + WORD),
            )
        };
        at == block
            && before == block
            && (previous >= BINS || self.heads[previous] == block.address)
    }
}
