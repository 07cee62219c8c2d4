//! The functions of `stratalloc.h` that a module of their own doesn't have.

use core::{
    ffi::{c_char, c_void},
    fmt::Write as _,
};

use stratalloc_arena::{Stats, address, global};

use crate::out::Buffer;

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

/// `stratalloc_describe`: says in a line what an address is, as [`address::what_is`] does. How many bytes the line has, of
/// which those are written that leave room for the null at their end.
///
/// # Safety
///
/// `size` bytes can be written at `text`.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_describe(
    address: *const c_void,
    text: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: the caller's promise.
    let mut line = unsafe { Buffer::new(text, size) };
    // A buffer takes whatever comes.
    let _ = write!(line, "{}", address::what_is(address.cast()));
    line.end()
}
