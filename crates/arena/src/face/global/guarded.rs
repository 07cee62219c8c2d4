//! The fast paths of the hardened build, each for a small block that the calling thread has at hand, or has room for.

use core::ptr::null_mut;

use crate::{
    books::guard::{self, SEAL},
    cache::slot,
    face::global::{deallocate_anywhere, deallocate_slow},
    plan::bins::{Bin, bin_for},
    process::whose::{Kind, bin_of_thread},
};

/// A block if the thread has one of the class at hand; else null, and nothing happened.
#[inline(never)]
pub(super) fn allocate_cached(size: usize, align: usize) -> *mut u8 {
    if size == 0 {
        return null_mut();
    }
    let Some(bin) = bin_for(size.saturating_add(SEAL), align) else { return null_mut() };
    let block = slot::cache().pop(bin);
    if !block.is_null() {
        guard::hand_out(bin, block, size);
    }
    block
}

/// Frees a block, or null.
///
/// # Safety
///
/// As for [`deallocate`](super::deallocate); the block is aligned to `ALIGN`.
#[inline(never)]
pub(super) unsafe fn deallocate<const ALIGN: usize>(block: *mut u8) {
    let home = slot::cache().bin_of::<ALIGN>(block).filter(|&bin| bin != Bin::NONE);
    if let Some(bin) = home.or_else(|| bin_of_thread(block)) {
        guard::take_back(bin, block);
    }
    // SAFETY: this function's contract is the same; the block was taken back if it is a small one of a thread's heap.
    unsafe { put_away(home, block) };
}

/// Frees a block of known layout, or null.
///
/// # Safety
///
/// As for [`deallocate`](super::deallocate). The process ends with a report if it wasn't allocated with `size` and `align`.
#[inline(never)]
pub(super) unsafe fn deallocate_with(block: *mut u8, size: usize, align: usize) {
    let bin = if size == 0 { None } else { bin_for(size.saturating_add(SEAL), align) };
    let home = bin.filter(|&bin| slot::cache().bin_of::<8>(block) == Some(bin));
    if let Some(bin) = home {
        if guard::take_back_sized(bin, block, size) {
            // SAFETY: this function's contract is the same; the block was taken back.
            return unsafe { put_away(home, block) };
        }
    }
    // SAFETY: the block is null or live, by this function's contract.
    unsafe {
        Kind::in_use(block).check_size(block, size, align);
        deallocate::<8>(block);
    }
}

/// Frees a block that was taken back, on the stack of the bin that it has where the thread is `home`, if there is room.
///
/// # Safety
///
/// As for [`deallocate`].
#[inline(always)]
unsafe fn put_away(home: Option<Bin>, block: *mut u8) {
    // SAFETY: the block is given up, by this function's contract; by [AREA-2: tiles] it lies in a slab of the bin, in the
    // area that the cache is at home in.
    unsafe {
        match home {
            Some(bin) if slot::cache().push(bin, block) => {}
            Some(_) => deallocate_anywhere(block),
            None => deallocate_slow(block),
        }
    }
}
