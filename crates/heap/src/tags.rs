//! The boundary tags of a region: one bit a granule, kept away from the blocks.
//!
//! ```text
//! live block of n ≥ 2 granules:   B 0 0 … 0 1
//! free block of n ≥ 2 granules:   B 0 0 … 0 0      B: of this block and the one before, one is free
//! ```
//!
//! A block is found by its address, so its start needs no mark: the first bit is free for B. A live
//! block sees by its own B and its successor's which of its neighbours are free; and as no two
//! free blocks are neighbours, a free block's two are set. The set bit behind B ends a live block; a
//! free block's length stands in its body.
//!
//! So allocating a block toggles three bits, and freeing it toggles the same three, whatever its
//! neighbours are: its first, its last, and the one behind.
//!
//! A *window* is the 64 granules of one word of tags. Two kinds of blocks use a whole word for
//! something else:
//!
//! - A *long* block covers the window behind that of its start, and more. That word is its size in
//!   bytes, with the three lowest bits set, so that no length takes a search; and the bit of its
//!   last granule stays zero. Nothing else has these bits set behind a live block that reaches into
//!   the window: the first would be the block's end, the second the B that says that the next block
//!   is free, and the third the end of that one, as if it were live. Behind a slab the first would
//!   say that a free block starts there, and the second that it ends.
//! - A slab of cells is exactly a window: the word says which of them are live (see `cells`). A byte
//!   a window, its *mark*, is set for slabs.

mod size;

use core::{
    marker::PhantomData,
    ptr::{null_mut, with_exposed_provenance_mut},
};

use crate::{memory::access, policy::Policy};

/// Granules of a window: the bits of a word of tags.
pub(crate) const WINDOW: usize = u64::BITS as usize;

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// The mark of a window that is a slab.
pub(crate) const SLAB: u8 = 1;

/// The bits by which a long block's size is known from tags.
pub(crate) const LONG: u64 = 7;

/// The tags of a region.
///
/// # Invariants
///
/// - [TAGS-1: covered] The words cover the granules of all blocks and the one behind the last; what they have
///   besides isn't written yet.
/// - [TAGS-2: drawn] The bits of a block are as drawn above, but for slabs and long blocks. The first block
///   has a live one before it, and the last one behind it, as far as B goes.
/// - [TAGS-3: long] A long block's word is its size with the bits of `LONG`, and of its other granules only
///   the first may have its bit set. A window has the mark of a slab if and only if it is one.
/// - [TAGS-4: apart] No two neighbours are both free.
pub(crate) struct Tags<P> {
    /// Where the word of window 0 would be, if memory began at address 0: wraps around.
    words: *mut u64,
    /// Likewise, of the marks.
    marks: *mut u8,
    policy: PhantomData<P>,
}

impl<P> Clone for Tags<P> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Tags<P> {}

/// Returns the bytes of a window.
pub(crate) const fn window_bytes<P: Policy>() -> usize {
    WINDOW * P::GRANULE
}

/// Every method takes the address of a block's first granule as `start`, and that of the granule
/// behind its last as `end`; or says otherwise.
///
/// # Safety
///
/// That promise, and that the tags are in use as [TAGS-1] to [TAGS-4] state, is what each asks of its caller;
/// by [TAGS-1] it then reads and writes within the words.
#[expect(clippy::undocumented_unsafe_blocks, reason = "one section proves all")]
impl<P: Policy> Tags<P> {
    /// Tags of nothing, which must not be asked.
    pub(crate) const NONE: Self =
        Self { words: null_mut(), marks: null_mut(), policy: PhantomData };

    pub(crate) const WINDOW_BYTES: usize = window_bytes::<P>();

    /// Returns the first and the last window of blocks within `start..end`, and of the granule behind.
    const fn windows(start: usize, end: usize) -> (usize, usize) {
        (start / Self::WINDOW_BYTES, end / Self::WINDOW_BYTES)
    }

    /// Returns the bytes that tags take, of blocks within `start..end`: a word and a mark for each window.
    pub(crate) const fn bytes(start: usize, end: usize) -> usize {
        let (first, last) = Self::windows(start, end);
        ((last - first + 1) * (WORD + 1)).next_multiple_of(WORD)
    }

    /// Tags at `address` for blocks within `start..limit`; none is written yet.
    pub(crate) fn at(address: usize, start: usize, limit: usize) -> Self {
        let (first, last) = Self::windows(start, limit);
        let words = with_exposed_provenance_mut::<u64>(address);
        let marks = words.wrapping_add(last - first + 1).cast::<u8>();
        let (words, marks) = (words.wrapping_sub(first), marks.wrapping_sub(first));
        Self { words, marks, policy: PhantomData }
    }

    /// Writes the tags of no blocks, of the windows from that of `start` to that of `end`.
    pub(crate) unsafe fn clear(self, start: usize, end: usize) {
        let (first, last) = Self::windows(start, end);
        unsafe {
            self.words.wrapping_add(first).write_bytes(0, last - first + 1);
            self.marks.wrapping_add(first).write_bytes(0, last - first + 1);
        }
    }

    /// As [`clear`](Self::clear), of the windows behind that of `start`.
    pub(crate) unsafe fn clear_behind(self, start: usize, end: usize) {
        let next = (start / Self::WINDOW_BYTES + 1) * Self::WINDOW_BYTES;
        if next <= end {
            unsafe { self.clear(next, end) }
        }
    }

    /// As [`clear`](Self::clear), of the windows before that of `end`.
    pub(crate) unsafe fn clear_before(self, start: usize, end: usize) {
        let first = end / Self::WINDOW_BYTES * Self::WINDOW_BYTES;
        if start < first {
            unsafe { self.clear(start, first - 1) }
        }
    }

