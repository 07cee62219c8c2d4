//! Huge blocks: in windows of their own, from addresses above all areas (S4.4).

use core::ptr::NonNull;

use stratalloc_core::ProviderError;
use stratalloc_pages::os;

use crate::{books::windows, plan::geometry::AREA_SIZE, policy::grant::ACCOUNT, sys};

/// Allocates a huge block, which reads as zero and is aligned to [`AREA_SIZE`].
pub(crate) fn allocate(size: usize) -> Option<NonNull<u8>> {
    let size = size.checked_next_multiple_of(os::page_size())?;
    let refused = ProviderError::OutOfMemory { size, align: AREA_SIZE };
    // A request that the limit refuses claims no windows, which others may want.
    if !ACCOUNT.balance().leaves(size) {
        return None;
    }
    windows::claim_block(size, |start| {
        let grant = ACCOUNT.reserve(size).ok_or(refused)?;
        sys::map_at(start, size)?;
        grant.commit();
        Ok(())
    })
}

/// Takes a huge block of `size` bytes back.
///
/// # Safety
///
/// The block is live, of `size` bytes, and not used any more.
pub(crate) unsafe fn free(start: NonNull<u8>, size: usize) {
    // SAFETY: the block's bytes are not used any more, by this function's contract.
    unsafe { sys::unmap(start, size) };
    windows::release_block(start, size);
    ACCOUNT.give_back(size);
}

/// Gives a huge block another size within its windows; returns whether it could.
///
/// # Safety
///
/// The block is live, of `old` bytes, and those beyond `size` aren't used any more.
pub(crate) unsafe fn resize(start: NonNull<u8>, old: usize, size: usize) -> bool {
    let Some(size) = size.checked_next_multiple_of(os::page_size()) else { return false };
    if size == 0 || size.div_ceil(AREA_SIZE) != old.div_ceil(AREA_SIZE) {
        return false;
    }
    let Some(grant) = ACCOUNT.reserve_growth(old, size) else { return false };
    // SAFETY: the block is live, by this function's contract, and this is within its old bytes or their end.
    let end = unsafe { start.add(old.min(size)) };
    // SAFETY: behind a live block, by this function's contract, its windows are its own; the bytes beyond `size` aren't
    // used any more.
    let fits = unsafe {
        if size > old {
            sys::map_after(end, size - old).is_ok()
        } else {
            size == old || sys::unmap(end, old - size)
        }
    };
    if fits {
        windows::resize_block(start, size);
        grant.commit();
        ACCOUNT.give_back_rest(old, size);
    }
    fits
}
