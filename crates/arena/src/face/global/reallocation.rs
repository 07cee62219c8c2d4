//! Reallocation: another size for a block, in place where possible.

use core::ptr::null_mut;

use crate::{
    books::guard,
    cache::slot,
    face::global::{
        C_ALIGN, allocate, allocate_c, allocate_cached, allocate_cached_c,
        allocation::allocate_large, deallocate, deallocate_c, deallocate_sized, size_at_home,
    },
    heap::{
        huge,
        large::{MAX_IN_ARENAS, Outlook},
    },
    plan::bins::{Bin, bin_for},
    process::{sampling, tags, thread, whose::Kind},
    sys::moving,
    thresholds::GROWING,
};

/// Gives a block another size, in place where possible, and keeps as much of its content as both sizes hold. Returns null
/// if memory is out; the block is as it was then. For null, it allocates.
///
/// For [`deallocate_sized`](super::deallocate_sized), the block returned counts as allocated with `size` and `align`.
///
/// # Safety
///
/// `block` is null, or live and aligned to `align`.
pub unsafe fn reallocate(block: *mut u8, size: usize, align: usize) -> *mut u8 {
    // SAFETY: the block is null, or live and aligned to `align`, by this function's contract.
    unsafe {
        reallocate_unless(block, size, align, |bin, _| {
            guard::bin_for(size.max(1), align) == Some(bin)
        })
    }
}

/// As [`reallocate`], for a block whose size is known: it need not be looked up.
///
/// # Safety
///
/// As for [`reallocate`]; the block isn't null, and was allocated, or reallocated last, with `old` bytes.
#[inline]
pub unsafe fn reallocate_sized(block: *mut u8, old: usize, size: usize, align: usize) -> *mut u8 {
    // SAFETY: this function's contract is that of both.
    unsafe {
        // The checked build looks whether the program holds the block.
        if guard::KNOWS_HELD && !guard::ON {
            reallocate(block, size, align)
        } else {
            reallocate_with(block, old, size, align)
        }
    }
}

/// Gives a block of known layout another size, as [`reallocate`] does: where it lies, or by a small block that the thread has at
/// hand, if it is at home where the old one lies.
///
/// What the old block is need not be looked up then, and it is checked once, as it is freed.
///
/// # Safety
///
/// As for [`reallocate`]; the block was allocated, or reallocated last, with `old` bytes.
#[inline]
unsafe fn reallocate_with(block: *mut u8, old: usize, size: usize, align: usize) -> *mut u8 {
    let bin = if guard::ON && align > C_ALIGN { None } else { guard::bin_for(old, align) };
    if bin.is_some_and(|bin| slot::cache().bin_of::<8>(block) == Some(bin)) {
        // With a seal, it isn't as large as its class.
        if !guard::ON && guard::bin_for(size.max(1), align) == bin {
            return block;
        }
        let moved = allocate_cached(size.max(1), align);
        if !moved.is_null() {
            // SAFETY: the block at hand holds `size` bytes, and is another than the old one; that has `old` in a slab of the
            // bin, and is given up, by this function's contract.
            unsafe {
                moved.copy_from_nonoverlapping(block, old.min(size));
                deallocate_sized(block, old, align);
            }
            return moved;
        }
    }
    // SAFETY: this function's contract is at least that of `reallocate`.
    unsafe { reallocate(block, size, align) }
}

/// As [`reallocate`], aligned as [`allocate_c`](super::allocate_c) does. A block that shrinks by less than half stays
/// where it is, so that only [`deallocate`] may free it.
///
/// # Safety
///
/// As for [`reallocate`].
pub unsafe fn reallocate_c(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        return allocate_c(size);
    }
    let stays = |old| size <= old && size > old / 2;
    // SAFETY: the block is live, by this function's contract.
    if let Some(old) = unsafe { size_at_home(block) } {
        if stays(old) {
            return block;
        }
        let moved = allocate_cached_c(size);
        if !moved.is_null() {
            // SAFETY: the block at hand holds `size` bytes, and is another than the old one; that has `old`, and is given up, by
            // this function's contract.
            unsafe {
                moved.copy_from_nonoverlapping(block, old.min(size));
                deallocate_c(block);
            }
            return moved;
        }
    }
    // SAFETY: the block is live and aligned as C's blocks are, by this function's contract.
    unsafe { reallocate_unless(block, size, C_ALIGN, |_: Bin, old| stays(old)) }
}

/// Reallocates, unless a small block of its bin and size `stays` as it is.
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
    let size = size.max(1);
    // SAFETY: the block is live, by this function's contract.
    let kind = unsafe { Kind::in_use(block) };
    let old = kind.size(block);
    // With a seal, the size is known to the byte.
    let may_stay = |bin| (!guard::ON || size == old) && stays(bin, old);
    if matches!(kind, Kind::Small { bin, .. } | Kind::OfValue { bin, .. } if may_stay(bin)) {
        return block;
    }
    // SAFETY: the block is live, by this function's contract, and of this kind.
    unsafe { resize_or_move(&kind, block, old, size, align) }
}

/// Gives a block that can't stay as it is another size: where it stands, or else in another place; the other way round
/// if sampling wants it moved, or the tag that the thread is in isn't the block's.
///
/// # Safety
///
/// `block` is live, of this kind, holds `old` bytes, and is given up if another one is returned.
unsafe fn resize_or_move(
    kind: &Kind,
    block: *mut u8,
    old: usize,
    size: usize,
    align: usize,
) -> *mut u8 {
    let to_tag = tags::must_move(kind, old, size);
    let must_move = to_tag || sampling::must_move(kind, old, size);
    // SAFETY: the block is live, of this kind, and holds `old` bytes, by this function's contract. If it had to be moved
    // and wasn't, it is as it was.
    unsafe {
        if !must_move && resize_in_place(kind, block, size) {
            sampling::resized(kind, block, old, size);
            return block;
        }
        let moved = move_block(block, old, size, align);
        // A tag that refuses a block doesn't have it grow in another's heap.
        let may_stay = moved.is_null() && must_move && (size <= old || !to_tag);
        let stays = may_stay && resize_in_place(kind, block, size);
        if stays { block } else { moved }
    }
}

/// Gives a block another size where it stands; returns whether it could.
///
/// # Safety
///
/// `block` is live, and of this kind.
unsafe fn resize_in_place(kind: &Kind, block: *mut u8, size: usize) -> bool {
    match *kind {
        Kind::Null | Kind::Small { .. } | Kind::OfValue { .. } | Kind::ZeroSized | Kind::Fenced => {
            false
        }
        Kind::Large { heap } => {
            if bin_for(size, 8).is_some() || size > MAX_IN_ARENAS {
                return false;
            }
            // SAFETY: the block is of this kind, by this function's contract: it lies in an area of this heap.
            let (done, visit) = unsafe { heap.resize_large(slot::mark(), block, size) };
            thread::see_to(visit);
            done
        }
        Kind::Huge { start, size: old } => {
            // SAFETY: the block is live, of this kind and size, by this function's contract.
            size > MAX_IN_ARENAS && unsafe { huge::resize(start, old, size) }
        }
    }
}

/// Moves a block to one of another size; returns null if memory is out, and the block is as it was then.
///
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
    // SAFETY: both blocks are live and hold `kept` bytes; the old one is given up, by this function's contract.
    unsafe {
        if !moving::move_bytes(block, moved, kept) {
            return null_mut();
        }
        deallocate(block);
    }
    moved
}
