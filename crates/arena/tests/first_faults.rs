//! Page faults, each of which costs as much as a hundred calls: none for a page that nothing is kept in, and one for a page
//! that is read and written.

// The sanitizers have their own memory beside each byte.
#![cfg(not(any(loom, asan, tsan)))]

#[path = "common/alone.rs"]
mod alone;

use std::{alloc::Layout, sync::Barrier, thread};

use stratalloc_arena::{ArenaHeap, Config, global};
use stratalloc_core::Allocator;

const HEAPS: usize = 64;
/// What the calling thread may touch besides, of code and of its own stack.
const OTHER: usize = 24;

/// The page faults of the calling thread while it does something.
fn faults_of(act: impl FnOnce()) -> usize {
    let faults = || {
        // SAFETY: all zero is a `rusage`, which the system writes to.
        let usage = unsafe {
            let mut usage = core::mem::zeroed::<libc::rusage>();
            libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage);
            usage
        };
        usize::try_from(usage.ru_minflt).unwrap()
    };
    let before = faults();
    act();
    faults() - before
}

/// A block of each of eight classes, and their ends.
fn work() {
    for size in (5..13).map(|shift| 1 << shift) {
        let block = global::allocate(size, 8);
        assert!(!block.is_null());
        // SAFETY: just allocated, and freed once.
        unsafe {
            block.write_bytes(1, size);
            global::deallocate(block);
        }
    }
}

/// Seven pages of books for each heap are of arenas that were never in use.
#[test]
fn giving_memory_back_looks_at_no_book_that_was_never_used() {
    let _alone = alone::alone();
    Config::new().keep(1 << 30).apply().unwrap();
    let barrier = Barrier::new(HEAPS);
    thread::scope(|scope| {
        let start = || {
            scope.spawn(|| {
                work();
                barrier.wait();
            })
        };
        let threads: Vec<_> = (0..HEAPS).map(|_| start()).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
    let faults = faults_of(|| {
        global::trim();
    });
    assert!(faults <= HEAPS + OTHER, "{faults} page faults for {HEAPS} heaps");
}

/// Frees so many blocks that some go back to their slab. A heap's pages are then two of its cache, one of stocks, two of its
/// area, one of books of segments and one of bit maps; the last two are read before anything is kept in them. Where blocks get
/// keys, those of the blocks are five more.
#[test]
#[cfg_attr(feature = "checked", ignore = "a heap has a table of the blocks that are held besides")]
fn a_page_that_is_read_and_written_costs_one_page_fault() {
    let _alone = alone::alone();
    let layout = Layout::from_size_align(64, 8).unwrap();
    let use_heap = || {
        let heap = ArenaHeap::new().unwrap();
        let blocks: Vec<_> = (0..250).map(|_| heap.allocate(layout).unwrap()).collect();
        for block in blocks {
            // SAFETY: live, of this heap, and freed once.
            unsafe { heap.deallocate(block.cast(), layout) };
        }
        heap
    };
    let mut heaps = Vec::with_capacity(HEAPS);
    let faults = faults_of(|| heaps.extend((0..HEAPS).map(|_| use_heap())));
    let pages = if cfg!(all(feature = "libc-malloc", not(feature = "fast"))) { 12 } else { 7 };
    assert!(faults <= pages * HEAPS + OTHER, "{faults} page faults for {HEAPS} heaps");
}

/// Blocks that are looked at before they are handed out, in the hardened build, would be faulted in twice.
#[test]
fn a_page_of_short_blocks_takes_one_page_fault() {
    const COUNT: usize = 20_000;
    let _alone = alone::alone();
    let mut blocks = Vec::with_capacity(COUNT);
    blocks.resize(COUNT, core::ptr::null_mut());
    let faults = faults_of(|| blocks.fill_with(|| global::allocate(100, 8)));
    // With their books, and eight bytes each in the hardened build.
    let pages = COUNT * 112 / 4096;
    assert!(faults <= pages + pages / 4, "{faults} page faults for {pages} pages");
    // SAFETY: just allocated, and freed once.
    blocks.into_iter().for_each(|block| unsafe { global::deallocate(block) });
}
