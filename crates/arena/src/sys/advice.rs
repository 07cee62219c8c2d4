//! Advice to the system about memory: `madvise`, which a program may forbid.
//!
//! A sandbox may end the process for a call that it doesn't know.
//! No other call does the same without harm: a new mapping in the place of an old one takes the lock that page faults
//! of all threads wait for, splits the mapping in two, and leaves a hole if it fails.

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicBool, Ordering},
};

use stratalloc_core::poison;
use stratalloc_pages::os;

use crate::sys::{probe::probe, round_to_pages};

/// Whether the call may be made. Read anew each time: `Relaxed`.
static ADVICE: AtomicBool = AtomicBool::new(true);

/// Allows or forbids `madvise` from now on. Where it is forbidden, callers go on as if the system had refused.
pub(crate) fn set_advice(allowed: bool) {
    ADVICE.store(allowed, Ordering::Relaxed);
}

/// Returns whether the call may be made.
pub(crate) fn is_advice_allowed() -> bool {
    ADVICE.load(Ordering::Relaxed)
}

/// Asks for huge pages; whether they come is the system's choice.
///
/// # Safety
///
/// The bytes are usable, and the caller's.
pub(crate) unsafe fn prefer_huge(start: NonNull<u8>, size: usize) {
    if is_advice_allowed() {
        // SAFETY: the bytes are usable and the caller's, by this function's contract. A refusal changes nothing.
        let _ = unsafe { os::prefer_huge(start, size) };
    }
}

/// Takes back that huge pages were asked for.
///
/// # Safety
///
/// As for [`prefer_huge`].
pub(crate) unsafe fn avoid_huge(start: NonNull<u8>, size: usize) {
    if is_advice_allowed() {
        // SAFETY: the bytes are usable and the caller's, by this function's contract. A refusal changes nothing.
        let _ = unsafe { os::avoid_huge(start, size) };
    }
}

/// Faults in a page; returns how many nanoseconds that took.
///
/// # Safety
///
/// It starts a page, and its first word is usable, the caller's, and zero.
pub(crate) unsafe fn fault_in(page: *mut u8) -> u64 {
    let Some(word) = NonNull::new(page) else { return 0 };
    let before = nanoseconds();
    // SAFETY: the word is usable, and stays zero as it is the caller's, by this function's contract.
    poison::with_word(word, || unsafe { word.write_volatile(0) });
    nanoseconds().saturating_sub(before)
}

/// The nanoseconds of a clock that never goes back.
///
/// The processor's clock of this thread wouldn't count the turns of others, but is a system call, for which a sandbox may
/// end the process.
fn nanoseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is written to `now`; a clock that is unknown leaves it as it is.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Gives the memory behind `size` bytes back; they read as zero from then on. Returns whether the
/// system did.
///
/// # Safety
///
/// The bytes, to the end of their last page, are usable and the caller's, and nothing that is needed lies in
/// them.
pub(crate) unsafe fn purge(start: *mut u8, size: usize) -> bool {
    let Some(start) = NonNull::new(start) else { return false };
    probe!("purge", start.addr().get(), size);
    // SAFETY: the bytes, to the end of their last page, are the caller's and hold nothing needed, by this function's
    // contract.
    size == 0 || is_advice_allowed() && unsafe { os::purge(start, round_to_pages(size)) }.is_ok()
}
