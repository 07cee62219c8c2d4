//! Heaps as values: the contract, throwing away, other threads, and where they end.

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/children.rs"]
mod children;
#[path = "common/resident.rs"]
mod resident;

use std::{
    alloc::Layout,
    ptr::NonNull,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use alone::alone;
use children::{Outcome, fork_and_wait};
use parking_lot::RawMutex;
use quickcheck::{Arbitrary, Gen};
use resident::{MIB, resident};
use stratalloc_arena::{ArenaHeap, global};
use stratalloc_core::{Allocator, FreeUnsized, Locked, Owns, Stats, Trim, UsableSize};
use stratalloc_testkit::{Action, Program, Suite, Watched};

fn heap() -> ArenaHeap {
    ArenaHeap::new().expect("there is memory")
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn allocate(heap: &ArenaHeap, size: usize) -> NonNull<u8> {
    heap.allocate(layout(size)).expect("there is memory").cast()
}

#[test]
fn it_conforms() {
    let _alone = alone();
    Suite::new(heap).max_size(32 * MIB).owns().usable_size().resize_in_place().free_unsized().run();
}

#[test]
fn behind_a_lock_threads_share_it() {
    let _alone = alone();
    Suite::new(|| Locked::<RawMutex, _>::new(heap())).usable_size().threads().programs(5).run();
}

/// Random programs with an oracle, on one heap that is reset after each with its blocks still live.
#[test]
fn after_a_reset_it_is_as_new() {
    let _alone = alone();
    let mut heap = heap();
    for seed in 0..60 {
        let mut watched = Watched::new(&heap);
        for action in Program::arbitrary(&mut Gen::from_size_and_seed(400, seed)) {
            let live = watched.live().len();
            match action {
                Action::Allocate { size, align, zeroed } => {
                    let layout =
                        Layout::from_size_align(size % (9 * MIB), align.min(4096)).unwrap();
                    assert!(watched.allocate(layout, zeroed).unwrap());
                }
                Action::Deallocate { index, .. } if live > 0 => {
                    watched.deallocate(index % live).unwrap();
                }
                Action::Resize { index, size, align, zeroed } if live > 0 => {
                    let layout =
                        Layout::from_size_align(size % (9 * MIB), align.min(4096)).unwrap();
                    assert!(watched.resize(index % live, layout, zeroed).unwrap());
                }
                _ => watched.verify().unwrap(),
            }
        }
        watched.verify().unwrap();
        heap.reset();
        let stats = heap.stats();
        assert_eq!((stats.in_use, stats.touched), (0, stats.vacant), "seed {seed}");
    }
}

#[test]
fn blocks_of_all_kinds_go_in_one_step_and_their_memory_serves_again() {
    let _alone = alone();
    let mut heap = heap();
    let work = |heap: &ArenaHeap| {
        (0..2000).for_each(|number| {
            let block = allocate(heap, 1 + number * 37 % 5000);
            // SAFETY: just allocated.
            unsafe { block.write(1) };
        });
        for size in [40_000, 300_000, 3 * MIB, 20 * MIB] {
            allocate(heap, size);
        }
    };
    work(&heap);
    let first = heap.stats();
    for _ in 0..100 {
        heap.reset();
        work(&heap);
    }
    let last = heap.stats();
    assert!(first.in_use > 24 * MIB, "{first:?}");
    assert_eq!((last.in_use, last.areas), (first.in_use, 1));
    assert!(last.touched <= first.touched * 5 / 4, "{last:?} after {first:?}");
    heap.reset();
    assert!(heap.trim() > 0);
    assert_eq!(heap.stats().touched, 0);
}

/// Blocks of some segments each, in whose place lie larger ones after a reset.
#[test]
fn a_reset_forgets_large_blocks() {
    let _alone = alone();
    let mut heap = heap();
    for _ in 0..300 {
        allocate(&heap, 70_000);
    }
    heap.reset();
    for _ in 0..8 {
        allocate(&heap, 2 * MIB);
    }
    assert_eq!(heap.stats().in_use, 8 * 2 * MIB);
}

#[test]
fn a_slab_that_was_full_serves_again() {
    const COUNT: usize = 10 << 10;

    let _alone = alone();
    let heap = heap();
    let blocks: Vec<_> = (0..COUNT).map(|_| allocate(&heap, 1024)).collect();
    let touched = heap.stats().touched;
    for &block in blocks.iter().step_by(2) {
        // SAFETY: live, and freed once.
        unsafe { heap.deallocate(block, layout(1024)) };
    }
    for _ in 0..COUNT / 2 {
        allocate(&heap, 1024);
    }
    assert!(heap.stats().touched <= touched + MIB, "{} after {touched}", heap.stats().touched);
}

#[test]
fn a_slab_that_is_emptied_is_a_vacant_segment() {
    let _alone = alone();
    let heap = heap();
    let blocks: Vec<_> = (0..4 << 10).map(|_| allocate(&heap, 1024)).collect();
    for block in blocks {
        // SAFETY: live, and freed once.
        unsafe { heap.deallocate(block, layout(1024)) };
    }
    let stats = heap.stats();
    assert!(stats.in_use == 0 && stats.vacant >= 3 * MIB, "{stats:?}");
}

#[test]
fn the_memory_of_a_heap_that_ended_serves_the_next() {
    let _alone = alone();
    global::trim();
    let first = heap();
    // SAFETY: just allocated.
    unsafe { allocate(&first, 5 * MIB).write_bytes(1, 5 * MIB) };
    drop(first);
    assert_eq!(heap().stats().vacant, 5 * MIB);
}

/// More blocks of a row than an area holds: further areas, which the heap gives up as it ends.
#[test]
fn it_outgrows_its_area_and_gives_everything_back() {
    /// A row's 16 GiB, and a little more.
    const COUNT: usize = (16 << 30) / (32 << 10) + 1000;

    let _alone = alone();
    global::trim();
    let areas = global::stats().areas;
    let heap = heap();
    let blocks: Vec<_> = (0..COUNT).map(|_| allocate(&heap, 32 << 10)).collect();
    assert_eq!(heap.stats().areas, 2);
    assert!(heap.owns(blocks[0]) && heap.owns(blocks[COUNT - 1]));
    for &block in &blocks {
        // SAFETY: live; freed once.
        unsafe { heap.deallocate(block, layout(32 << 10)) };
    }
    assert_eq!(heap.stats().in_use, 0);
    for _ in 0..COUNT {
        allocate(&heap, 32 << 10);
    }
    assert_eq!(heap.stats().areas, 2);
    drop(heap);
    global::trim();
    assert_eq!(global::stats().areas, areas);
}

#[test]
fn ten_thousand_come_and_go() {
    let _alone = alone();
    let before = resident();
    for round in 0..10_000 {
        let heap = heap();
        for size in [8, 100, 1000, 10_000, 100_000] {
            // SAFETY: just allocated.
            unsafe { allocate(&heap, size + round % 100).write(1) };
        }
    }
    assert!(resident() < before + 40 * MIB, "{} after {before}", resident());
    global::trim();
}

#[test]
#[cfg_attr(tsan, ignore = "the sanitizer leaves address space for few of them")]
fn there_is_a_most_of_them_and_room_again_below_it() {
    let _alone = alone();
    let mut heaps: Vec<ArenaHeap> =
        std::iter::from_fn(|| ArenaHeap::new().ok()).take(2000).collect();
    // Sanitizers leave less address space.
    let least = if cfg!(asan) { 100 } else { 768 };
    assert!((least..=768).contains(&heaps.len()), "{}", heaps.len());
    for heap in &heaps {
        allocate(heap, 100);
    }
    // The process's own allocator goes on, a thread's first call too.
    thread::spawn(|| {
        let block = global::allocate(5 << 30, 8);
        assert!(!block.is_null());
        // SAFETY: just allocated.
        unsafe { global::deallocate(block) };
    })
    .join()
    .unwrap();
    heaps.pop();
    allocate(&heap(), 100);
    drop(heaps);
    global::trim();
}

#[test]
fn other_threads_free_its_blocks_without_knowing_it() {
    let _alone = alone();
    let heap = heap();
    for size in [24, 3000, 70_000, 5 * MIB] {
        let blocks: Vec<usize> =
            (0..100).map(|_| allocate(&heap, size).expose_provenance().get()).collect();
        let used = heap.stats().in_use;
        thread::spawn(move || {
            for address in blocks {
                let block = std::ptr::with_exposed_provenance_mut(address);
                // SAFETY: each block is live, and freed once.
                unsafe {
                    assert!(global::usable_size(block) >= size);
                    let block = global::reallocate(block, size + 1, 8);
                    global::deallocate(block);
                }
            }
        })
        .join()
        .unwrap();
        assert!(used >= 100 * size);
        assert_eq!(heap.stats().in_use, 0, "{size}");
    }
}

#[test]
fn a_heap_moves_to_another_thread_with_its_blocks() {
    let _alone = alone();
    let heap = heap();
    let block = allocate(&heap, 100).expose_provenance();
    let heap = thread::spawn(move || {
        let block = NonNull::with_exposed_provenance(block);
        // SAFETY: live, and freed once.
        unsafe {
            assert_eq!(heap.usable_size(block), 104);
            heap.free_unsized(block);
        }
        allocate(&heap, 100);
        heap
    })
    .join()
    .unwrap();
    assert_eq!(heap.stats().in_use, 104);
}

/// Trimming and counting go over heaps that other threads make and drop meanwhile.
#[test]
fn walks_over_all_heaps_meet_none_that_ends() {
    static DONE: AtomicBool = AtomicBool::new(false);

    let _alone = alone();
    let makers = [0, 1].map(|maker| {
        thread::spawn(move || {
            for round in 0..60 {
                let mut heaps: Vec<_> = (0..=(round + maker) % 24).map(|_| heap()).collect();
                for heap in &mut heaps {
                    allocate(heap, 50_000);
                    allocate(heap, 50);
                    heap.reset();
                    allocate(heap, 500);
                }
            }
        })
    });
    let walker = thread::spawn(|| {
        while !DONE.load(Ordering::Relaxed) {
            global::trim();
            assert!(global::stats().areas < 200);
        }
    });
    for maker in makers {
        maker.join().unwrap();
    }
    DONE.store(true, Ordering::Relaxed);
    walker.join().unwrap();
}

/// Whole blocks lie in a row: each may grow over what is vacant behind it, and no further.
#[test]
fn a_block_grows_no_further_than_to_the_next() {
    let _alone = alone();
    let heap = heap();
    let sizes = [300 * MIB, 1200 * MIB, 3000 * MIB];
    let blocks: Vec<_> = (0..3).map(|_| allocate(&heap, sizes[0])).collect();
    let mut grown = Vec::new();
    for block in blocks {
        // SAFETY: live, and of this size; what it was is forgotten.
        let block = unsafe { heap.grow(block, layout(sizes[0]), layout(sizes[1])) }.unwrap();
        // SAFETY: as above.
        let block = unsafe { heap.grow(block.cast(), layout(sizes[1]), layout(sizes[2])) };
        grown.push(block.unwrap().addr().get());
    }
    grown.sort_unstable();
    assert!(grown.windows(2).all(|two| two[0] + sizes[2] <= two[1]), "{grown:x?}");
}

/// A child has the heaps of the thread that forked, with what lies in them, and its threads make heaps of their own.
#[test]
fn a_forked_child_goes_on() {
    static DONE: AtomicBool = AtomicBool::new(false);

    let _alone = alone();
    let own = heap();
    // SAFETY: just allocated, and live until the end.
    let content = unsafe { allocate(&own, 100).cast::<[u8; 100]>().as_mut() };
    content.fill(7);
    let other = thread::spawn(|| {
        while !DONE.load(Ordering::Relaxed) {
            let heap = heap();
            for size in 0..300 {
                allocate(&heap, 1 + size * 100);
            }
        }
    });
    let live_on = || {
        let more = allocate(&own, 200_000).addr();
        let threads = [1, 2].map(|_| thread::spawn(|| allocate(&heap(), 3000).addr()));
        let others = threads.map(|thread| thread.join().unwrap());
        global::trim();
        *content == [7; 100] && own.stats().in_use > 200_000 && !others.contains(&more)
    };
    let mut outcomes = (0..100).map(|_| fork_and_wait(120, live_on));
    let wrong = outcomes.find(|&outcome| outcome != Outcome::Right);
    DONE.store(true, Ordering::Relaxed);
    other.join().unwrap();
    assert_eq!(wrong, None);
}
