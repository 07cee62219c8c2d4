//! The functions of `stratalloc.h`.

use stratalloc_arena::global;

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
