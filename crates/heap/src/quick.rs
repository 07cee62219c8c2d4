//! Quick lists: freed blocks by exact size, not yet coalesced.
//!
//! Most blocks are asked for again at the size they were freed with. A freed short block goes
//! to the list of its size and is still tagged as live; taking it again costs a few moves.
//!
//! What waits here is *consolidated*, freed for good, when it is a certain part of the memory, before a
//! long block is placed, and before the heap grows or fails: so it keeps nothing from being used.
//! A block that is taken again no longer waits.

use core::{iter::successors, marker::PhantomData};

use crate::{
    free::WORD,
    list,
    memory::{load, store},
    policy::{MOST_WAITING, Policy},
};

/// Blocks of at most this many granules have a quick list; the list of length 1 holds cells.
pub(crate) const QUICK: usize = 80;

/// The quick lists may hold this part of the memory,
const SHARE: usize = 16;

/// or this many granules, if that isn't more than three quarters of it: a small heap too has room for
/// a block of each length that a program uses.
const FLOOR: usize = 4096;

/// Before a long block is placed, a part of that part must wait for consolidating to be worth its time.
const WORTH: isize = 64;

/// With its address, what marks a block that waits.
const KEY: usize = 0x5EED_F4EE_5EED_F4EE_u64 as usize;

/// Lists of blocks by length in granules.
///
/// # Invariants
///
/// - [QUICK-1: tagged] The blocks of list `n` are tagged as live blocks of `n` granules, or are live cells
///   for `n = 1`, and nobody uses them; each holds the address of the next, or 0, in its first
///   word.
/// - [QUICK-2: map] The bit `n` is set in `map` if list `n` isn't empty, and may be if it is; list 0 is empty.
/// - [QUICK-3: budget] At most `limit - left` granules wait, or blocks where calls are bounded. `left` is negative
///   only after the limit was lowered.
pub(crate) struct Quick<P> {
    map: [u64; QUICK / 64 + 1],
    /// As many granules as may still enter before the lists must be consolidated.
    left: isize,
    /// `left` of empty lists.
    limit: isize,
    /// With less than this left, consolidating is worth its time.
    worth: isize,
    heads: [usize; QUICK + 1],
    policy: PhantomData<P>,
}

impl<P: Policy> Quick<P> {
    pub(crate) const fn new() -> Self {
        Self {
            map: [0; QUICK / 64 + 1],
            left: 0,
            limit: 0,
            worth: 0,
            heads: [0; QUICK + 1],
            policy: PhantomData,
        }
    }

    /// Returns what a block takes of the budget while it waits: its granules; or one, where what counts is how
    /// many are consolidated.
    #[inline(always)]
    pub(crate) const fn charge(len: usize) -> usize {
        if P::BOUNDED { 1 } else { len }
    }

    /// Takes a block of exactly `len` granules, at most [`QUICK`]: its address, or 0.
    #[inline(always)]
    pub(crate) fn pop(&mut self, len: usize) -> usize {
        // SAFETY: the length is below the count; a list's blocks are the heap's [QUICK-1].
        unsafe {
            let head = self.heads.get_unchecked_mut(len);
            let address = *head;
            if address != 0 {
                *head = load(address);
                self.left = self.left.wrapping_add_unsigned(Self::charge(len));
                sign(address, 0);
            }
            address
        }
    }

    /// Adds a block of `len` granules, at most [`QUICK`]; whether so much may still enter.
    #[inline(always)]
    pub(crate) unsafe fn push(&mut self, address: usize, len: usize) -> bool {
        // SAFETY: nobody uses the block, and it has `len` granules.
        unsafe { self.push_charged(address, len, Self::charge(len)) }
    }

    /// Adds a cell; whether so much may still enter. It is charged more than it is credited when it is
    /// taken, so that the lists are consolidated now and then, and slabs with few live cells become empty.
    #[inline(always)]
    pub(crate) unsafe fn push_cell(&mut self, address: usize) -> bool {
        // SAFETY: nobody uses the cell.
        unsafe { self.push_charged(address, 1, if P::BOUNDED { 1 } else { 2 }) }
    }

