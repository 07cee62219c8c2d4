//! Moving the content of a large block to another: whole pages are moved, where that is worth a call.

use core::ptr::NonNull;

use stratalloc_pages::os::{self, MoveError};

use crate::{
    sys,
    thresholds::{COPIED_AT_ONCE, UNIT_BROUGHT, WORTH_MOVING},
};

/// Copies `size` bytes from a large block to another, or moves them in whole pages; returns whether it could.
///
/// If not, the first block is as it was, and the second is lost: nobody may touch it, or give it back.
///
/// # Safety
///
/// The caller owns both blocks, which begin at pages and hold `size` bytes. Once the bytes are in the second, nobody
/// reads the first any more.
pub(crate) unsafe fn move_bytes(from: *mut u8, to: *mut u8, size: usize) -> bool {
    let mut done = 0;
    while done < size {
        let part = |from: *mut u8| from.wrapping_add(done);
        // SAFETY: both parts begin at pages and hold the rest of `size` bytes; both blocks are the caller's, by this
        // function's contract.
        let Some(more) = (unsafe { move_part(part(from), part(to), size - done) }) else {
            // SAFETY: the first `done` bytes of both blocks are the caller's still, by this function's contract.
            unsafe { copy(to, from, done) };
            return false;
        };
        done += more;
    }
    true
}

/// Moves some of the first bytes; returns how many, or `None` if the destination is lost.
///
/// # Safety
///
/// As for [`move_bytes`].
unsafe fn move_part(from: *mut u8, to: *mut u8, size: usize) -> Option<usize> {
    // The rest of the last page isn't part of the block in the hardened build, and stays.
    let whole_pages = cfg!(feature = "hardened") && size >= WORTH_MOVING;
    let mut part = if whole_pages { size & !(sys::round_to_pages(1) - 1) } else { size };
    // The first move tries whether what was moved can be purged, with a call that may be forbidden.
    while part >= WORTH_MOVING && sys::is_advice_allowed() {
        let (start, place) = (NonNull::new(from)?, NonNull::new(to)?);
        // SAFETY: the caller owns both blocks, which hold `part` bytes, by this function's contract.
        match unsafe { os::move_pages(start, place, part) } {
            Ok(()) => return Some(part),
            Err(MoveError::Several) => part = shorter(from, part),
            Err(MoveError::Refused) => break,
            Err(MoveError::Lost) => return None,
        }
    }
    // SAFETY: both blocks hold `part` bytes, and are two blocks of the caller's, by this function's contract.
    unsafe { copy(from, to, part) };
    Some(part)
}

/// Fewer than `size` bytes: up to the multiple of the largest power of two that lies within. Mappings end at such
/// multiples, where memory was made usable.
fn shorter(start: *mut u8, size: usize) -> usize {
    let last = start.addr() + size - 1;
    let highest_differing = (start.addr() ^ last).ilog2();
    (last >> highest_differing << highest_differing) - start.addr()
}

/// What became of a wish to bring memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    /// So many bytes of it came.
    Bytes(usize),
    /// None did, and none will: the memory is in pieces, or the system doesn't move pages.
    Nothing,
    /// None did, and the place is lost: nobody may touch it, or give it back.
    Lost,
}

/// Brings the memory of the last pages before `end` to a place without memory: `size` bytes of it, or some fewer. What
/// it held comes with it. It leaves zero behind.
///
/// # Safety
///
/// The caller owns the bytes before `end` and those of the place, whole pages that don't overlap, and needs none of their
/// content.
pub(crate) unsafe fn bring(end: *mut u8, to: *mut u8, size: usize) -> Brought {
    let mut part = size;
    while part >= UNIT_BROUGHT && sys::is_advice_allowed() {
        let (start, place) = (NonNull::new(end.wrapping_sub(part)), NonNull::new(to));
        let (Some(start), Some(place)) = (start, place) else { break };
        // SAFETY: the caller owns both, whole pages that don't overlap, and needs nothing there, by this function's contract.
        match unsafe { os::move_pages(start, place, part) } {
            Ok(()) => return Brought::Bytes(part),
            Err(MoveError::Several) => part = (part / 2) & !(UNIT_BROUGHT - 1),
            Err(MoveError::Refused) => break,
            Err(MoveError::Lost) => return Brought::Lost,
        }
    }
    Brought::Nothing
}

/// Copies `size` bytes from a large block to another, whatever the system refuses: for heaps that end, none of whose
/// address space may be lost.
///
/// Gives the memory behind the first block back meanwhile, so that not all of it is there twice.
///
/// # Safety
///
/// As for [`move_bytes`].
pub(crate) unsafe fn copy_bytes(from: *mut u8, to: *mut u8, size: usize) {
    for done in (0..size).step_by(COPIED_AT_ONCE) {
        let part = COPIED_AT_ONCE.min(size - done);
        // SAFETY: both blocks hold `part` bytes from `done` on, and are two blocks of the caller's, by this function's
        // contract.
        unsafe { copy(from.wrapping_add(done), to.wrapping_add(done), part) };
        if part == COPIED_AT_ONCE {
            // SAFETY: whole pages, which begin at a page as the block does; they were copied, and by this function's
            // contract nobody reads them any more.
            unsafe { sys::purge(from.wrapping_add(done), part) };
        }
    }
}

/// # Safety
///
/// Both are blocks of the caller's that hold `size` bytes, and don't overlap.
unsafe fn copy(from: *mut u8, to: *mut u8, size: usize) {
    // SAFETY: both hold `size` bytes and don't overlap, by this function's contract.
    unsafe { to.copy_from_nonoverlapping(from, size) };
}

#[cfg(test)]
mod tests {
    use core::ptr::without_provenance_mut;

    use super::*;

    #[test]
    fn what_is_shorter_ends_where_mappings_do() {
        let of = |start: usize, size: usize| {
            shorter(without_provenance_mut(start << 20), size << 20) >> 20
        };
        assert_eq!([of(8, 12), of(8, 8), of(8, 4), of(15, 10), of(64, 2)], [8, 4, 2, 1, 1]);
        assert_eq!(shorter(without_provenance_mut(4096), 4096 * 3), 4096);
    }
}
