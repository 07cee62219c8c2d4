//! Whichever system call fails: what is asked for is served, or refused and everything as before.

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/level.rs"]
mod level;

use std::{alloc::Layout, mem, ops::Range, ptr::NonNull, thread};

use alone::alone;
use level::HARDENED;
use stratalloc_arena::{ArenaHeap, global};
use stratalloc_core::{AllocError, Allocator};
use stratalloc_pages::os::faults::{self, Fault};
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
        // SAFETY: the block is live and of this layout, by the contract of `Allocator`.
        unsafe { global::deallocate_sized(block.as_ptr(), layout.size(), layout.align()) }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        _: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, by the contract of `Allocator`; the test keeps alignments.
        let block = unsafe { global::reallocate(block.as_ptr(), new.size(), new.align()) };
        let block = NonNull::new(block).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, new.size()))
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// Blocks of every kind, grown and given back; returns how many requests were refused.
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

/// Allocates a block too large to be filled with a pattern, and frees it; returns whether there was one.
fn comes_and_goes(allocator: &impl Allocator, size: usize) -> bool {
    let Ok(block) = allocator.allocate(layout(size)) else { return false };
    // SAFETY: just allocated; freed once.
    unsafe {
        block.cast::<u8>().add(size - 1).write(1);
        allocator.deallocate(block.cast(), layout(size));
    }
    true
}

/// Runs `act` with each single system call failing, in each way, and with all from each on failing.
fn sweep(act: impl Fn() -> usize) {
    faults::fail_from(u64::MAX);
    assert_eq!(act(), 0);
    let calls = faults::stop();
    assert!(calls > 5, "{calls}");
    let mut refused = 0;
    for k in 0..calls {
        let one = k..k + 1;
        let ways = [
            (Fault::Refused, one.clone()),
            (Fault::Refused, k..u64::MAX),
            (Fault::Halfway, one.clone()),
            (Fault::Stolen, one),
        ];
        for (fault, doomed) in ways {
            faults::fail_as(fault, doomed);
            refused += act();
            faults::stop();
            assert_eq!(act(), 0, "after call {k} failed, {fault:?}");
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

const PAGE: usize = 4096;
/// More calls than a move takes: between guards, each block that is in the way has mappings of its own.
const MOST_CALLS: u64 = if HARDENED { 64 } else { 16 };

/// Grows a block that must move, with a call failing; returns whether it grew. Its content is there either way.
fn moves(fault: Fault, doomed: Range<u64>) -> bool {
    let mut blocks: Vec<_> = (1..=4).map(|byte| Large::new(6 << 20, byte)).collect();
    blocks.sort_by_key(|block| block.start);
    // The others are in its way.
    let mut block = blocks.remove(0);
    faults::fail_as(fault, doomed);
    // SAFETY: the block is live, and forgotten if it moves.
    let moved = unsafe { global::reallocate(block.start, 20 << 20, 8) };
    assert!(faults::stop() < MOST_CALLS);
    let grew = !moved.is_null();
    if grew {
        let old = mem::replace(&mut block.start, moved);
        assert_ne!(old, moved);
    }
    block.check();
    blocks.iter().for_each(Large::check);
    grew
}

/// A block with one byte in each of its pages.
struct Large {
    start: *mut u8,
    size: usize,
    byte: u8,
}

impl Large {
    fn new(size: usize, byte: u8) -> Self {
        let start = global::allocate(size, 8);
        assert!(!start.is_null());
        for page in (0..size).step_by(PAGE) {
            // SAFETY: just allocated.
            unsafe { start.add(page).write(byte) };
        }
        Self { start, size, byte }
    }

    fn check(&self) {
        for page in (0..self.size).step_by(PAGE) {
            // SAFETY: the block is live and was written to.
            assert_eq!(unsafe { self.start.add(page).read() }, self.byte, "at {page}");
        }
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        // SAFETY: moved blocks are forgotten where they were moved.
        unsafe { global::deallocate(self.start) };
    }
}

#[test]
fn a_move_that_fails_halfway_loses_nothing() {
    let _alone = alone();
    let none = u64::MAX..u64::MAX;
    assert!(moves(Fault::Refused, none.clone()));
    let before = faults::stolen();
    for k in 0..MOST_CALLS {
        for fault in [Fault::Halfway, Fault::Stolen] {
            for doomed in [k..k + 1, k..u64::MAX] {
                moves(fault, doomed);
                assert!(moves(fault, none.clone()), "after call {k} failed, {fault:?}");
            }
        }
    }
    assert!(faults::stolen() > before, "no move was made to fail");
}
