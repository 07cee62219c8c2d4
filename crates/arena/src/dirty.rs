//! How much memory the process holds behind vacant segments, and how much it may.
//!
//! Freed memory is kept warm for the next use, since page faults are the dearest thing an allocator
//! causes. What all heaps keep together is bounded; beyond the bound, the heap that frees gives its
//! own back in large ranges.

use core::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that all heaps together keep.
const PROCESS_LIMIT: usize = 32 << 20;

/// The bytes that one heap may keep in any case: less isn't worth a system call.
const HEAP_MINIMUM: usize = 1 << 20;

/// Bytes behind vacant segments. A figure, not a guard: `Relaxed`, and it orders nothing.
static BYTES: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn add(bytes: usize) {
    BYTES.fetch_add(bytes, Ordering::Relaxed);
}

pub(crate) fn remove(bytes: usize) {
    if bytes != 0 {
        BYTES.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Whether a heap that keeps `own` bytes should give them back.
pub(crate) fn is_excess(own: usize) -> bool {
    own > HEAP_MINIMUM && BYTES.load(Ordering::Relaxed) > PROCESS_LIMIT
}
