//! The lines of seeds 001 and 003.

use std::{alloc::Layout, cell::Cell, collections::BTreeMap, ptr::NonNull, vec::Vec};

use stratalloc_core::{AllocError, Allocator, FreeUnsized, Stats, Trim, UsableSize};
use stratalloc_pages::{MEM_BLOCK_SIZE, MemBlocks, Mmap};
use stratalloc_testkit::System;

use super::{fixed, memory};
use crate::{
    Corruption, Granule8, Heap, Kind, NoBase, Problem,
    seeds::{MemAlloc, MyAlloc},
};

type Kernel = MemBlocks<Mmap>;

fn heap() -> Heap<Kernel> {
    Heap::new(MemBlocks::new(Mmap))
}

/// Counts what the heap asks of its base, and checks that it never asks for nothing.
#[derive(Default)]
struct Counting {
    taken: Cell<usize>,
    given: Cell<usize>,
}

// SAFETY: every call goes to `System`.
unsafe impl Allocator for Counting {
    fn allocate(&self, layout: core::alloc::Layout) -> Result<NonNull<[u8]>, AllocError> {
        assert!(layout.size() != 0 && layout.size().is_multiple_of(MEM_BLOCK_SIZE), "{layout:?}");
        self.taken.set(self.taken.get() + 1);
        System.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: core::alloc::Layout) {
        self.given.set(self.given.get() + 1);
        // SAFETY: the block is live, and the layout fits it.
        unsafe { System.deallocate(block, layout) }
    }
}

#[test]
fn s1_1_zero_null_and_huge() {
    let heap: Heap<Counting> = Heap::new(Counting::default());
    assert!(heap.mem_alloc(0).is_null());
    // SAFETY: null is allowed.
    unsafe { heap.mem_free(core::ptr::null_mut()) };
    assert_eq!(heap.base().taken.get(), 0);
    for huge in [usize::MAX, usize::MAX - 15, isize::MAX as usize, isize::MAX as usize - 4096] {
        assert!(heap.mem_alloc(huge).is_null(), "{huge}");
    }
    assert!(!heap.mem_alloc(1).is_null());
}

#[test]
fn s1_2_small_requests_share_memory_and_reuse_it() {
    let heap: Heap<Counting> = Heap::new(Counting::default());
    for _ in 0..100 {
        let blocks: Vec<_> = (0..100).map(|_| heap.mem_alloc(30)).collect();
        // SAFETY: they are live.
        blocks.into_iter().for_each(|block| unsafe { heap.mem_free(block) });
    }
    assert!(heap.base().taken.get() <= 2, "{} calls", heap.base().taken.get());
}

#[test]
fn s1_2_empty_runs_go_back_exactly_once() {
    let heap: Heap<Counting> = Heap::new(Counting::default());
    let blocks: Vec<_> = (1..40).map(|n| heap.mem_alloc(n * 3000)).collect();
    let taken = heap.base().taken.get();
    assert!(taken > 3);
    // SAFETY: they are live.
    blocks.into_iter().for_each(|block| unsafe { heap.mem_free(block) });
    heap.trim();
    assert_eq!(heap.base().given.get(), taken);
    assert_eq!(heap.snapshot().held, 0);
    assert!(!heap.mem_alloc(100).is_null());
}

/// Long blocks are coalesced at once, so an empty region goes back by itself; one is kept.
#[test]
fn s1_2_one_empty_run_is_kept() {
    let heap: Heap<Counting> = Heap::new(Counting::default());
    for _ in 0..100 {
        let block = heap.mem_alloc(100_000);
        // SAFETY: it is live.
        unsafe { heap.mem_free(block) };
    }
    assert_eq!((heap.base().taken.get(), heap.base().given.get()), (1, 0));
}

/// Blocks of a few regions, freed in several orders: all regions but one go back, each as it becomes empty, whether
/// the last free block was the top, joined it from either side, or lay apart from it.
#[test]
fn s1_2_all_but_one_empty_run_go_back_by_themselves() {
    for size in [6000, 60_000, 400_000] {
        for turn in 0..8 {
            let heap: Heap<Counting> = Heap::new(Counting::default());
            let mut blocks: Vec<_> = (0..60).map(|_| heap.mem_alloc(size)).collect();
            blocks.rotate_left(turn * 7);
            if turn % 2 == 1 {
                blocks.reverse();
            }
            let (last, first): (Vec<_>, Vec<_>) =
                (0..60).partition(|index| turn > 1 && index % turn == 0);
            for index in first.into_iter().chain(last) {
                // SAFETY: it is live.
                unsafe { heap.mem_free(blocks[index]) };
            }
            let (taken, given) = (heap.base().taken.get(), heap.base().given.get());
            let snapshot = heap.snapshot();
            assert_eq!(snapshot.free_blocks, 1, "{size}, {turn}: {given} of {taken}");
        }
    }
}

