//! The limit on the address space of the process, as it is when the program is loaded.
//!
//! Later, a sandbox may end the process for asking.

use core::sync::atomic::{AtomicBool, Ordering};

/// Whether there is one. Written before there are threads. `Relaxed`: a hint.
static LIMITED: AtomicBool = AtomicBool::new(false);

#[cfg(all(unix, not(any(loom, miri))))]
stratalloc_pages::at_start!({
    let is_limited = [libc::RLIMIT_AS, libc::RLIMIT_DATA].into_iter().any(|resource| {
        let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: 0 };
        // SAFETY: the call writes to `limit` alone.
        unsafe { libc::getrlimit(resource, &raw mut limit) };
        limit.rlim_cur != libc::RLIM_INFINITY
    });
    LIMITED.store(is_limited, Ordering::Relaxed);
});

/// Whether address space that serves nothing may be missing elsewhere.
pub(crate) fn is_limited() -> bool {
    LIMITED.load(Ordering::Relaxed)
}
