//! Poison: tells `AddressSanitizer` which blocks are free ([`stratalloc_core::poison`]). Without it, this does nothing.

use core::ptr::NonNull;

use stratalloc_core::poison;

use crate::plan::bins::Bin;

/// Poisons a small block, which is free from now on and not null.
#[inline(always)]
pub(crate) fn freed(bin: Bin, block: *mut u8) {
    bytes_freed(block, size(bin));
}

/// Unpoisons a small block, which is in use from now on and not null.
#[inline(always)]
pub(crate) fn used(bin: Bin, block: *mut u8) {
    bytes_used(block, size(bin));
}

/// Poisons bytes, not at null, which serve nothing from now on.
#[inline(always)]
pub(crate) fn bytes_freed(start: *mut u8, size: usize) {
    if cfg!(asan) {
        if let Some(start) = NonNull::new(start) {
            poison::poison(start, size);
        }
    }
}

/// Unpoisons bytes, not at null, which are in use from now on.
#[inline(always)]
pub(crate) fn bytes_used(start: *mut u8, size: usize) {
    if cfg!(asan) {
        if let Some(start) = NonNull::new(start) {
            poison::unpoison(start, size);
        }
    }
}

#[inline(always)]
fn size(bin: Bin) -> usize {
    if cfg!(asan) { bin.shape().block_size as usize } else { 0 }
}
