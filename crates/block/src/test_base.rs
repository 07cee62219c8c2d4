//! A base for tests: it watches what it gave out, and can be told when to fail.

use std::{
    alloc::{alloc, dealloc},
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use core::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator};

/// The system's memory. Everything must come back once, with the layout it was given out with; what
/// is missing when the base is dropped fails the test.
#[derive(Debug, Default)]
pub(crate) struct TestBase {
    live: Mutex<BTreeMap<usize, Layout>>,
    calls: AtomicUsize,
    /// How many more calls succeed.
    allowance: AtomicUsize,
}

impl TestBase {
    pub(crate) fn new() -> Self {
        Self::allowing(usize::MAX)
    }

    /// Succeeds `calls` times, then always fails.
    pub(crate) fn allowing(calls: usize) -> Self {
        let base = Self::default();
        base.allow(calls);
        base
    }

    /// How often it was asked for memory.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }

    /// Lets that many more calls succeed.
    pub(crate) fn allow(&self, calls: usize) {
        self.allowance.store(calls, SeqCst);
    }

    pub(crate) fn live_chunks(&self) -> usize {
        self.live.lock().unwrap().len()
    }
}

// SAFETY: memory is the system's, which keeps the contract.
unsafe impl Allocator for TestBase {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.calls.fetch_add(1, SeqCst);
        self.allowance
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
            .map_err(|_| AllocError)?;
        assert!(layout.size() > 0, "no chunk is empty");
        // SAFETY: the size isn't zero.
        let start = NonNull::new(unsafe { alloc(layout) }).ok_or(AllocError)?;
        // SAFETY: the memory is new and as large. Junk shows whoever takes it for zero.
        unsafe { start.write_bytes(0xa5, layout.size()) };
        self.live.lock().unwrap().insert(start.addr().get(), layout);
        Ok(NonNull::slice_from_raw_parts(start, layout.size()))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let given = self.live.lock().unwrap().remove(&block.addr().get());
        assert_eq!(given, Some(layout), "given back once, as it was taken");
        // SAFETY: it was live with this layout.
        unsafe { dealloc(block.as_ptr(), layout) };
    }
}

impl Drop for TestBase {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.live_chunks(), 0, "every chunk comes back");
        }
    }
}