/// The same of aligned blocks, which leave the top before them where that is longer than what lies behind.
#[test]
fn s1_2_an_empty_run_before_whose_end_lies_the_top_goes_back_by_itself() {
    for size in (20_000..80_000).step_by(1000) {
        let layout = Layout::from_size_align(size, 64 << 10).unwrap();
        let heap: Heap<Counting> = Heap::new(Counting::default());
        for block in [(); 4].map(|()| heap.allocate(layout).unwrap()) {
            // SAFETY: it is live.
            unsafe { heap.deallocate(block.cast(), layout) };
        }
        assert_eq!(heap.snapshot().free_blocks, 1, "{size}");
    }
}

#[test]
fn s1_4_realloc() {
    let heap = heap();
    // SAFETY: each block is live until it is reallocated or freed.
    unsafe {
        let block = heap.mem_realloc(core::ptr::null_mut(), 100);
        block.write_bytes(7, 100);
        assert!(heap.mem_realloc(block, 0).is_null());
        assert!(heap.mem_realloc(block, usize::MAX / 2).is_null());
        assert_eq!(block.add(99).read(), 7);
        assert_eq!(heap.mem_realloc(block, 50), block, "shrinks in place");
        assert_eq!(heap.mem_realloc(block, 10), block, "shrinks in place");
        let moved = heap.mem_realloc(block, 100_000);
        assert_eq!(moved.add(9).read(), 7);
        heap.mem_free(moved);
    }
    assert_eq!(heap.check(), Ok(()));
}

#[test]
fn s1_4_realloc_takes_either_neighbour() {
    let heap = fixed(10_000);
    let size = 2_000;
    let blocks: Vec<_> = (0..4).map(|_| heap.mem_alloc(size)).collect();
    // Large blocks come from the far end: the later, the lower.
    // SAFETY: each block is live until it is reallocated or freed.
    unsafe {
        blocks[1].write_bytes(9, size);
        heap.mem_free(blocks[0]);
        assert_eq!(heap.mem_realloc(blocks[1], 3_000), blocks[1], "into the block behind");
        heap.mem_free(blocks[2]);
        let moved = heap.mem_realloc(blocks[1], 5_500);
        assert_eq!(moved, blocks[2], "down into the block before");
        assert!((0..size).all(|at| moved.add(at).read() == 9));
    }
    assert_eq!(heap.check(), Ok(()));
}

/// A block that grows by small steps in a heap with room isn't copied at each.
#[test]
fn s1_4_small_steps_seldom_copy() {
    let heap = fixed(1_000_000);
    let mut block = heap.mem_alloc(5_000);
    let mut small = heap.mem_alloc(128);
    let mut moves = 0;
    for step in 1..1_000 {
        // SAFETY: each block is live until it is reallocated or freed.
        unsafe {
            let grown = heap.mem_realloc(block, 5_000 + step * 128);
            moves += usize::from(grown != block);
            block = grown;
            let next = heap.mem_alloc(128);
            heap.mem_free(small);
            small = next;
        }
    }
    assert!(moves < 30, "{moves} moves");
    assert_eq!(heap.check(), Ok(()));
}

#[test]
fn s3_1_blocks_that_are_not_live_are_known() {
    let heap = fixed(100_000);
    for size in [5, 16, 40, 200, 1_500, 20_000] {
        let block = NonNull::new(heap.mem_alloc(size)).unwrap();
        assert!(heap.is_live(block));
        let inside = NonNull::new(block.as_ptr().wrapping_add(1)).unwrap();
        assert!(!heap.is_live(inside));
        // SAFETY: it is live.
        unsafe { heap.free_unsized(block) };
        assert!(!heap.is_live(block), "{size}");
    }
    assert!(!heap.is_live(NonNull::dangling()));
}

