//! Quick lists: freed blocks by exact length, not yet coalesced.
//!
//! Most blocks are asked for again at the length they were freed with. A freed short block goes
//! to the list of its length and is still tagged as live; taking it again costs a few moves. Long
//! blocks are *parked* likewise, one for each remainder of their lengths.
//!
//! What waits here is *settled*, freed for good, when it is a certain part of the memory, before a
//! long block is placed, and before the heap grows or fails: so it keeps nothing from being used.

use crate::{
    bins::Free,
    engine::Engine,
    memory::{load, store},
    policy::Policy,
};

/// Lengths below this many granules have a quick list; the list of length 1 holds cells.
pub(crate) const QUICK: usize = 64;

/// Places for long blocks.
const PLACES: usize = 64;

/// Lists of blocks by length.
///
/// # Invariants
///
/// - **Q1**: the blocks of list `n` are tagged as live blocks of `n` granules, or are live cells
///   for `n = 1`, and nobody uses them; each holds the address of the next, or 0, in its first
///   word.
/// - **Q2**: a list's bit is set in `map` if it isn't empty.
/// - **Q3**: a parked block is tagged as a live block, nobody uses it, and its place has its bit in
///   `parked_map`; other places have length 0.
pub(crate) struct Quick {
    map: u64,
    /// As many granules as may still enter before the lists must be settled.
    left: usize,
    /// `left` of settled lists.
    limit: usize,
    heads: [usize; QUICK],
    /// Which places are taken.
    parked_map: u64,
    /// One long block for each remainder of its length.
    parked: [Free; PLACES],
}

impl Quick {
    pub(crate) const fn new() -> Self {
        Self {
            map: 0,
            left: 0,
            limit: 0,
            heads: [0; QUICK],
            parked_map: 0,
            parked: [Free::NONE; PLACES],
        }
    }

    /// Takes a block of exactly `len` granules.
    #[inline(always)]
    pub(crate) fn pop(&mut self, len: usize) -> Option<usize> {
        let head = self.heads.get_mut(len)?;
        let address = *head;
        if address == 0 {
            return None;
        }
        // SAFETY: Q1.
        *head = unsafe { load(address) };
        Some(address)
    }

    /// Adds a block of `len` granules, unless as many may enter no more.
    #[inline(always)]
    pub(crate) unsafe fn push(&mut self, address: usize, len: usize) -> bool {
        let Some(left) = self.left.checked_sub(len) else { return false };
        self.left = left;
        self.map |= 1 << len;
        // SAFETY: the block is no one's but the heap's, and its length is below the count.
        unsafe {
            let head = self.heads.get_unchecked_mut(len);
            store(address, *head);
            *head = address;
        }
        true
    }

    /// Lets this many granules enter between one settling and the next.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.left += limit - self.limit.min(limit);
        self.limit = limit;
    }

    /// Parks a long block, unless as many granules may enter no more; the block whose place it
    /// takes comes back, or [`Free::NONE`].
    #[inline(always)]
    pub(crate) fn park(&mut self, block: Free) -> Option<Free> {
        self.left = self.left.checked_sub(block.len)?;
        let place = block.len % PLACES;
        self.parked_map |= 1 << place;
        Some(core::mem::replace(&mut self.parked[place], block))
    }

    /// Takes a parked block of exactly `len` granules.
    #[inline(always)]
    pub(crate) fn unpark(&mut self, len: usize) -> Option<usize> {
        let place = &mut self.parked[len % PLACES];
        if place.len != len {
            return None;
        }
        self.left += len;
        self.parked_map &= !(1 << (len % PLACES));
        Some(core::mem::replace(place, Free::NONE).address)
    }

    /// Whether a block waits here, whose length this is.
    pub(crate) fn contains(&self, address: usize, len: usize) -> bool {
        if len >= QUICK {
            return self.parked[len % PLACES].address == address;
        }
        let mut listed = self.heads.get(len).copied().unwrap_or(0);
        while listed != 0 && listed != address {
            // SAFETY: Q1.
            listed = unsafe { load(listed) };
        }
        listed != 0
    }
}

impl<P: Policy> Engine<P> {
    /// Frees all blocks of the quick lists for good.
    #[inline(always)]
    pub(crate) fn settle(&mut self) {
        if self.quick.map | self.quick.parked_map != 0 {
            self.settle_lists();
        }
    }

    #[inline(never)]
    fn settle_lists(&mut self) {
        self.quick.left = self.quick.limit;
        while self.quick.parked_map != 0 {
            let place = self.quick.parked_map.trailing_zeros() as usize;
            self.quick.parked_map &= self.quick.parked_map - 1;
            let block = core::mem::replace(&mut self.quick.parked[place], Free::NONE);
            // SAFETY: Q3.
            unsafe { self.free_long(block) };
        }
        while self.quick.map != 0 {
            let len = self.quick.map.trailing_zeros() as usize;
            self.quick.map &= self.quick.map - 1;
            let mut address = core::mem::take(&mut self.quick.heads[len]);
            while address != 0 {
                // SAFETY: Q1.
                unsafe {
                    let next = load(address);
                    let region = self.region_of(address);
                    let start = region.granule(address);
                    self.free_short(region, start, len);
                    address = next;
                }
            }
        }
    }
}
