//! What is said before the process ends over a pointer that can't be freed.

use core::sync::atomic::{AtomicBool, Ordering};

use stratalloc_core::diag;

use crate::segment::BadFree;

/// Whether the reports were led to standard error. Set once; orders nothing but itself.
static CONNECTED: AtomicBool = AtomicBool::new(false);

/// Ends the process over a block that isn't one.
#[cold]
#[inline(never)]
pub(crate) fn bad_free(block: *mut u8, bad: BadFree) -> ! {
    let what = match bad {
        BadFree::NotABlock => "not the start of a block in use",
        BadFree::Twice => "freed already",
    };
    fail(block, what)
}

/// Ends the process over an address that is none of ours.
#[cold]
#[inline(never)]
pub(crate) fn foreign(block: *mut u8) -> ! {
    fail(block, "not of this allocator")
}

fn fail(block: *mut u8, what: &str) -> ! {
    if !CONNECTED.swap(true, Ordering::Relaxed) {
        diag::set_sink(write);
        diag::set_abort(abort);
    }
    diag::fatal(format_args!("free of {block:p}: {what}"))
}

fn write(line: &[u8]) {
    // SAFETY: the slice is readable. Nothing can be done if standard error takes nothing.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}

fn abort() -> ! {
    // SAFETY: the call has no preconditions.
    unsafe { libc::abort() }
}