/// In builds with debug assertions a bad free ends the process; here it unwinds instead.
#[test]
#[cfg(debug_assertions)]
fn s3_1_bad_frees_are_caught() {
    // SAFETY: below it is nothing but a heap, which reports before it changes anything.
    unsafe { stratalloc_core::diag::set_abort(|| std::panic::panic_any("caught")) };
    let is_caught = |heap: &Heap, block: *mut u8| {
        // SAFETY: the heap finds that the block isn't live before it touches anything.
        let free = || unsafe { heap.mem_free(block) };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(free)).is_err()
    };
    let heap = fixed(100_000);
    for size in [5, 16, 40, 200, 1_500, 20_000] {
        let block = heap.mem_alloc(size);
        assert!(is_caught(&heap, block.wrapping_add(1)));
        assert!(size <= 16 || is_caught(&heap, block.wrapping_add(32)), "inside of {size}");
        assert!(!is_caught(&heap, block));
        assert!(is_caught(&heap, block), "double free of {size}");
    }
    assert!(is_caught(&heap, NonNull::dangling().as_ptr()));
    assert_eq!(heap.check(), Ok(()));
}

#[test]
fn s3_2_and_3_utilisation_and_fragmentation() {
    let heap = fixed(100_000);
    let layout = core::alloc::Layout::from_size_align(1_000, 1).unwrap();
    let blocks: Vec<_> = (0..10).map(|_| heap.allocate(layout).unwrap()).collect();
    let stats = heap.stats();
    assert_eq!(stats.live_blocks, 10);
    assert_eq!(stats.live, 10 * 1_008);
    assert!((stats.internal_fragmentation(10_000) - 80.0 / 10_080.0).abs() < 1e-9);
    assert!(stats.external_fragmentation() < 1e-9);
    assert!((stats.utilisation(10_000) - 10_000.0 / stats.held as f64).abs() < 1e-9);
    for block in blocks.iter().step_by(2) {
        // SAFETY: allocated just so.
        unsafe { heap.deallocate(block.cast(), layout) };
    }
    heap.trim();
    let stats = heap.stats();
    assert!(stats.free_blocks >= 5 && stats.external_fragmentation() > 0.04, "{stats:?}");
}

#[test]
fn s3_5_splits_files_and_coalesces() {
    let heap = fixed(64 * 1024);
    let whole = heap.snapshot();
    assert_eq!(whole.free_blocks, 1);
    let blocks: Vec<_> = (0..60).map(|n| heap.mem_alloc(20 + n * 10)).collect();
    for block in blocks {
        // SAFETY: it is live.
        unsafe { heap.mem_free(block) };
    }
    heap.trim();
    assert_eq!(heap.snapshot(), whole);
}

#[test]
fn s3_6_slabs() {
    let heap: Heap<Counting> = Heap::new(Counting::default());
    assert!(heap.allocate_slab(50_000));
    let block = heap.my_alloc(50_000);
    assert!(!block.is_null());
    assert_eq!(heap.base().taken.get(), 1);
    // SAFETY: it is live.
    unsafe { heap.my_free(block) };
    assert!(!heap.allocate_slab(usize::MAX));
}

/// The walk tiles every region: no gap, no overlap.
#[test]
fn s3_7_the_walk_tiles_the_heap() {
    let mut heap: Heap<NoBase, Granule8> = Heap::new(NoBase);
    // SAFETY: the memory is kept for ever, and the heap's alone.
    assert!(unsafe { heap.add_region(memory(50_000), 50_000) });
    let live: BTreeMap<_, _> =
        (0..100).map(|n| (heap.mem_alloc(1 + n * 3).addr(), 1 + n * 3)).collect();
    let mut extents = Vec::new();
    heap.walk(|extent| extents.push(extent));
    assert!(extents.windows(2).all(|pair| pair[0].address + pair[0].size == pair[1].address));
    let found: BTreeMap<_, _> =
        extents.iter().filter(|it| it.kind == Kind::Live).map(|it| (it.address, it.size)).collect();
    assert!(live.iter().all(|(address, size)| found[address] >= *size));
    assert_eq!(live.len(), found.len());
}

/// A write behind a block's end hits the next block, but no tag: the check finds it.
#[test]
#[cfg_attr(asan, ignore = "the sanitizer finds it first")]
fn s3_7_an_overflow_into_free_memory_is_found() {
    let heap = fixed(10_000);
    let [low, block] = [heap.mem_alloc(2_000), heap.mem_alloc(64)];
    let next = heap.mem_alloc(64);
    let last = heap.mem_alloc(64);
    // SAFETY: the first free is of a live block; the write is into the heap's memory.
    unsafe {
        heap.mem_free(next);
        heap.trim();
        block.add(120).write_bytes(0xFF, 8);
    }
    let Err(Corruption { address, problem }) = heap.check() else { panic!("not found") };
    assert_eq!((address, problem), (next.addr(), Problem::Length));
    assert!(!low.is_null() && !last.is_null());
}

