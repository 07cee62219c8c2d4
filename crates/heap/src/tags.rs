//! The boundary tags of a region: one bit a granule, kept away from the blocks.
//!
//! ```text
//! block of n ≥ 2 granules:   P 0 0 … 0 1        P: the block before this one is free
//! ```
//!
//! A block is found by its address, so its start needs no mark: the first bit is free to hold P,
//! and the next set bit ends the block. Whether a block is itself free says the P of the block
//! after it. To split, set one bit; to free a block between live ones, set one bit.
//!
//! A *window* is the 64 granules of one word of tags. A second map has one bit a window; it says
//! that the word is *special*, in one of two ways which the block's start tells apart:
//!
//! - The window lies inside a live block that began in the window before: the word is the block's
//!   length, so that no length takes a search.
//! - The window is a slab of cells: the word says which of them are live (see `cells`).

use crate::memory::{load, store};

/// Granules of a window: the bits of a word of tags.
pub(crate) const WINDOW: usize = 64;

/// `log2(WINDOW)`.
const SHIFT: usize = WINDOW.trailing_zeros() as usize;

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// The tags of granules `0..`, granule 0 being the first of a window.
///
/// # Invariants
///
/// - **T1**: the words cover the granules of all blocks and two more, which are tagged as a live
///   block: every block has a successor.
/// - **T2**: all bits of a block but the first and the last are zero, and the last is set; but not
///   in special windows.
/// - **T3**: a window is special if and only if it is a slab, or lies wholly inside a live block
///   that began in the window before it.
/// - **T4**: no two neighbours are both free: the P of a free block is zero.
#[derive(Clone, Copy)]
pub(crate) struct Tags {
    /// Address of the words of tags.
    words: usize,
    /// Address of the words of the special map.
    special: usize,
}

/// Every method takes the start of a block, or says otherwise, as a granule's number.
///
/// # Safety
///
/// That promise, and that the tags are in use as T1 to T4 state, is what each asks of its caller;
/// by T1 it then reads and writes within the words.
#[expect(clippy::undocumented_unsafe_blocks, reason = "one section proves all: T1")]
impl Tags {
    /// Tags of nothing, which must not be asked.
    pub(crate) const NONE: Self = Self { words: 0, special: 0 };

    /// Words of tags for blocks that end before granule `end`.
    const fn windows(end: usize) -> usize {
        (end + 2) / WINDOW + 1
    }

    /// The bytes that tags take, of blocks that end before granule `end`.
    pub(crate) const fn bytes(end: usize) -> usize {
        let windows = Self::windows(end);
        (windows + windows.div_ceil(WINDOW)) * WORD
    }

    /// Makes tags at `address` for blocks that end before granule `end`; no block is tagged yet
    /// but the last one of T1.
    pub(crate) unsafe fn create(address: usize, end: usize) -> Self {
        let bytes = Self::bytes(end);
        for at in (address..address + bytes).step_by(WORD) {
            unsafe { store(at, 0_u64) }
        }
        let tags = Self { words: address, special: address + Self::windows(end) * WORD };
        unsafe { tags.set(end + 1) };
        tags
    }

    /// Takes over the tags of `old`, of blocks that end before granule `end`.
    pub(crate) unsafe fn adopt(self, old: Self, end: usize) {
        for window in 0..Self::windows(end) {
            unsafe {
                self.set_word(window, self.word(window) | old.word(window));
                if old.is_special(window) {
                    self.set_special(window);
                }
            }
        }
        // The last block of T1 is at the new end.
        unsafe { self.clear(end + 1) };
    }

    /// The word of a window.
    #[inline(always)]
    pub(crate) unsafe fn word(self, window: usize) -> u64 {
        unsafe { load(self.words + window * WORD) }
    }

    /// Stores the word of a window.
    #[inline(always)]
    pub(crate) unsafe fn set_word(self, window: usize, word: u64) {
        unsafe { store(self.words + window * WORD, word) }
    }

    /// Whether a window is special.
    #[inline(always)]
    pub(crate) unsafe fn is_special(self, window: usize) -> bool {
        let map: u64 = unsafe { load(self.special + (window >> SHIFT) * WORD) };
        map >> (window % WINDOW) & 1 != 0
    }

    /// Makes a window special.
    pub(crate) unsafe fn set_special(self, window: usize) {
        let at = self.special + (window >> SHIFT) * WORD;
        unsafe { store(at, load::<u64>(at) | 1 << (window % WINDOW)) }
    }

