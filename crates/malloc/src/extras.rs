//! The functions of `stratalloc.h`.

use stratalloc_arena::{Stats, global};

/// The library's version, as `MAJOR.MINOR.PATCH`.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn stratalloc_version() -> *const core::ffi::c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Gives back to the system all memory that serves nothing; how many bytes that were at most.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn stratalloc_trim() -> usize {
    global::trim()
}

/// `struct stratalloc_stats`.
#[repr(C)]
pub(crate) struct StratallocStats {
    touched: usize,
    in_use: usize,
    vacant: usize,
    huge: usize,
    huge_blocks: usize,
    areas: usize,
}

/// What the allocator holds at this moment.
///
/// # Safety
///
/// `stats` can be written.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_stats(stats: *mut StratallocStats) {
    let Stats { touched, in_use, vacant, huge, huge_blocks, areas, .. } = global::stats();
    // SAFETY: the caller's promise.
    unsafe { stats.write(StratallocStats { touched, in_use, vacant, huge, huge_blocks, areas }) };
}