/// A write behind a block's end, however far it goes, reaches no tag: live blocks keep their sizes,
/// and stay known as live.
#[test]
#[cfg_attr(asan, ignore = "the sanitizer finds it first")]
fn s3_7_an_overflow_leaves_the_tags_alone() {
    let heap = fixed(60_000);
    let sizes = [64, 200, 3_000, 40, 9_000, 16, 700];
    let blocks: Vec<_> = sizes.iter().map(|&size| heap.mem_alloc(size)).collect();
    let usable = |block: *mut u8| {
        // SAFETY: the block is live.
        unsafe { heap.usable_size(NonNull::new(block).unwrap()) }
    };
    let before: Vec<_> = blocks.iter().map(|&block| usable(block)).collect();
    let lowest = blocks.iter().min().unwrap();
    let highest =
        blocks.iter().zip(&before).map(|(block, size)| block.addr() + size).max().unwrap();
    // SAFETY: the memory is the heap's, and what other blocks held isn't read again.
    unsafe { lowest.write_bytes(0xFF, highest - lowest.addr()) };
    assert_eq!(before, blocks.iter().map(|&block| usable(block)).collect::<Vec<_>>());
    assert!(blocks.iter().all(|&block| heap.is_live(NonNull::new(block).unwrap())));
}

/// Gives pieces of one stretch of memory, upwards or downwards.
struct Pieces {
    memory: NonNull<u8>,
    size: usize,
    taken: Cell<usize>,
    downwards: bool,
}

// SAFETY: each piece is given once, and the memory is kept for ever.
unsafe impl Allocator for Pieces {
    fn allocate(&self, layout: core::alloc::Layout) -> Result<NonNull<[u8]>, AllocError> {
        let from = self.taken.get();
        let to = from + layout.size();
        if to > self.size {
            return Err(AllocError);
        }
        self.taken.set(to);
        let at = if self.downwards { self.size - to } else { from };
        // SAFETY: the piece lies in the memory.
        Ok(NonNull::slice_from_raw_parts(unsafe { self.memory.add(at) }, layout.size()))
    }

    unsafe fn deallocate(&self, _: NonNull<u8>, layout: core::alloc::Layout) {
        self.taken.set(self.taken.get() - layout.size());
    }
}

/// Memory that continues what there is, on either side, joins it: in the end one block has it all.
#[test]
fn s1_2_growth_joins_on_either_side() {
    for downwards in [false, true] {
        let size = 1 << 20;
        let base = Pieces { memory: memory(size), size, taken: Cell::new(0), downwards };
        let heap: Heap<Pieces> = Heap::new(base);
        let blocks: Vec<_> = (0..100).map(|n| (heap.mem_alloc(500 + n * 70), n as u8)).collect();
        for &(block, mark) in &blocks {
            // SAFETY: the block is live and has as many bytes.
            unsafe { block.write_bytes(mark, 500) };
        }
        assert_eq!(heap.check(), Ok(()));
        for (block, mark) in blocks {
            // SAFETY: the block is live and has as many bytes.
            unsafe {
                assert_eq!(block.add(499).read(), mark);
                heap.mem_free(block);
            }
        }
        assert_eq!(heap.check(), Ok(()));
        let held = heap.base().taken.get();
        assert!(held > 300_000, "{held}");
        let all = heap.mem_alloc(held * 9 / 10);
        assert_eq!(heap.base().taken.get(), held, "one region has room, downwards: {downwards}");
        // SAFETY: it is live.
        unsafe { heap.mem_free(all) };
        heap.trim();
        assert_eq!((heap.base().taken.get(), heap.snapshot().held), (0, 0));
    }
}

/// To `AddressSanitizer`, what isn't in use is poisoned, and what is isn't.
#[test]
#[cfg(asan)]
fn s3_1_free_blocks_are_poisoned() {
    unsafe extern "C" {
        fn __asan_address_is_poisoned(address: *const u8) -> i32;
    }
    // SAFETY: it reads the sanitizer's shadow memory only.
    let is_poisoned = |block: *mut u8| unsafe { __asan_address_is_poisoned(block) != 0 };
    let heap = fixed(100_000);
    for size in [5, 16, 40, 200, 1_500, 20_000] {
        let block = heap.mem_alloc(size);
        let last = block.wrapping_add(size - 1);
        assert!(!is_poisoned(block) && !is_poisoned(last), "{size}");
        // SAFETY: it is live.
        unsafe { heap.mem_free(block) };
        assert!(is_poisoned(block) && is_poisoned(last), "{size}");
        heap.trim();
        assert!(is_poisoned(block) && is_poisoned(last), "{size}");
    }
}
