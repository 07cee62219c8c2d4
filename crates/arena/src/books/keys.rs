//! Keys: the word that a free leaves at the start of a block, by which a second free of it is noticed.
//!
//! The key of a block is the address of its area, which no program has reason to hold. A block that the program got may
//! still have one: allocations in C clear it, others don't. So a key only says where to look: a block counts as freed
//! twice if it is found among the free ones.
//!
//! Blocks above [`KEYED`] bytes get none, since a program may never touch them. They are compared with the two newest of
//! their stack instead.

use crate::{
    plan::{bins::Bin, geometry::AREA_SIZE},
    thresholds::{KEYED, LEAVES_KEYS},
};

/// Bytes of the smallest page.
const PAGE: usize = 4096;

/// Whether blocks of a bin get keys.
#[inline(always)]
pub(crate) fn has_keys(bin: Bin) -> bool {
    LEAVES_KEYS && bin.shape().block_size as usize <= KEYED
}

/// The key of a block.
#[inline(always)]
pub(crate) fn key_of(block: *mut u8) -> usize {
    block.addr() & !(AREA_SIZE - 1)
}

/// The word of a block that its key is in.
#[inline(always)]
fn word(block: *mut u8) -> *mut usize {
    block.cast()
}

/// Whether a key lies in a block.
///
/// # Safety
///
/// A block starts there, in a slab.
#[inline(always)]
pub(crate) unsafe fn lies_in(block: *mut u8, key: usize) -> bool {
    // SAFETY: a block has a word at least, and is aligned to it; the caller frees it, or nobody uses it.
    unsafe { word(block).read() == key }
}

/// Leaves a key in a block.
///
/// # Safety
///
/// As for [`lies_in`], and the block is given up.
#[inline(always)]
pub(crate) unsafe fn leave(block: *mut u8, key: usize) {
    // SAFETY: a block has a word at least, and is aligned to it; it is given up, by this function's contract.
    unsafe { word(block).write(key) };
}

/// Leaves the key of a block in it, if blocks of its bin get keys.
///
/// # Safety
///
/// As for [`leave`]; the block is of the bin.
#[inline(always)]
pub(crate) unsafe fn leave_any(bin: Bin, block: *mut u8) {
    if has_keys(bin) {
        // SAFETY: this function's contract is the same.
        unsafe { leave(block, key_of(block)) };
    }
}

/// Clears the word of a block in which its key may be, or of none.
///
/// # Safety
///
/// As for [`leave`], or it is null; the block is of the bin.
#[inline(always)]
pub(crate) unsafe fn clear(bin: Bin, block: *mut u8) {
    if has_keys(bin) && !block.is_null() {
        // SAFETY: this function's contract is the same.
        unsafe { leave(block, 0) };
    }
}

/// Leaves keys in blocks of a bin that were never handed out, but for the last of them, the lowest, which is next: in those on
/// its page, which is touched soon in any case.
///
/// # Safety
///
/// As for [`leave`], of each.
pub(crate) unsafe fn leave_in_page(bin: Bin, fresh: &[*mut u8]) {
    let Some((&next, others)) = fresh.split_last().filter(|_| has_keys(bin)) else { return };
    let on_page = |block: &&*mut u8| block.addr() / PAGE == next.addr() / PAGE;
    for &block in others.iter().rev().take_while(on_page) {
        // SAFETY: this function's contract is the same.
        unsafe { leave(block, key_of(block)) };
    }
}
