//! The fast paths of the checked and the hardened build, each for a small block that the calling thread has at hand, or has room for.

use core::ptr::null_mut;

use crate::{
    books::guard::{self, Rival, Taken},
    cache::{Cache, slot},
    face::global::{C_ALIGN, deallocate_anywhere, deallocate_slow},
    plan::bins::Bin,
    process::{
        quarantine, thread,
        whose::{Kind, bin_of_thread, check_start},
    },
};

/// A block if the thread has one of the class at hand; else null, and nothing happened.
#[cfg_attr(feature = "hardened", inline(never))]
#[cfg_attr(not(feature = "hardened"), inline(always))]
pub(super) fn allocate_cached(size: usize, align: usize) -> *mut u8 {
    if guard::PARANOID {
        quarantine::look_back(slot::cache().own());
    }
    if guard::ON && align > C_ALIGN {
        return allocate_aligned(size, align);
    }
    allocate_of(guard::bin_for(size, align), size)
}

/// The same at an alignment that few ask for.
#[cold]
#[inline(never)]
fn allocate_aligned(size: usize, align: usize) -> *mut u8 {
    allocate_of(guard::bin_for(size, align), size)
}

/// A block of `size` bytes and of this bin, if there is one and the thread has a block of it at hand; else null.
#[inline(always)]
fn allocate_of(bin: Option<Bin>, size: usize) -> *mut u8 {
    let Some(bin) = bin else { return null_mut() };
    let cache = slot::cache();
    let block = cache.pop(bin);
    if block.is_null() {
        return block;
    }
    if guard::PARANOID {
        quarantine::note(cache.own(), bin, block);
    }
    guard::hand_out(bin, block, size)
}

/// Frees a block, or null.
///
/// # Safety
///
/// As for [`deallocate`](super::deallocate); the block is aligned to `ALIGN`.
#[cfg_attr(feature = "hardened", inline(never))]
#[cfg_attr(not(feature = "hardened"), inline(always))]
pub(super) unsafe fn deallocate<const ALIGN: usize>(block: *mut u8) {
    let cache = slot::cache();
    // SAFETY: this function's contract is the same.
    unsafe {
        match cache.bin_of::<ALIGN>(block).filter(|&bin| bin != Bin::NONE) {
            Some(bin) if guard::are_long(bin) => deallocate_long(cache, bin, block),
            Some(bin) => deallocate_at_home(cache, bin, block),
            None => deallocate_elsewhere(block),
        }
    }
}

/// Frees a block of a bin where the thread is at home.
///
/// # Safety
///
/// As for [`deallocate`].
#[inline(always)]
unsafe fn deallocate_at_home(cache: &'static Cache, bin: Bin, block: *mut u8) {
    guard::take_back(bin, block, Rival::None);
    // SAFETY: this function's contract is the same; the block was taken back.
    unsafe { put_away(cache, bin, block) };
}

/// The same of a long one: paths for others need fewer registers without it.
///
/// # Safety
///
/// As for [`deallocate`].
#[inline(never)]
unsafe fn deallocate_long(cache: &'static Cache, bin: Bin, block: *mut u8) {
    // SAFETY: this function's contract is the same.
    unsafe { deallocate_at_home(cache, bin, block) };
}

/// Frees a block outside of the area that the thread is at home in, or null.
///
/// # Safety
///
/// As for [`deallocate`].
#[cold]
#[inline(never)]
unsafe fn deallocate_elsewhere(block: *mut u8) {
    if let Some(bin) = bin_of_thread(block) {
        check_start(bin, block);
        guard::take_back(bin, block, Rival::Any);
        // SAFETY: this function's contract is the same; the block was just taken back.
        return unsafe { clear_and_deallocate(bin, block) };
    }
    // SAFETY: this function's contract is the same.
    unsafe { deallocate_slow(block, slot::cache()) };
}

/// Frees a small block of a thread's heap that was taken back, wherever it lies.
///
/// # Safety
///
/// As for [`deallocate`].
unsafe fn clear_and_deallocate(bin: Bin, block: *mut u8) {
    // SAFETY: the block was taken back; it lies in a slab of the bin of a thread's heap.
    unsafe { guard::clear(bin, block) };
    if guard::PARANOID {
        if let Some(cache) = thread::attached() {
            // SAFETY: as above.
            return unsafe { quarantine::wait(cache.own(), bin, block) };
        }
    }
    // SAFETY: this function's contract is the same.
    unsafe { deallocate_slow(block, slot::cache()) };
}

