//! Free blocks in lists by size, and the maps that show which lists hold any.

use core::marker::PhantomData;

use crate::{
    free::{Free, WORD},
    memory::{load, store},
    policy::{Fit, Order, Policy},
};

/// Bins for each doubling of the length.
const PER_DOUBLING: usize = 16;

/// Lengths below this many granules have a bin each.
const EXACT: usize = 2 * PER_DOUBLING;

/// All bins; blocks too long for any other share the last.
const BINS: usize = 320;

/// Bins of a word of the map.
const BITS: usize = u64::BITS as usize;

/// Words of the map.
const WORDS: usize = BINS / BITS;

/// No block lies below this address: so a link can be a bin's number instead.
pub(crate) const LOWEST: usize = BINS;

/// Lists of free blocks by size.
///
/// # Invariants
///
/// - [BINS-1: free] Every block in a list is free memory of the heap, its body as `free` draws it; as the
///   next, zero ends the list, and the bin's number is the previous of the first.
/// - [BINS-2: map] A list's bit is set in `map` if and only if the list isn't empty.
pub(crate) struct Bins<P> {
    /// Returns a bit for each bin.
    map: [u64; WORDS],
    heads: [usize; BINS],
    policy: PhantomData<P>,
}

/// Returns the bin of a size: its five highest bits in granules, with the doubling above them.
#[inline(always)]
const fn bin_of<P: Policy>(size: usize) -> usize {
    let len = size / P::GRANULE;
    let shift = (len | PER_DOUBLING).ilog2() - PER_DOUBLING.ilog2();
    let bin = (len >> shift) + shift as usize * PER_DOUBLING;
    if bin < BINS { bin } else { BINS - 1 }
}

/// Returns the block whose link to its previous changes: the next, or if there is none the block itself,
/// whose link doesn't matter. There are as many lists of one as longer ones, so it isn't worth a
/// branch.
#[inline(always)]
fn link_of(next: usize, block: usize) -> usize {
    if next == 0 { block } else { next }
}

impl<P: Policy> Bins<P> {
    /// No block at all.
    pub(crate) const fn new() -> Self {
        Self { map: [0; WORDS], heads: [0; BINS], policy: PhantomData }
    }

    #[inline(always)]
    fn head(&mut self, bin: usize) -> &mut usize {
        // SAFETY: a bin's number is below the count.
        unsafe { self.heads.get_unchecked_mut(bin) }
    }

    #[inline(always)]
    fn word(&mut self, bin: usize) -> &mut u64 {
        // SAFETY: a bin's number is below the count.
        unsafe { self.map.get_unchecked_mut(bin / BITS) }
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
        *self.word(bin) |= 1 << (bin % BITS);
        // SAFETY: the block's memory is the heap's to write, and the neighbours are free blocks by
        // [BINS-1].
        unsafe {
            store(link_of(next, block.address) + WORD, block.address);
            block.write_size();
            store(block.address, next);
            store(block.address + WORD, previous);
            if previous == bin {
                *self.head(bin) = block.address;
            } else {
                store(previous, block.address);
            }
        }
    }

    /// Returns the links of a block that enters a bin.
    #[inline(always)]
    fn place_for(&mut self, bin: usize, address: usize) -> (usize, usize) {
        let (mut previous, mut next) = (bin, *self.head(bin));
        if P::ORDER as u8 == Order::Address as u8 {
            while next != 0 && next < address {
                previous = next;
                // SAFETY: the block is free memory of the heap [BINS-1].
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
        // SAFETY: the block is free memory of the heap [BINS-1].
        unsafe {
            let (next, previous): (usize, usize) = (load(address), load(address + WORD));
            store(link_of(next, address) + WORD, previous);
            if previous >= BINS {
                store(previous, next);
            } else {
                self.set_first(previous, next);
            }
        }
    }

    /// Makes a block the first of a bin that isn't empty, or makes it empty.
    #[inline(always)]
    fn set_first(&mut self, bin: usize, first: usize) {
        *self.head(bin) = first;
        *self.word(bin) ^= u64::from(first == 0) << (bin % BITS);
    }

    /// Takes a block of at least `size` bytes; [`Free::NONE`] if there is none.
    #[inline(always)]
    pub(crate) fn take(&mut self, size: usize) -> Free {
        if size < EXACT * P::GRANULE {
            let bin = size / P::GRANULE;
            return self.take_from(bin, self.map[0] >> bin);
        }
        let bin = bin_of::<P>(size);
        let map = *self.word(bin) >> (bin % BITS);
        if map & 1 != 0 {
            let block = self.choose(bin, size);
            if block.size != 0 {
                // SAFETY: `choose` found it in the list.
                unsafe { self.remove(block.address) };
                return block;
            }
        }
        self.take_from(bin, map & !1)
    }

    /// Takes the first block of the first bin that isn't empty: of those from `bin` on that `map`
    /// has, or those in the words behind.
    #[inline(always)]
    fn take_from(&mut self, bin: usize, map: u64) -> Free {
        if map != 0 {
            return self.pop(bin + map.trailing_zeros() as usize);
        }
        for word in bin / BITS + 1..WORDS {
            let map = self.map[word];
            if map != 0 {
                return self.pop(word * BITS + map.trailing_zeros() as usize);
            }
        }
        Free::NONE
    }

    /// Takes the first block of a bin that isn't empty.
    #[inline(always)]
    fn pop(&mut self, bin: usize) -> Free {
        // SAFETY: the first block of a list that isn't empty [BINS-1, BINS-2].
        unsafe {
            let block = Free::at(*self.head(bin));
            let next = load(block.address);
            store(link_of(next, block.address) + WORD, bin);
            self.set_first(bin, next);
            block
        }
    }

    /// Returns the block of a bin that the policy's fit prefers, of at least `size` bytes.
    #[inline(always)]
    fn choose(&self, bin: usize, size: usize) -> Free {
        let mut chosen = Free::NONE;
        let mut left = if let Fit::Bounded(count) = P::FIT { count } else { u32::MAX };
        let mut address = self.heads[bin];
        while address != 0 && left != 0 {
            // SAFETY: the block is free memory of the heap [BINS-1].
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
            // SAFETY: the block is free memory of the heap [BINS-1].
            address = unsafe { load(address) };
        }
        chosen
    }

    /// Returns how many blocks are in the lists.
    pub(crate) fn count(&self) -> usize {
        let mut count = 0;
        for &head in &self.heads {
            let mut address = head;
            while address != 0 {
                count += 1;
                // SAFETY: the block is free memory of the heap [BINS-1].
                address = unsafe { load(address) };
            }
        }
        count
    }

    /// Returns whether a free block's body says what it should.
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
