//! A block with its header: one word before its first byte.
//!
//! ```text
//! | header | …                              |        in use
//! | header | next | previous | … | size     |        free
//!          0      W                   size - 2 W     W: a word
//! ```
//!
//! The header is the size in bytes, up to the next block's first byte, with two flags in its low bits.

use crate::memory::{load, store};

/// Bytes of a word.
pub(super) const WORD: usize = size_of::<usize>();

/// The unit of sizes, and the least alignment.
pub(super) const GRANULE: usize = 2 * WORD;

/// The shortest block: it has room for a header, two links and a size.
pub(super) const LEAST: usize = 2 * GRANULE;

/// The block is in use, or waits in a quick list.
pub(super) const USED: usize = 1;

/// So is the one before, or there is none.
pub(super) const BEFORE_USED: usize = 2;

const FLAGS: usize = USED | BEFORE_USED;

/// Returns the size of a block that serves a request.
#[inline(always)]
pub(super) const fn size_for(request: usize) -> usize {
    // A layout's size is at most `isize::MAX`.
    let size = request.wrapping_add(WORD + GRANULE - 1) & !(GRANULE - 1);
    if size < LEAST { LEAST } else { size }
}

/// Returns the header of a block.
///
/// # Safety
///
/// A block begins at the address, or the heap's memory ends there: so for all here.
#[inline(always)]
pub(super) unsafe fn header(address: usize) -> usize {
    // SAFETY: the header lies before the block.
    unsafe { load(address - WORD) }
}

/// Writes the header of a block.
#[inline(always)]
pub(super) unsafe fn set_header(address: usize, header: usize) {
    // SAFETY: as above.
    unsafe { store(address - WORD, header) }
}

/// Returns the size of a block.
#[inline(always)]
pub(super) unsafe fn size(address: usize) -> usize {
    // SAFETY: as above.
    unsafe { header(address) & !FLAGS }
}

/// Makes a block one in use, of this size, whatever is before it.
#[inline(always)]
pub(super) unsafe fn set_used(address: usize, size: usize) {
    // SAFETY: as above.
    unsafe { set_header(address, header(address) & BEFORE_USED | USED | size) }
}

/// Returns whether a block is in use.
#[inline(always)]
pub(super) unsafe fn is_used(address: usize) -> bool {
    // SAFETY: as above.
    unsafe { header(address) & USED != 0 }
}