/// Frees a block of known layout, or null.
///
/// # Safety
///
/// As for [`deallocate`](super::deallocate). The process ends with a report if it wasn't allocated with `size` and `align`.
#[cfg_attr(feature = "hardened", inline(never))]
#[cfg_attr(not(feature = "hardened"), inline(always))]
pub(super) unsafe fn deallocate_with(block: *mut u8, size: usize, align: usize) {
    if !guard::ON {
        // SAFETY: this function's contract is the same.
        return unsafe { deallocate::<8>(block) };
    }
    let cache = slot::cache();
    let bin = if align > C_ALIGN { None } else { guard::bin_for(size, align) };
    // SAFETY: this function's contract is the same.
    unsafe {
        match bin.filter(|&bin| cache.bin_of::<8>(block) == Some(bin)) {
            Some(bin) if guard::are_long(bin) => deallocate_long_with(bin, block, size, align),
            Some(bin) => deallocate_at_home_with(cache, bin, block, (size, align)),
            None => deallocate_elsewhere_with(block, size, align),
        }
    }
}

/// Frees a block of a bin and of known layout where the thread is at home.
///
/// # Safety
///
/// As for [`deallocate_with`].
#[inline(always)]
unsafe fn deallocate_at_home_with(
    cache: &'static Cache,
    bin: Bin,
    block: *mut u8,
    (size, align): (usize, usize),
) {
    // SAFETY: this function's contract is the same; the block was taken back if it says so.
    unsafe {
        match guard::take_back_sized(bin, block, size, Rival::None) {
            Taken::Back => put_away(cache, bin, block),
            Taken::Not => check_and_deallocate(block, size, align),
            Taken::Wrongly => give_again_and_check(bin, block, size, align),
        }
    }
}

/// The same of a long one, as [`deallocate_long`].
///
/// # Safety
///
/// As for [`deallocate_with`].
#[inline(never)]
unsafe fn deallocate_long_with(bin: Bin, block: *mut u8, size: usize, align: usize) {
    // SAFETY: this function's contract is the same.
    unsafe { deallocate_at_home_with(slot::cache(), bin, block, (size, align)) };
}

/// Frees a block of known layout outside of the area that the thread is at home in, or null.
///
/// # Safety
///
/// As for [`deallocate_with`].
#[cold]
#[inline(never)]
unsafe fn deallocate_elsewhere_with(block: *mut u8, size: usize, align: usize) {
    let bin = bin_of_thread(block).filter(|&bin| guard::bin_for(size, align) == Some(bin));
    // SAFETY: this function's contract is the same; the block was taken back if it says so.
    unsafe {
        let Some(bin) = bin else { return check_and_deallocate(block, size, align) };
        match guard::take_back_sized(bin, block, size, Rival::Any) {
            Taken::Back => clear_and_deallocate(bin, block),
            Taken::Not => check_and_deallocate(block, size, align),
            Taken::Wrongly => give_again_and_check(bin, block, size, align),
        }
    }
}

/// Frees a block that was marked as free, but not rightly.
///
/// # Safety
///
/// As for [`deallocate_with`].
#[cold]
#[inline(never)]
unsafe fn give_again_and_check(bin: Bin, block: *mut u8, size: usize, align: usize) {
    guard::give_again(bin, block);
    // SAFETY: this function's contract is the same.
    unsafe { check_and_deallocate(block, size, align) };
}

/// The same, whatever the block is.
///
/// # Safety
///
/// As for [`deallocate_with`].
#[cold]
#[inline(never)]
unsafe fn check_and_deallocate(block: *mut u8, size: usize, align: usize) {
    // SAFETY: the block is null or live, by this function's contract.
    unsafe {
        Kind::in_use(block).check_size(block, size, align);
        deallocate::<8>(block);
    }
}

/// Clears a block that was taken back, and frees it: on the stack of the bin that it has where the thread is at home, if there
/// is room.
///
/// # Safety
///
/// As for [`deallocate`].
#[inline(always)]
unsafe fn put_away(cache: &'static Cache, home: Bin, block: *mut u8) {
    // SAFETY: the block is given up, by this function's contract; by [AREA-2: tiles] it lies in a slab of the bin, in the
    // area that the cache is at home in.
    unsafe {
        guard::clear(home, block);
        if guard::PARANOID {
            return quarantine::wait(cache, home, block);
        }
        if !cache.push_at_random(home, block) {
            deallocate_anywhere(block);
        }
    }
}
