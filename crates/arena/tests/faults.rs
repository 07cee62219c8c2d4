//! Whichever system call fails: what is asked for is served, or refused and everything as before.

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;

use std::{alloc::Layout, ptr::NonNull, thread};

use alone::alone;
use stratalloc_arena::{ArenaHeap, global};
use stratalloc_core::{AllocError, Allocator};
use stratalloc_pages::os::faults;
use stratalloc_testkit::Watched;

/// The process's allocator by the contract.
struct Global;

// SAFETY: `global` keeps the contract.
unsafe impl Allocator for Global {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = NonNull::new(global::allocate(layout.size(), layout.align()));
        Ok(NonNull::slice_from_raw_parts(block.ok_or(AllocError)?, layout.size()))
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = NonNull::new(global::allocate_zeroed(layout.size(), layout.align()));
        Ok(NonNull::slice_from_raw_parts(block.ok_or(AllocError)?, layout.size()))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { global::deallocate_sized(block.as_ptr(), layout.size(), layout.align()) }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        _: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise; the test keeps alignments.
        let block = unsafe { global::reallocate(block.as_ptr(), new.size(), new.align()) };
        let block = NonNull::new(block).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, new.size()))
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// Blocks of every kind, grown and given back; says how many requests were refused.
fn work(allocator: &impl Allocator, largest: usize) -> usize {
    let mut refused = usize::from(!comes_and_goes(allocator, largest));
    let mut watched = Watched::new(allocator);
    for size in [8, 700, 20_000, 60_000, 300_000, 3 << 20] {
        for zeroed in [false, true] {
            refused += usize::from(!watched.allocate(layout(size), zeroed).unwrap());
        }
    }
    for index in 0..watched.live().len() {
        let size = watched.live()[index].layout().size();
        let new = layout(size + size / 2 + 1);
        refused += usize::from(!watched.resize(index, new, false).unwrap());
    }
    watched.verify().unwrap();
    watched.clear().unwrap();
    refused
}

/// Allocates a block too large to be filled with a pattern, and frees it; says whether there was one.
fn comes_and_goes(allocator: &impl Allocator, size: usize) -> bool {
    let Ok(block) = allocator.allocate(layout(size)) else { return false };
    // SAFETY: just allocated; freed once.
    unsafe {
        block.cast::<u8>().add(size - 1).write(1);
        allocator.deallocate(block.cast(), layout(size));
    }
    true
}

/// Runs `act` with each single system call failing, and with all from each on failing.
fn sweep(act: impl Fn() -> usize) {
    faults::fail_from(u64::MAX);
    assert_eq!(act(), 0);
    let calls = faults::stop();
    assert!(calls > 5, "{calls}");
    let mut refused = 0;
    for k in 0..calls {
        for doomed in [k..k + 1, k..u64::MAX] {
            faults::fail(doomed);
            refused += act();
            faults::stop();
            assert_eq!(act(), 0, "after call {k} failed");
        }
    }
    assert!(refused > 0);
}

#[test]
#[cfg_attr(asan, ignore = "the sanitizer's books of each heap that ended stay: 24 GB of them")]
fn any_call_may_fail_under_an_arena_heap() {
    let _alone = alone();
    global::trim();
    let areas = global::stats().areas;
    sweep(|| {
        global::trim();
        ArenaHeap::new().map_or(1, |heap| work(&heap, 600 << 20))
    });
    global::trim();
    assert_eq!(global::stats().areas, areas);
}

#[test]
fn any_call_may_fail_under_the_process() {
    let _alone = alone();
    sweep(|| {
        global::trim();
        let refused = work(&Global, 5 << 30);
        // A thread's first calls, and its end.
        refused + thread::spawn(|| work(&Global, 8)).join().unwrap()
    });
}
