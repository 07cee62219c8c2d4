//! Blocks of another size, in place where they can.

use core::ptr::null_mut;

use crate::face::global::{C_ALIGN, allocate, allocate_large, deallocate};
use crate::{
    books::guard,
    cache::slot,
    heap::{
        huge,
        large::{MAX_IN_ARENAS, Outlook},
    },
    plan::bins::{Bin, bin_for},
    process::{sampling, thread, whose::Kind},
    sys::moving,
    thresholds::GROWING,
};

/// Gives a block another size, in place where it can; the content is kept as far as both reach. Null
/// if memory is out, and then the block is as it was. A null block is allocated.
///
/// The block that comes back is as if allocated with `size` and `align`, for [`deallocate_sized`](super::deallocate_sized).
///
/// # Safety
///
/// `block` is null, or live and aligned to `align`.
pub unsafe fn reallocate(block: *mut u8, size: usize, align: usize) -> *mut u8 {
    let size = size.max(1);
    // SAFETY: the caller's promise.
    unsafe { reallocate_unless(block, size, align, |bin, _| bin_for(size, align) == Some(bin)) }
}

/// As [`reallocate`], aligned as [`allocate_c`](super::allocate_c) does. A block that shrinks by less than half stays
/// where it is, so that only [`deallocate`] may free it.
///
/// # Safety
///
/// As for [`reallocate`].
pub unsafe fn reallocate_c(block: *mut u8, size: usize) -> *mut u8 {
    let size = size.max(1);
    // SAFETY: the caller's promise; blocks of C are aligned so.
    unsafe { reallocate_unless(block, size, C_ALIGN, |_: Bin, old| size <= old && size > old / 2) }
}

/// Reallocates, unless a small block of this bin and size may `stay` as it is.
///
/// # Safety
///
/// As for [`reallocate`].
#[inline(always)]
unsafe fn reallocate_unless(
    block: *mut u8,
    size: usize,
    align: usize,
    stays: impl Fn(Bin, usize) -> bool,
) -> *mut u8 {
    if block.is_null() {
        return allocate(size, align);
    }
    // SAFETY: the caller's promise.
    let kind = unsafe { Kind::in_use(block) };
    let old = kind.size(block);
    let may_stay = |bin| if guard::ON { size == old } else { stays(bin, old) };
    if matches!(kind, Kind::Small { bin, .. } | Kind::OfValue { bin, .. } if may_stay(bin)) {
        return block;
    }
    let must_move = sampling::must_move(&kind, old, size);
    // SAFETY: the caller's promise.
    if !must_move && unsafe { resize_in_place(&kind, block, size) } {
        sampling::resized(&kind, block, old, size);
        return block;
    }
    // SAFETY: the caller's promise; the kind says how many bytes it holds. What had to be moved and isn't, is as
    // it was.
    unsafe {
        let moved = move_block(block, old, size, align);
        let stays = moved.is_null() && must_move && resize_in_place(&kind, block, size);
        if stays { block } else { moved }
    }
}

/// # Safety
///
/// `block` is live, and of this kind.
unsafe fn resize_in_place(kind: &Kind, block: *mut u8, size: usize) -> bool {
    match *kind {
        Kind::Null | Kind::Small { .. } | Kind::OfValue { .. } => false,
        Kind::Large { heap } => {
            if bin_for(size, 8).is_some() || size > MAX_IN_ARENAS {
                return false;
            }
            // SAFETY: the kind says whose it is.
            let (done, visit) = unsafe { heap.resize_large(slot::mark(), block, size) };
            thread::see_to(visit);
            done
        }
        Kind::Huge { start, size: old } => {
            // SAFETY: the caller's promise.
            size > MAX_IN_ARENAS && unsafe { huge::resize(start, old, size) }
        }
    }
}

/// # Safety
///
/// `block` is live, holds `old` bytes, and is given up if another one is returned.
unsafe fn move_block(block: *mut u8, old: usize, size: usize, align: usize) -> *mut u8 {
    let growing = size > old && size >= GROWING;
    let moved =
        if growing { allocate_large(size, align, Outlook::Growing) } else { allocate(size, align) };
    if moved.is_null() {
        return moved;
    }
    let kept = old.min(size);
    // SAFETY: both blocks are live and hold `kept` bytes; the old one is given up.
    unsafe {
        if !moving::move_bytes(block, moved, kept) {
            return null_mut();
        }
        deallocate(block);
    }
    moved
}
