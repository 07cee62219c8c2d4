//! What the unit tests stand on: a base that can be told when to fail, and threads that are joined.

use core::{alloc::Layout, ptr::NonNull};
use std::thread;

use stratalloc_core::{AllocError, Allocator};
use stratalloc_testkit::{Faulty, Plan, System};

/// The system's memory. Everything must come back once, with the layout it was given out with; what
/// is missing when the base is dropped fails the test.
#[derive(Debug)]
pub(crate) struct TestBase(Faulty<System>);

impl TestBase {
    pub(crate) fn new() -> Self {
        Self(Faulty::new(System, Plan::Never))
    }

    /// Succeeds `calls` times, then always fails.
    pub(crate) fn allowing(calls: usize) -> Self {
        Self(Faulty::new(System, Plan::From(calls)))
    }

    /// Returns how often it was asked for memory.
    pub(crate) fn calls(&self) -> usize {
        self.0.calls()
    }

    /// Lets that many more calls succeed.
    pub(crate) fn allow(&self, calls: usize) {
        self.0.set_plan(Plan::From(calls));
    }

    pub(crate) fn live_chunks(&self) -> usize {
        self.0.live_count()
    }
}

// SAFETY: every call goes to the system's allocator, which keeps the contract, or fails.
unsafe impl Allocator for TestBase {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        assert!(layout.size() > 0, "no chunk is empty");
        self.0.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.0.deallocate(block, layout) };
    }
}

impl Drop for TestBase {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.0.assert_all_released();
        }
    }
}

/// Runs `work` in so many threads at once, each with its number. They are joined one by one:
/// `ThreadSanitizer` sees no order in the end of a scope.
#[cfg(not(loom))]
pub(crate) fn in_threads(count: usize, work: impl Fn(usize) + Sync) {
    let start = std::sync::Barrier::new(count);
    thread::scope(|scope| {
        let run = |number| {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(number);
            })
        };
        let threads: std::vec::Vec<_> = (0..count).map(run).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