    #[inline(always)]
    unsafe fn push_charged(&mut self, address: usize, len: usize, charge: usize) -> bool {
        let left = self.left.wrapping_sub_unsigned(charge);
        if left < 0 {
            return false;
        }
        self.left = left;
        // SAFETY: the block is no one's but the heap's, and its length is below the count.
        unsafe {
            *self.map.get_unchecked_mut(len / 64) |= 1 << (len % 64);
            let head = self.heads.get_unchecked_mut(len);
            store(address, *head);
            *head = address;
            sign(address, address ^ KEY);
        }
        true
    }

    /// Lets a part of this many granules wait.
    pub(crate) fn set_limit(&mut self, all: usize) {
        let waiting = self.limit - self.left;
        let limit =
            if P::BOUNDED { MOST_WAITING } else { (all / SHARE).max(FLOOR.min(all / 4 * 3)) };
        self.limit = 0_isize.wrapping_add_unsigned(limit);
        self.worth = self.limit - self.limit / WORTH;
        self.left = self.limit - waiting;
    }

    /// Returns whether so much waits that consolidating is worth its time.
    #[inline(always)]
    pub(crate) fn is_worth_consolidating(&self) -> bool {
        self.left < self.worth
    }

    /// What waits takes at most so much of the budget.
    pub(crate) const fn waiting(&self) -> usize {
        (self.limit - self.left).unsigned_abs()
    }

    /// Returns the blocks of this many granules that wait; none if so long ones can't.
    pub(crate) fn list(&self, len: usize) -> impl Iterator<Item = usize> {
        let first = self.heads.get(len).copied().unwrap_or(0);
        // SAFETY: the blocks of a list are the heap's, and linked [QUICK-1].
        successors(non_zero(first), |&address| non_zero(unsafe { load(address) }))
    }

    /// Returns whether a block waits here, whose length this is: in constant time in builds with debug
    /// assertions, but for a block that has the key by chance, or whose key was overwritten.
    pub(crate) unsafe fn contains_signed(&self, address: usize, len: usize) -> bool {
        // SAFETY: a block of the heap holds two words.
        let is_signed = unsafe { load::<usize>(address + WORD) } == address ^ KEY;
        is_signed && self.contains(address, len)
    }

    /// Returns whether a block waits here, whose length this is.
    pub(crate) fn contains(&self, address: usize, len: usize) -> bool {
        self.list(len).any(|listed| listed == address)
    }

    /// Returns the first block of each list, or 0.
    pub(crate) const fn heads(&self) -> [usize; QUICK + 1] {
        self.heads
    }

    /// Takes the blocks of a list that isn't empty out: their length, and the first; none if nothing
    /// waits any more.
    pub(crate) fn take_list(&mut self) -> Option<(usize, usize)> {
        for (word, map) in self.map.iter_mut().enumerate() {
            if *map != 0 {
                let len = word * u64::BITS as usize + map.trailing_zeros() as usize;
                *map &= *map - 1;
                return Some((len, core::mem::take(&mut self.heads[len])));
            }
        }
        self.left = self.limit;
        None
    }

    /// Brings each list into the order of addresses.
    pub(crate) fn sort(&mut self) {
        for head in &mut self.heads {
            // SAFETY: the blocks of a list are the heap's, and linked [QUICK-1].
            *head = unsafe { list::sorted(*head) };
        }
    }
}

/// Writes the second word of a block that waits, or no longer does: in builds that look whether what
/// is freed is live.
#[inline(always)]
unsafe fn sign(address: usize, word: usize) {
    if cfg!(debug_assertions) {
        // SAFETY: a block of the heap holds two words.
        unsafe { store(address + WORD, word) }
    }
}

const fn non_zero(address: usize) -> Option<usize> {
    if address == 0 { None } else { Some(address) }
}
