//! Huge pages that are slow to come: no more are asked for until a while has passed.
//!
//! The clocks of the C library are the test's own in its thread: the exact one goes on by 9 ms with each look, as where free memory is
//! in pieces, and the coarse one stands still until the test moves it.

#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![cfg(not(any(loom, asan, tsan, miri)))]

#[path = "common/huge.rs"]
mod huge;
#[path = "common/level.rs"]
mod level;

use std::{
    cell::Cell,
    sync::atomic::{AtomicI64, Ordering},
};

use huge::{asked_for, knows_them};
use level::HARDENED;
use libc::{CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, c_int, clockid_t, timespec};
use stratalloc_arena::global;

/// Nanoseconds of the exact clock, and what each look adds to them.
static EXACT: AtomicI64 = AtomicI64::new(0);
static PER_LOOK: AtomicI64 = AtomicI64::new(9_000_000);
/// Seconds of the coarse one.
static SECONDS: AtomicI64 = AtomicI64::new(1000);

thread_local! {
    /// Whether this thread has the test's clocks.
    static IN_TEST: Cell<bool> = const { Cell::new(false) };
}

/// # Safety
///
/// As for the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    let nanoseconds = match clock {
        _ if !IN_TEST.get() => return system_time(clock, time),
        CLOCK_MONOTONIC => {
            let per_look = PER_LOOK.load(Ordering::Relaxed);
            EXACT.fetch_add(per_look, Ordering::Relaxed)
        }
        CLOCK_MONOTONIC_COARSE => SECONDS.load(Ordering::Relaxed) * 1_000_000_000,
        _ => return system_time(clock, time),
    };
    let (tv_sec, tv_nsec) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    // SAFETY: the caller's memory for a time.
    unsafe { time.write(timespec { tv_sec, tv_nsec }) };
    0
}

/// The system's clock, as if nobody had stepped in between.
fn system_time(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the system's own call, with arguments for it.
    unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int }
}

/// Allocates 64 MiB in blocks of that size; returns for how many bytes huge pages were asked meanwhile.
fn asked_for_64_mib(size: usize) -> usize {
    let before = asked_for();
    for _ in 0..(64 << 20) / size {
        assert!(!global::allocate(size, 8).is_null());
    }
    asked_for() - before
}

/// One test, since clocks and huge pages are the process's. Its blocks live until it ends.
#[test]
fn none_are_asked_for_after_slow_ones() {
    if !knows_them() {
        return;
    }
    IN_TEST.set(true);
    asked_for_64_mib(48);
    SECONDS.fetch_add(60, Ordering::Relaxed);
    let small = asked_for_64_mib(48);
    // Between guards, slabs become usable one by one.
    let three = if HARDENED { 192 << 10..=192 << 10 } else { 8 << 20..=12 << 20 };
    assert!(three.contains(&small), "three of small blocks were slow: {small}");
    assert_eq!(asked_for_64_mib(16 << 20), 0, "it was a moment ago");
    SECONDS.fetch_add(60, Ordering::Relaxed);
    let large = asked_for_64_mib(16 << 20);
    // Between guards, large blocks have small pages.
    let first_pages = if HARDENED { 0 } else { 6 << 20 };
    assert_eq!(large, first_pages, "the first pages of three large blocks were slow");
    SECONDS.fetch_add(60, Ordering::Relaxed);
    PER_LOOK.store(90_000, Ordering::Relaxed);
    assert!(asked_for_64_mib(48) >= 60 << 20, "they are fast now");
    assert_eq!(asked_for_64_mib(16 << 20), if HARDENED { 0 } else { 64 << 20 }, "and still are");
}
