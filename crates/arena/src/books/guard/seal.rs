//! Seals: the last word of a block, which depends on the block's address, on its margin's length and on the process; and
//! the margin, which lies between the bytes asked for and the seal.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::sys;

/// What fills the bytes between a block's size and its seal, and the seal's first byte. So one byte past the end is noticed
/// whatever else is written, be it zero, as of a string.
const MARGIN: u8 = 0xc5;
const MARGIN_WORD: u64 = u64::from_ne_bytes([MARGIN; WORD]);
const WORD: usize = size_of::<u64>();
/// The bits of a seal above this one hold the margin's length.
const LENGTH_SHIFT: u32 = 48;
/// An odd number whose high bits look random, so far up that a product's bits above its first 16 and 8 more are those that
/// nobody can guess: moved down by 16, they lie between a seal's first byte and the length.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15 << 24;

/// The place of a seal, and the block that it seals. The block ends with it.
#[derive(Clone, Copy)]
pub(super) struct Seal {
    block: *mut u8,
    /// The bytes of the block before the seal.
    room: usize,
}

impl Seal {
    /// That of a block of so many bytes.
    #[inline(always)]
    pub(super) fn of(block: *mut u8, block_size: usize) -> Self {
        Self { block, room: block_size - WORD }
    }

    /// Fills the margin behind `size` bytes, and seals it.
    ///
    /// # Safety
    ///
    /// The block is the caller's alone, and has room for `size` bytes before the seal.
    #[inline(always)]
    pub(super) unsafe fn set(self, size: usize) {
        let margin = self.room - size;
        // SAFETY: the margin lies before the seal, by this function's contract; the seal need not be aligned, and is
        // written last.
        unsafe {
            fill_before_seal(self.block.add(size), margin);
            self.place().write_unaligned(self.word(margin));
        }
    }

    /// The bytes before the margin, by an unbroken seal.
    ///
    /// # Errors
    ///
    /// The bytes before what is broken: the seal, or the margin.
    ///
    /// # Safety
    ///
    /// The block was sealed, and nobody writes to its margin and to its seal meanwhile.
    #[inline(always)]
    pub(super) unsafe fn size(self) -> Result<usize, usize> {
        // SAFETY: the block ends with the seal, by this function's contract.
        let found = unsafe { self.place().read_unaligned() };
        let margin = (found >> LENGTH_SHIFT) as usize;
        if found != self.word(margin) || margin > self.room {
            return Err(self.room);
        }
        // SAFETY: this function's contract is the same; the margin is `room` bytes at most.
        unsafe { self.unbroken_margin(margin) }
    }

    /// Whether the block is sealed. Nothing is said of the margin.
    ///
    /// # Safety
    ///
    /// As for [`size`](Self::size).
    pub(super) unsafe fn is_set(self) -> bool {
        // SAFETY: the block ends with the seal, by this function's contract.
        let found = unsafe { self.place().read_unaligned() };
        let margin = (found >> LENGTH_SHIFT) as usize;
        found == self.word(margin) && margin <= self.room
    }

