//! Makes chosen system calls of this process fail with `ENOMEM`, so that a test can ask: what if the
//! system refuses the k-th?
//!
//! Without the feature `faults` this module is an empty twin that costs nothing.

#[cfg(feature = "faults")]
mod switched_on {
    use core::{
        ffi::c_void,
        ops::Range,
        sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    };

    use rustix::{
        io::{self, Errno},
        mm::{self, MapFlags, ProtFlags},
    };

    /// What a call that fails has done.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum Fault {
        /// Nothing.
        Refused,
        /// The first half, or all that comes before the system asks for memory of its own: whichever a kernel
        /// may leave behind.
        Halfway,
        /// The same, and what it unmapped is partly another thread's by now, which is [`stolen`].
        Stolen,
    }

    /// Calls since the last order.
    static CALLS: AtomicU64 = AtomicU64::new(0);
    /// The first call that fails, and the first after it that goes through again. Tests give orders
    /// while no one calls, so nothing is ordered by these atomics.
    static FIRST: AtomicU64 = AtomicU64::new(u64::MAX);
    static AFTER: AtomicU64 = AtomicU64::new(u64::MAX);
    /// The [`Fault`] of those calls.
    static FAULT: AtomicU8 = AtomicU8::new(Fault::Refused as u8);
    /// Mappings taken so far.
    static STOLEN: AtomicU64 = AtomicU64::new(0);

    /// Makes the calls numbered in `doomed` fail; the next call of the process is number 0.
    pub fn fail(doomed: Range<u64>) {
        fail_as(Fault::Refused, doomed);
    }

    /// The same, with what they leave behind.
    pub fn fail_as(fault: Fault, doomed: Range<u64>) {
        FAULT.store(fault as u8, Relaxed);
        FIRST.store(doomed.start, Relaxed);
        AFTER.store(doomed.end, Relaxed);
        CALLS.store(0, Relaxed);
    }

    /// Makes call number `k` and all after it fail; the next call of the process is number 0.
    pub fn fail_from(k: u64) {
        fail(k..u64::MAX);
    }

    /// Lets every call through again; returns how many there were since the last order.
    pub fn stop() -> u64 {
        let calls = CALLS.load(Relaxed);
        fail(u64::MAX..u64::MAX);
        calls
    }

    /// Returns how many ranges were [`Fault::Stolen`] so far.
    pub fn stolen() -> u64 {
        STOLEN.load(Relaxed)
    }

    pub(in crate::os) fn admit(halfway: impl FnOnce()) -> io::Result<()> {
        let number = CALLS.fetch_add(1, Relaxed);
        let doomed = FIRST.load(Relaxed) <= number && number < AFTER.load(Relaxed);
        if !doomed {
            return Ok(());
        }
        if FAULT.load(Relaxed) != Fault::Refused as u8 {
            halfway();
        }
        Err(Errno::NOMEM)
    }

    /// Unmaps a range, as a call does that puts something in its place; it is partly somebody else's at once
    /// if it is to be [`Fault::Stolen`].
    ///
    /// # Safety
    ///
    /// The caller owns the range, and nothing lives in it.
    pub(in crate::os) unsafe fn unmap(start: *mut c_void, size: usize) {
        // SAFETY: the range is the caller's, and nothing lives in it.
        let _ = unsafe { mm::munmap(start, size) };
        if FAULT.load(Relaxed) == Fault::Stolen as u8 {
            // No access: a touch of what was stolen ends the process.
            let (access, place) = (ProtFlags::empty(), MapFlags::FIXED_NOREPLACE);
            let flags = MapFlags::PRIVATE | place;
            // SAFETY: over nothing.
            let taken = unsafe { mm::mmap_anonymous(start, crate::os::page_size(), access, flags) };
            STOLEN.fetch_add(u64::from(taken.is_ok()), Relaxed);
        }
    }
}

#[cfg(feature = "faults")]
pub use switched_on::*;

/// Every call goes through.
#[cfg(not(feature = "faults"))]
#[inline(always)]
#[expect(clippy::unnecessary_wraps, reason = "the twin with `faults` can fail")]
pub(super) fn admit(_: impl FnOnce()) -> rustix::io::Result<()> {
    Ok(())
}

/// Never called.
#[cfg(not(feature = "faults"))]
pub(super) unsafe fn unmap(_: *mut core::ffi::c_void, _: usize) {}
