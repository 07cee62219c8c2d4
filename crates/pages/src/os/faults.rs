//! Makes chosen system calls of this process fail with `ENOMEM`, so that a test can ask: what if the
//! system refuses the k-th?
//!
//! Without the feature `faults` this module is an empty twin that costs nothing.

#[cfg(feature = "faults")]
mod switched_on {
    use core::{
        ops::Range,
        sync::atomic::{AtomicU64, Ordering::Relaxed},
    };

    use rustix::io::{self, Errno};

    /// Calls since the last order.
    static CALLS: AtomicU64 = AtomicU64::new(0);
    /// The first call that fails, and the first after it that goes through again. Tests give orders
    /// while no one calls, so nothing is ordered by these atomics.
    static FIRST: AtomicU64 = AtomicU64::new(u64::MAX);
    static AFTER: AtomicU64 = AtomicU64::new(u64::MAX);

    /// Makes the calls numbered in `doomed` fail; the next call of the process is number 0.
    pub fn fail(doomed: Range<u64>) {
        FIRST.store(doomed.start, Relaxed);
        AFTER.store(doomed.end, Relaxed);
        CALLS.store(0, Relaxed);
    }

    /// Makes call number `k` and all after it fail; the next call of the process is number 0.
    pub fn fail_from(k: u64) {
        fail(k..u64::MAX);
    }

    /// Lets every call through again; says how many there were since the last order.
    pub fn stop() -> u64 {
        let calls = CALLS.load(Relaxed);
        fail(u64::MAX..u64::MAX);
        calls
    }

    pub(in crate::os) fn admit() -> io::Result<()> {
        let number = CALLS.fetch_add(1, Relaxed);
        let doomed = FIRST.load(Relaxed) <= number && number < AFTER.load(Relaxed);
        if doomed { Err(Errno::NOMEM) } else { Ok(()) }
    }
}

#[cfg(feature = "faults")]
pub use switched_on::*;

/// Every call goes through.
#[cfg(not(feature = "faults"))]
#[inline(always)]
#[expect(clippy::unnecessary_wraps, reason = "the twin with `faults` can fail")]
pub(super) fn admit() -> rustix::io::Result<()> {
    Ok(())
}