    /// Breaks the seal behind `size` bytes; returns whether it was there. Of several threads that do it at the same moment, one
    /// finds it.
    ///
    /// # Safety
    ///
    /// The block ends with the seal, in memory that is usable, and lies in a slab.
    pub(super) unsafe fn take(self, size: usize) -> bool {
        let word = self.word(self.room.wrapping_sub(size));
        // SAFETY: the seal is a word, by this function's contract, and aligned, as sizes of blocks are multiples of a word's.
        // `Relaxed`: the block's content is nobody's.
        let place = unsafe { AtomicU64::from_ptr(self.place()) };
        place.compare_exchange(word, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Whether the block is sealed behind `size` bytes. Nothing is said of the margin.
    ///
    /// # Safety
    ///
    /// As for [`size`](Self::size).
    #[inline(always)]
    pub(super) unsafe fn is_behind(self, size: usize) -> bool {
        // SAFETY: the block ends with the seal, by this function's contract.
        let found = unsafe { self.place().read_unaligned() };
        found == self.word(self.room.wrapping_sub(size))
    }

    /// The bytes before a margin of so many bytes, if it is as it was filled.
    ///
    /// # Errors
    ///
    /// The same where it isn't.
    ///
    /// # Safety
    ///
    /// As for [`size`](Self::size); the margin is no longer than what lies before the seal.
    #[inline(always)]
    pub(super) unsafe fn unbroken_margin(self, margin: usize) -> Result<usize, usize> {
        let size = self.room - margin;
        // SAFETY: the margin ends at the seal, by this function's contract: it lies in the block.
        let is_filled = unsafe { is_filled_before_seal(self.block.add(size), margin) };
        if is_filled { Ok(size) } else { Err(size) }
    }

    /// The bytes of the margin behind `size` bytes.
    #[inline(always)]
    pub(super) fn margin(self, size: usize) -> usize {
        self.room - size
    }

    fn place(self) -> *mut u64 {
        self.block.wrapping_add(self.room).cast()
    }

    /// The seal behind a margin of so many bytes.
    #[inline(always)]
    fn word(self, margin: usize) -> u64 {
        let mixed = (self.block.addr() + margin) ^ SECRET.load(Ordering::Relaxed);
        let guessed_by_none = (mixed as u64).wrapping_mul(MULTIPLIER) >> (64 - LENGTH_SHIFT);
        guessed_by_none + u64::from(MARGIN) + ((margin as u64) << LENGTH_SHIFT)
    }
}

/// The process's random number; zero before there is a block to be sealed. `Relaxed`: whoever has a block has it from a
/// thread that made the number.
static SECRET: AtomicUsize = AtomicUsize::new(0);

/// Asks the system for the number, once; each thread would find the same.
pub(super) fn make_secret() {
    if SECRET.load(Ordering::Relaxed) == 0 {
        SECRET.store(sys::random() | 1, Ordering::Relaxed);
    }
}

/// Fills a margin of so many bytes before a seal, some of which it may overwrite.
///
/// # Safety
///
/// They can be written, and a seal after them; nobody uses them.
#[inline(always)]
unsafe fn fill_before_seal(start: *mut u8, count: usize) {
    // SAFETY: each word begins within the margin or at the seal, and ends within the seal at the latest.
    let fill = |at| unsafe { start.add(at).cast::<u64>().write_unaligned(MARGIN_WORD) };
    fill(0);
    // Straight on for margins of a word, which most are.
    let mut done = WORD;
    while done < count {
        fill(done);
        done += WORD;
    }
}

/// Whether a margin before a seal is as it was filled.
///
/// # Safety
///
/// The bytes can be read, and the seal after them; nobody writes to them meanwhile.
#[inline(always)]
unsafe fn is_filled_before_seal(start: *mut u8, count: usize) -> bool {
    // SAFETY: each word read begins within the margin or at its end, and ends within the seal at the latest, by this
    // function's contract.
    let differing = |at| unsafe { start.add(at).cast::<u64>().read_unaligned() } ^ MARGIN_WORD;
    if count < WORD {
        // With the seal's first byte, so that no shift is by all bits.
        return u64::from_le(differing(0)) << ((WORD - 1 - count) * 8) == 0;
    }
    // The words from the first on, and the last, which another may overlap. With a way out: most margins have two at most.
    let last = count - WORD;
    let mut done = 0;
    while done < last {
        if differing(done) != 0 {
            return false;
        }
        done += WORD;
    }
    differing(last) == 0
}

/// Fills a margin of so many bytes.
///
/// # Safety
///
/// They can be written, and nobody uses them.
pub(crate) unsafe fn fill(start: *mut u8, count: usize) {
    // SAFETY: this function's contract is the same.
    unsafe { start.write_bytes(MARGIN, count) };
}

/// Whether a margin is as it was filled.
///
/// # Safety
///
/// The bytes can be read, and nobody writes to them meanwhile.
pub(crate) unsafe fn is_filled(start: *mut u8, count: usize) -> bool {
    // SAFETY: this function's contract is the same.
    let margin = unsafe { core::slice::from_raw_parts(start, count) };
    margin.iter().all(|&byte| byte == MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_broken_once() {
        let mut words = [0_u64; 8];
        let seal = Seal::of(words.as_mut_ptr().cast(), size_of_val(&words));
        // SAFETY: the block is the words, here and below.
        unsafe {
            assert!(!seal.is_set() && !seal.take(40));
            seal.set(40);
            assert!(seal.is_set() && !seal.take(39));
            assert!(seal.take(40));
            assert!(!seal.is_set() && !seal.take(40));
        }
    }
}
