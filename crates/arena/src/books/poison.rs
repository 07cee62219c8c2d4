//! Which blocks are free, for `AddressSanitizer`: see [`stratalloc_core::poison`]. Without it, nothing.

use core::ptr::NonNull;

use stratalloc_core::poison;

use crate::plan::bins::Bin;

/// A small block, not null, is free from here on.
#[inline(always)]
pub(crate) fn freed(bin: Bin, block: *mut u8) {
    bytes_freed(block, size(bin));
}

/// A small block, not null, is in use from here on.
#[inline(always)]
pub(crate) fn used(bin: Bin, block: *mut u8) {
    bytes_used(block, size(bin));
}

/// Bytes, not at null, serve nothing from here on.
#[inline(always)]
pub(crate) fn bytes_freed(start: *mut u8, size: usize) {
    if cfg!(asan) {
        if let Some(start) = NonNull::new(start) {
            poison::poison(start, size);
        }
    }
}

/// Bytes, not at null, are in use from here on.
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
