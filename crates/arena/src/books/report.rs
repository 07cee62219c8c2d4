//! Reports: before the process ends over a pointer that is no block in use, one line; several where more is known.

use core::sync::atomic::{AtomicBool, Ordering};

use stratalloc_core::diag;

use crate::{books::slab::BadFree, plan::bins::Bin};

/// Whether the reports go to standard error already. Set once; it orders nothing but itself.
static CONNECTED: AtomicBool = AtomicBool::new(false);

/// Ends the process over an address that was given back, or used, as a small block of `bin`.
#[cold]
#[inline(never)]
pub(crate) fn bad_free(bin: Bin, bad: BadFree) -> ! {
    let size = bin.shape().block_size;
    match bad {
        BadFree::Twice(block) => {
            fail(block, format_args!("a block of {size} bytes, freed already"))
        }
        BadFree::NotABlock(block) => match bin.shape_at(block).offset_in_block(block) {
            0 => fail(block, format_args!("not in use, a block of {size} bytes")),
            offset => fail(block, format_args!("{offset} bytes into a block of {size}")),
        },
    }
}

/// Ends the process over an address among large blocks at which no block in use starts.
#[cold]
#[inline(never)]
pub(crate) fn not_a_large_block(address: *mut u8) -> ! {
    fail(address, format_args!("not the start of a block in use"))
}

/// Ends the process over an address among blocks of no bytes at which the program holds none.
#[cold]
#[inline(never)]
pub(crate) fn zero_sized(address: *mut u8) -> ! {
    fail(address, format_args!("not in use, a block of 0 bytes"))
}

/// Ends the process over a block that was written to past its end.
#[cold]
#[inline(never)]
pub(crate) fn overrun(block: *mut u8, size: usize) -> ! {
    fail(block, format_args!("a block of {size} bytes, written to past its end"))
}

/// Ends the process over a block that was written to after it was freed.
#[cold]
#[inline(never)]
pub(crate) fn written_after_free(block: *mut u8, size: usize) -> ! {
    fail(block, format_args!("a block of {size} bytes, written to after it was freed"))
}

/// Ends the process over what lies beside a block, which was written to: past the end of the block there, before the start of
/// this one, or after the block there was freed.
#[cold]
#[inline(never)]
pub(crate) fn beside(block: *mut u8, size: usize, side: &str) -> ! {
    fail(block, format_args!("a block of {size} bytes; what lies {side} it was written to"))
}

/// Ends the process over a block that is freed with a size or an alignment other than its own.
#[cold]
#[inline(never)]
pub(crate) fn wrong_size(block: *mut u8, size: usize, said: usize, align: usize) -> ! {
    fail(block, format_args!("a block of {size} bytes, freed as one of {said} aligned to {align}"))
}

/// Ends the process over an address that is none of ours.
#[cold]
#[inline(never)]
pub(crate) fn foreign(address: *mut u8) -> ! {
    fail(address, format_args!("not of this allocator"))
}

fn fail(address: *mut u8, what: core::fmt::Arguments<'_>) -> ! {
    connect();
    diag::fatal(format_args!("bad pointer {address:p}: {what}"))
}

/// Writes a line of a report that has several.
pub(crate) fn line(what: core::fmt::Arguments<'_>) {
    connect();
    diag::line(what);
}

fn connect() {
    if !CONNECTED.swap(true, Ordering::Relaxed) {
        diag::set_sink(write);
        // SAFETY: `abort` doesn't unwind.
        unsafe { diag::set_abort(abort) };
    }
}

fn write(line: &[u8]) {
    // By number: the C library's `write` would end a thread that is to be cancelled, not the process.
    // SAFETY: the slice is readable. Nothing can be done if standard error takes nothing.
    let _ =
        unsafe { libc::syscall(libc::SYS_write, libc::STDERR_FILENO, line.as_ptr(), line.len()) };
}

/// Ends the process.
pub(crate) fn abort() -> ! {
    // SAFETY: `abort` has no preconditions.
    unsafe { libc::abort() }
}