    /// Makes a window ordinary.
    pub(crate) unsafe fn clear_special(self, window: usize) {
        let at = self.special + (window >> SHIFT) * WORD;
        unsafe { store(at, load::<u64>(at) & !(1 << (window % WINDOW))) }
    }

    /// The bit of any granule: of a block's first one, its P.
    #[inline(always)]
    pub(crate) unsafe fn bit(self, granule: usize) -> bool {
        unsafe { self.word(granule >> SHIFT) >> (granule % WINDOW) & 1 != 0 }
    }

    /// Sets the bit of any granule.
    #[inline(always)]
    pub(crate) unsafe fn set(self, granule: usize) {
        let window = granule >> SHIFT;
        unsafe { self.set_word(window, self.word(window) | 1 << (granule % WINDOW)) }
    }

    /// Clears the bit of any granule.
    #[inline(always)]
    pub(crate) unsafe fn clear(self, granule: usize) {
        let window = granule >> SHIFT;
        unsafe { self.set_word(window, self.word(window) & !(1 << (granule % WINDOW))) }
    }

    /// The length of a live block.
    #[inline(always)]
    pub(crate) unsafe fn live_len(self, start: usize) -> usize {
        match unsafe { self.len_within_window(start) } {
            0 => unsafe { self.long_len(start) },
            len => len,
        }
    }

    /// The length of a block that ends in the window it begins in, or 0.
    #[inline(always)]
    pub(crate) unsafe fn len_within_window(self, start: usize) -> usize {
        let rest = unsafe { self.word(start >> SHIFT) } >> (start % WINDOW) >> 1;
        if rest == 0 { 0 } else { rest.trailing_zeros() as usize + 2 }
    }

    /// The length of a live block that ends in another window than it begins in.
    unsafe fn long_len(self, start: usize) -> usize {
        let next = (start >> SHIFT) + 1;
        let word = unsafe { self.word(next) };
        if unsafe { self.is_special(next) } {
            word as usize
        } else {
            next * WINDOW + word.trailing_zeros() as usize + 1 - start
        }
    }

    /// What is known of the block at `start`, live or free.
    #[inline(always)]
    pub(crate) unsafe fn kind(self, start: usize) -> Kind {
        if start.is_multiple_of(WINDOW) && unsafe { self.is_special(start >> SHIFT) } {
            return Kind::Live;
        }
        let mut len = unsafe { self.len_within_window(start) };
        if len == 0 {
            let next = (start >> SHIFT) + 1;
            let word = unsafe { self.word(next) };
            if unsafe { self.is_special(next) } {
                return Kind::Live;
            }
            if word == 0 {
                return Kind::FreeLong; // By T3, a live one would be special.
            }
            len = next * WINDOW + word.trailing_zeros() as usize + 1 - start;
        }
        if unsafe { self.bit(start + len) } { Kind::Free(len) } else { Kind::Live }
    }

    /// The length of the block at `start`, live or free; 0 if it is long and free. Not of a slab.
    pub(crate) unsafe fn len(self, start: usize) -> usize {
        let len = unsafe { self.len_within_window(start) };
        let next = (start >> SHIFT) + 1;
        let is_free = len == 0 && unsafe { self.word(next) == 0 && !self.is_special(next) };
        if len != 0 || is_free { len } else { unsafe { self.long_len(start) } }
    }

    /// Tags a block as live, whose ends are tagged already.
    #[inline(always)]
    pub(crate) unsafe fn mark_live(self, start: usize, len: usize) {
        if len > WINDOW {
            unsafe { self.mark_long(start, len) }
        }
    }

    unsafe fn mark_long(self, start: usize, len: usize) {
        let next = (start >> SHIFT) + 1;
        if start + len >= (next + 1) * WINDOW {
            unsafe {
                self.set_special(next);
                self.set_word(next, len as u64);
            }
        }
    }

    /// Undoes [`mark_live`](Self::mark_live).
    #[inline(always)]
    pub(crate) unsafe fn unmark_live(self, start: usize, len: usize) {
        if len > WINDOW {
            unsafe { self.unmark_long(start, len) }
        }
    }

    unsafe fn unmark_long(self, start: usize, len: usize) {
        let next = (start >> SHIFT) + 1;
        if start + len >= (next + 1) * WINDOW {
            unsafe {
                self.clear_special(next);
                self.set_word(next, 0);
                self.set(start + len - 1); // It may have lain in that word.
            }
        }
    }
}

/// What the tags tell of a block.
pub(crate) enum Kind {
    /// It is live, or a slab.
    Live,
    /// It is free and has this many granules.
    Free(usize),
    /// It is free and so long that only its body tells the length.
    FreeLong,
}
