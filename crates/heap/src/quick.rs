//! Quick lists: freed blocks by exact size, not yet coalesced.
//!
//! Most blocks are asked for again at the size they were freed with. A freed short block goes
//! to the list of its size and is still tagged as live; taking it again costs a few moves.
//!
//! What waits here is *settled*, freed for good, when it is a certain part of the memory, before a
//! long block is placed, and before the heap grows or fails: so it keeps nothing from being used.

use crate::{
    engine::Engine,
    memory::{load, store},
    policy::Policy,
    tags::WINDOW,
};

/// Blocks of at most this many granules have a quick list; the list of length 1 holds cells.
pub(crate) const QUICK: usize = 80;

/// The quick lists may hold this part of the memory.
const SHARE: usize = 16;

/// Before a long block is placed, a part of that part must wait for settling to be worth its time.
const WORTH: usize = 16;

/// Lists of blocks by length in granules.
///
/// # Invariants
///
/// - **Q1**: the blocks of list `n` are tagged as live blocks of `n` granules, or are live cells
///   for `n = 1`, and nobody uses them; each holds the address of the next, or 0, in its first
///   word.
/// - **Q2**: the bit `n` is set in `map` if list `n` isn't empty; list 0 is empty.
/// - **Q3**: `left` is at most `limit`; `limit - left` granules have entered since the lists were
///   settled, or more if the limit was lowered: so at most as many wait.
pub(crate) struct Quick {
    map: [u64; QUICK / 64 + 1],
    /// As many granules as may still enter before the lists must be settled.
    left: usize,
    /// `left` of empty lists.
    limit: usize,
    /// With less than this left, settling is worth its time.
    worth: usize,
    heads: [usize; QUICK + 1],
}

impl Quick {
    pub(crate) const fn new() -> Self {
        Self { map: [0; QUICK / 64 + 1], left: 0, limit: 0, worth: 0, heads: [0; QUICK + 1] }
    }

    /// Takes a block of exactly `len` granules, at most [`QUICK`]: its address, or 0.
    #[inline(always)]
    pub(crate) fn pop(&mut self, len: usize) -> usize {
        // SAFETY: the length is below the count; Q1.
        unsafe {
            let head = self.heads.get_unchecked_mut(len);
            let address = *head;
            if address != 0 {
                *head = load(address);
            }
            address
        }
    }

    /// Adds a block of `len` granules, at most [`QUICK`]; whether so much may still enter.
    #[inline(always)]
    pub(crate) unsafe fn push(&mut self, address: usize, len: usize) -> bool {
        let Some(left) = self.left.checked_sub(len) else { return false };
        self.left = left;
        // SAFETY: the block is no one's but the heap's, and its length is below the count.
        unsafe {
            *self.map.get_unchecked_mut(len / 64) |= 1 << (len % 64);
            let head = self.heads.get_unchecked_mut(len);
            store(address, *head);
            *head = address;
        }
        true
    }

    /// Lets a part of this many granules wait.
    pub(crate) fn set_limit(&mut self, all: usize) {
        let entered = self.limit - self.left;
        self.limit = all / SHARE;
        self.worth = self.limit - self.limit / WORTH;
        self.left = self.limit.saturating_sub(entered);
    }

    /// Whether so much waits that settling is worth its time.
    #[inline(always)]
    pub(crate) fn is_worth_settling(&self) -> bool {
        self.left < self.worth
    }

    /// Whether a block waits here, whose length this is.
    pub(crate) fn contains(&self, address: usize, len: usize) -> bool {
        let mut listed = self.heads.get(len).copied().unwrap_or(0);
        while listed != 0 && listed != address {
            // SAFETY: Q1.
            listed = unsafe { load(listed) };
        }
        listed != 0
    }
}

impl<P: Policy> Engine<P> {
    /// Frees all blocks of the quick lists for good; whether there were any.
    #[cold]
    #[inline(never)]
    pub(crate) fn settle(&mut self) -> bool {
        let waits = self.quick.left != self.quick.limit;
        self.quick.left = self.quick.limit;
        for word in 0..self.quick.map.len() {
            let mut map = core::mem::take(&mut self.quick.map[word]);
            while map != 0 {
                let len = word * 64 + map.trailing_zeros() as usize;
                map &= map - 1;
                self.settle_list(len);
            }
        }
        waits
    }

    fn settle_list(&mut self, len: usize) {
        let first = core::mem::take(&mut self.quick.heads[len]);
        // SAFETY: Q1.
        unsafe {
            match len {
                1 => self.settle_cells(first),
                2..=WINDOW => self.settle_short(first, len * P::GRANULE),
                _ => self.settle_long(first, len * P::GRANULE),
            }
        }
    }

    unsafe fn settle_cells(&mut self, first: usize) {
        let mut address = first;
        while address != 0 {
            // SAFETY: Q1.
            unsafe {
                let next = load(address);
                let region = self.region_of(address);
                self.release_cell(region, address);
                address = next;
            }
        }
    }

    unsafe fn settle_long(&mut self, first: usize, size: usize) {
        let mut address = first;
        while address != 0 {
            // SAFETY: Q1.
            unsafe {
                let next = load(address);
                let region = self.region_of(address);
                self.free(region, address, size);
                address = next;
            }
        }
    }

    /// Frees a list of blocks of `size` bytes, at most a window. Blocks that were allocated in a
    /// row are often freed in a row: neighbours that follow each other are first joined, by their
    /// tags alone.
    unsafe fn settle_short(&mut self, first: usize, size: usize) {
        let mut address = first;
        while address != 0 {
            // SAFETY: Q1; the blocks of a run are live, and become one stretch without an end.
            unsafe {
                let region = self.region_of(address);
                let (mut start, mut end) = (address, address + size);
                region.tags.unmark_end(end);
                loop {
                    address = load(address);
                    if address == end {
                        end += size;
                    } else if address != 0 && address + size == start {
                        start = address;
                    } else {
                        break;
                    }
                    region.tags.unmark_end(address + size);
                }
                self.free_run(region, start, end);
            }
        }
    }
}