    /// Moves the marks of `old`, of blocks within `start..end`, here: the places may overlap.
    pub(crate) unsafe fn move_marks(self, old: Self, start: usize, end: usize) {
        let (first, last) = Self::windows(start, end);
        let from = old.marks.wrapping_add(first);
        unsafe { self.marks.wrapping_add(first).copy_from(from, last - first + 1) }
    }

    /// As [`move_marks`](Self::move_marks), of the words.
    pub(crate) unsafe fn move_words(self, old: Self, start: usize, end: usize) {
        let (first, last) = Self::windows(start, end);
        let from = old.words.wrapping_add(first);
        unsafe { self.words.wrapping_add(first).copy_from(from, last - first + 1) }
    }

    /// Returns the number of a granule in its window.
    #[inline(always)]
    pub(crate) const fn index(address: usize) -> usize {
        address / P::GRANULE % WINDOW
    }

    /// Returns the word of the window of any granule.
    #[inline(always)]
    pub(crate) unsafe fn word(self, address: usize) -> u64 {
        access();
        unsafe { self.words.wrapping_add(address / Self::WINDOW_BYTES).read() }
    }

    /// Stores the word of the window of any granule.
    #[inline(always)]
    pub(crate) unsafe fn set_word(self, address: usize, word: u64) {
        access();
        unsafe { self.words.wrapping_add(address / Self::WINDOW_BYTES).write(word) }
    }

    /// Returns the mark of the window of any granule.
    #[inline(always)]
    pub(crate) unsafe fn mark(self, address: usize) -> u8 {
        unsafe { self.marks.wrapping_add(address / Self::WINDOW_BYTES).read() }
    }

    /// Marks the window of any granule.
    #[inline(always)]
    pub(crate) unsafe fn set_mark(self, address: usize, mark: u8) {
        unsafe { self.marks.wrapping_add(address / Self::WINDOW_BYTES).write(mark) }
    }

    /// Returns the bit of any granule: of a block's first one, its B.
    #[inline(always)]
    pub(crate) unsafe fn bit(self, address: usize) -> bool {
        unsafe { self.word(address) >> Self::index(address) & 1 != 0 }
    }

    #[inline(always)]
    unsafe fn flip(self, address: usize, mask: u64) {
        unsafe { self.set_word(address, self.word(address) ^ mask) }
    }

    /// Toggles the bit of any granule.
    #[inline(always)]
    pub(crate) unsafe fn toggle(self, address: usize) {
        unsafe { self.flip(address, 1 << Self::index(address)) }
    }

    /// Toggles the last bit of what ends at `end`, and the one behind.
    #[inline(always)]
    pub(crate) unsafe fn toggle_end(self, end: usize) {
        let index = Self::index(end);
        unsafe {
            if index == 0 {
                self.flip(end - P::GRANULE, 1 << (WINDOW - 1));
                self.flip(end, 1);
            } else {
                self.flip(end, 3 << (index - 1));
            }
        }
    }

    /// Makes a free block, or part of one, live; but for the rest of that block's body.
    #[inline(always)]
    pub(crate) unsafe fn allocate(self, start: usize, end: usize) {
        unsafe {
            self.toggle(start);
            self.open_end(start, end);
        }
    }

    /// Makes a live block free; but for its body.
    #[inline(always)]
    pub(crate) unsafe fn free(self, start: usize, end: usize) {
        unsafe {
            self.toggle(start);
            self.close_end(start, end);
        }
    }

    /// As [`free`](Self::free), of a long block.
    #[inline(always)]
    pub(crate) unsafe fn free_long(self, start: usize, end: usize) {
        unsafe {
            self.toggle(start);
            self.toggle(end);
            *self.word_behind(start) = 0;
        }
    }

    /// Takes the mark of a short live block's end away, to join it with others that are freed with
    /// it.
    #[inline(always)]
    pub(crate) unsafe fn unmark_end(self, end: usize) {
        unsafe { self.toggle(end - P::GRANULE) }
    }

    /// Moves the end of a live block to or from the free block behind it.
    pub(crate) unsafe fn resize(self, start: usize, end: usize, new_end: usize) {
        unsafe {
            self.close_end(start, end);
            self.open_end(start, new_end);
        }
    }

    /// Returns whether a block covers the window behind that of its start, and more.
    #[inline(always)]
    const fn is_long(start: usize, end: usize) -> bool {
        let next = start / Self::WINDOW_BYTES + 1;
        end > (next + 1) * Self::WINDOW_BYTES
    }

    /// Notes where a block ends that is made live.
    #[inline(always)]
    unsafe fn open_end(self, start: usize, end: usize) {
        unsafe { self.change_end(start, end, (end - start) as u64 | LONG) }
    }

    /// Forgets where a live block ended.
    #[inline(always)]
    unsafe fn close_end(self, start: usize, end: usize) {
        unsafe { self.change_end(start, end, 0) }
    }

    /// Toggles the end of a block; if it is a long one, `word` is that of the window behind its start.
    #[inline(always)]
    unsafe fn change_end(self, start: usize, end: usize, word: u64) {
        unsafe {
            if Self::is_long(start, end) {
                *self.word_behind(start) = word;
                self.toggle(end);
            } else {
                self.toggle_end(end);
            }
        }
    }

    /// Returns the word of the window behind that of a granule.
    #[inline(always)]
    pub(crate) const fn word_behind(self, address: usize) -> *mut u64 {
        self.words.wrapping_add(address / Self::WINDOW_BYTES).wrapping_add(1)
    }
}
