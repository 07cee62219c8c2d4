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

/// Gives back to the system all memory that serves nothing; returns the bytes given back, at most.
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

/// Counts the memory that the allocator holds at this moment.
///
/// # Safety
///
/// `stats` can be written.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_stats(stats: *mut StratallocStats) {
    let Stats { touched, in_use, vacant, huge, huge_blocks, areas, .. } = global::stats();
    // SAFETY: `stats` can be written, by this function's contract.
    unsafe { stats.write(StratallocStats { touched, in_use, vacant, huge, huge_blocks, areas }) };
}

/// `stratalloc_describe`: describes an address in a line, as [`address::what_is`] does; returns the bytes of the line. As
/// many of these are written as leave room for the null at their end.
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
    // SAFETY: `size` bytes can be written at `text`, by this function's contract.
    let mut line = unsafe { Buffer::new(text, size) };
    // A buffer takes any text.
    let _ = write!(line, "{}", address::what_is(address.cast()));
    line.end()
}

/// `stratalloc_layout`: where the books lie, for `what` in gdb, which can't call a function of a process that is a core
/// dump.
#[unsafe(no_mangle)]
#[used]
pub(crate) static stratalloc_layout: address::Layout = address::Layout::HERE;

/// `malloc_object_size`: the bytes from an address to the end of the block in use that it lies in, at most; zero for null
/// and where no block is in use, `SIZE_MAX` where that is unknown.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn malloc_object_size(address: *const c_void) -> usize {
    global::object_size(address.cast()).unwrap_or(usize::MAX)
}

/// `malloc_object_size_fast`: the same for small blocks in a few instructions, without a look at whether the block is in
/// use; `SIZE_MAX` for others.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn malloc_object_size_fast(address: *const c_void) -> usize {
    let known = global::object_size_in_slab(address.cast());
    known.unwrap_or(if address.is_null() { 0 } else { usize::MAX })
}
