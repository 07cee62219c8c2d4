//! How much memory the process holds behind vacant segments, and how much it may.
//!
//! Freed memory is kept warm for the next use, since page faults are the dearest thing an allocator
//! causes. What all heaps keep together is bounded, by a constant or by a share of what is in use;
//! beyond that, the heap that frees gives some of its own back, in large ranges.

use core::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that all heaps together may keep in any case.
const PROCESS_MINIMUM: usize = 44 << 20;

/// Beyond that, they may keep this part of the bytes in use.
const SHARE_OF_USED: usize = 2;

/// The bytes that one heap may keep in any case: less isn't worth a system call.
const HEAP_MINIMUM: usize = 1 << 20;

/// Bytes behind vacant segments, and in segments that serve something. Figures, not guards:
/// `Relaxed`, and they order nothing.
static DIRTY: AtomicUsize = AtomicUsize::new(0);
static USED: AtomicUsize = AtomicUsize::new(0);

/// A segment of which `used` bytes may be touched became vacant, with memory behind `touched`.
pub(crate) fn vacated(used: usize, touched: usize) {
    USED.fetch_sub(used, Ordering::Relaxed);
    DIRTY.fetch_add(touched, Ordering::Relaxed);
}

/// A vacant segment with memory behind `touched` bytes came into use.
pub(crate) fn used(used: usize, touched: usize) {
    USED.fetch_add(used, Ordering::Relaxed);
    DIRTY.fetch_sub(touched, Ordering::Relaxed);
}

/// Memory was given back.
pub(crate) fn purged(bytes: usize) {
    DIRTY.fetch_sub(bytes, Ordering::Relaxed);
}

/// Bytes behind vacant segments.
pub(crate) fn bytes() -> usize {
    DIRTY.load(Ordering::Relaxed)
}

/// How much of its `own` bytes a heap should keep now; all of them, unless the process has too much.
///
/// What is given back then is a quarter of the limit at least, so that it is worth the calls.
pub(crate) fn to_keep(own: usize) -> usize {
    let limit = PROCESS_MINIMUM.max(USED.load(Ordering::Relaxed) / SHARE_OF_USED);
    let dirty = bytes();
    if own <= HEAP_MINIMUM || dirty <= limit {
        return own;
    }
    own.saturating_sub(dirty - limit / 4 * 3)
}
