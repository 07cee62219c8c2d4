//! The book of a slot: the block that it has, or had last, and the calls that allocated and freed it.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::sys::{self, trace};

/// The most calls of a trace that are kept.
pub(super) const CALLS: usize = 32;

/// The book of a slot. All zero is that of one that had no block yet. `Relaxed` throughout: the slot's word orders what its
/// owners do; a report takes what it finds.
pub(super) struct Book {
    start: AtomicUsize,
    size: AtomicUsize,
    pub(super) allocated: Trace,
    pub(super) freed: Trace,
}

impl Book {
    /// Notes a new block, allocated by the calls that lead here.
    pub(super) fn begin(&self, start: usize, size: usize) {
        self.start.store(start, Ordering::Relaxed);
        self.size.store(size, Ordering::Relaxed);
        self.allocated.note();
        self.freed.forget();
    }

    /// Notes that the block was freed by the calls that lead here.
    pub(super) fn end(&self) {
        self.freed.note();
    }

    /// The first byte of the block.
    pub(super) fn start(&self) -> usize {
        self.start.load(Ordering::Relaxed)
    }

    /// The bytes of the block.
    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// Whether there ever was a block.
    pub(super) fn is_used(&self) -> bool {
        self.start() != 0
    }
}

/// The calls that did something, in a thread.
pub(super) struct Trace {
    /// The system's number of the thread; zero if nothing was done.
    thread: AtomicUsize,
    depth: AtomicUsize,
    calls: [AtomicUsize; CALLS],
}

impl Trace {
    /// The calls that lead here.
    pub(super) fn here() -> Self {
        let trace = Self {
            thread: AtomicUsize::new(0),
            depth: AtomicUsize::new(0),
            calls: [const { AtomicUsize::new(0) }; CALLS],
        };
        trace.note();
        trace
    }

    fn note(&self) {
        let mut calls = [0; CALLS];
        // The unwinder may change it, and a free keeps it.
        let depth = sys::keeping_errno(|| trace::capture(&mut calls));
        for (kept, call) in self.calls.iter().zip(calls) {
            kept.store(call, Ordering::Relaxed);
        }
        self.depth.store(depth, Ordering::Relaxed);
        self.thread.store(sys::thread(), Ordering::Relaxed);
    }

    fn forget(&self) {
        self.thread.store(0, Ordering::Relaxed);
    }

    /// The thread; zero if nothing was done.
    pub(super) fn thread(&self) -> usize {
        self.thread.load(Ordering::Relaxed)
    }

    /// The return addresses of the calls, innermost first.
    pub(super) fn calls(&self) -> impl Iterator<Item = usize> {
        let depth = self.depth.load(Ordering::Relaxed);
        self.calls.iter().take(depth).map(|call| call.load(Ordering::Relaxed))
    }
}
