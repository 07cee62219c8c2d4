//! The limit of one arena heap: what it leaves, what it refuses, and what serves again after that.

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;

use std::{
    alloc::Layout,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

use alone::alone;
use stratalloc_arena::{
    ArenaHeap, Census, global,
    limit::{self, Exceeded, Refused},
};
use stratalloc_core::{Allocator, Stats};

const MIB: usize = 1 << 20;
const LIMIT: usize = 8 * MIB;

fn limited() -> ArenaHeap {
    ArenaHeap::with_limit(LIMIT).expect("there is memory")
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// A block, filled with a byte.
fn filled(heap: &ArenaHeap, size: usize, byte: u8) -> Result<NonNull<u8>, Refused> {
    let block = heap.try_allocate(layout(size))?.cast::<u8>();
    // SAFETY: just allocated, of this size.
    unsafe { block.write_bytes(byte, size) };
    Ok(block)
}

/// As many blocks as the heap gives, and what it said then.
fn fill(heap: &ArenaHeap, size: usize) -> (Vec<NonNull<u8>>, Refused) {
    let mut blocks = Vec::new();
    loop {
        match filled(heap, size, blocks.len() as u8) {
            Ok(block) => blocks.push(block),
            Err(refused) => return (blocks, refused),
        }
    }
}

fn check_and_free(heap: &ArenaHeap, blocks: &[NonNull<u8>], size: usize) {
    for (number, &block) in blocks.iter().enumerate() {
        // SAFETY: live, of this size, and freed once.
        unsafe {
            let bytes = core::slice::from_raw_parts(block.as_ptr(), size);
            assert!(bytes.iter().all(|&byte| byte == number as u8), "{size}: block {number}");
            heap.deallocate(block, layout(size));
        }
    }
}

/// A large block counts with its own pages; what an earlier one left behind its end is a quarter of it at most.
#[track_caller]
fn assert_within(heap: &ArenaHeap, size: usize) {
    let stats = heap.stats();
    assert_eq!(stats.limit, Some(LIMIT));
    assert!(stats.held <= LIMIT && stats.touched <= LIMIT / 4 * 5, "{size}: {stats:?}");
}

const SIZES: [usize; 8] = [16, 5 * MIB, 1024, 16 << 10, 100_000, 2_500_000, 48, 40_000];

/// What was refused, and how much was given before, by sizes that differ in how their memory is found.
#[test]
fn each_size_has_all_that_it_leaves_after_a_reset() {
    let _alone = alone();
    let mut heap = limited();
    for size in SIZES {
        let (blocks, refused) = fill(&heap, size);
        let bytes = blocks.len() * size;
        let least = if size > LIMIT / 2 { size } else { LIMIT / 8 * 7 };
        assert!((least..=LIMIT).contains(&bytes), "{size}: {bytes}");
        assert!(
            matches!(refused, Refused::Heap(Exceeded { wanted, limit: LIMIT, .. }) if wanted == size),
            "{size}: {refused}"
        );
        assert_within(&heap, size);
        heap.reset();
        assert_within(&heap, size);
    }
}

/// The same without resets: what freed blocks leave serves other sizes.
#[test]
fn each_size_has_what_others_freed() {
    let _alone = alone();
    let heap = limited();
    for size in SIZES {
        let (blocks, _) = fill(&heap, size);
        let bytes = blocks.len() * size;
        let least = if size > LIMIT / 2 { size } else { LIMIT / 8 * 7 };
        assert!((least..=LIMIT).contains(&bytes), "{size}: {bytes}");
        assert_within(&heap, size);
        check_and_free(&heap, &blocks, size);
    }
}

/// 52 blocks of 60 KiB lie in segments of one arena; a quarter of their memory is to go, and the rest stays warm.
#[test]
#[cfg_attr(feature = "hardened", ignore = "a freed large block's memory serves one of its size")]
fn no_more_of_an_arena_goes_than_has_to() {
    const BLOCK: usize = 60 << 10;
    const BLOCKS: usize = 52;

    let _alone = alone();
    let heap = ArenaHeap::with_limit(5 * MIB).unwrap();
    let blocks: Vec<_> =
        (0..BLOCKS).map(|byte| filled(&heap, BLOCK, byte as u8).unwrap()).collect();
    check_and_free(&heap, &blocks, BLOCK);
    let before = Census::take().events.purged;
    let block = filled(&heap, 2_500_000, 1).unwrap();
    let purged = Census::take().events.purged - before;
    assert!((1..2 * MIB as u64).contains(&purged), "{purged} of {} bytes", BLOCKS * BLOCK);
    // SAFETY: live, of this size, and freed once.
    unsafe { heap.deallocate(block, layout(2_500_000)) };
}

#[test]
fn a_heap_that_refused_goes_on() {
    let _alone = alone();
    let heap = limited();
    for size in SIZES {
        let (mut blocks, _) = fill(&heap, size);
        assert!(heap.allocate(layout(LIMIT)).is_err() && heap.allocate(layout(64 << 30)).is_err());
        // One goes, and another has its place.
        let last = blocks.pop().unwrap();
        // SAFETY: live, and freed once.
        unsafe { heap.deallocate(last, layout(size)) };
        blocks.push(filled(&heap, size, blocks.len() as u8).unwrap());
        check_and_free(&heap, &blocks, size);
        assert_eq!(heap.stats().in_use, 0, "{size}");
    }
}

/// Every other block goes: their pages can't serve other sizes, and the heap takes no others for them.
#[test]
fn memory_in_pieces_counts() {
    let _alone = alone();
    let heap = limited();
    let (blocks, _) = fill(&heap, 64);
    for &block in blocks.iter().step_by(2) {
        // SAFETY: live, and freed once.
        unsafe { heap.deallocate(block, layout(64)) };
    }
    let (others, refused) = fill(&heap, 10_000);
    assert!(others.len() * 10_000 < LIMIT / 8, "{}", others.len());
    assert!(matches!(refused, Refused::Heap(_)));
    assert_within(&heap, 10_000);
    let again = fill(&heap, 64).0.len();
    assert!(again > blocks.len() / 2 / 10 * 9, "they serve their own size: {again}");
}

/// A block grows where it stands although freed memory fills the rest of the limit.
#[test]
fn a_large_block_grows_over_what_is_left() {
    let _alone = alone();
    let heap = limited();
    let others: Vec<_> = (0..30).map(|_| filled(&heap, 100_000, 1).unwrap()).collect();
    let block = filled(&heap, 4 * MIB, 7).unwrap();
    for block in others {
        // SAFETY: live, and freed once.
        unsafe { heap.deallocate(block, layout(100_000)) };
    }
    // SAFETY: live, and of this size; it isn't used after that.
    let grown = unsafe { heap.grow(block, layout(4 * MIB), layout(7 * MIB)) }.unwrap();
    assert_eq!(grown.cast(), block);
    assert_within(&heap, 7 * MIB);
    // SAFETY: live, and of this size.
    assert!(unsafe { heap.grow(block, layout(7 * MIB), layout(9 * MIB)) }.is_err());
    // SAFETY: as before: it was refused another size.
    let bytes = unsafe { core::slice::from_raw_parts(block.as_ptr(), 4 * MIB) };
    assert!(bytes.iter().all(|&byte| byte == 7));
}

/// A full heap is its holder's affair: no hook is called, and nobody else's memory is given back for it.
#[test]
fn others_hear_nothing_of_it() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);

    fn count(_: usize) -> bool {
        CALLS.fetch_add(1, Ordering::Relaxed);
        false
    }

    let _alone = alone();
    global::trim();
    let mut other = ArenaHeap::new().unwrap();
    filled(&other, 5 * MIB, 1).unwrap();
    other.reset();
    let kept = other.stats().vacant;
    limit::set_hook(Some(count));
    let heap = limited();
    for size in [100, 100_000, 2_500_000] {
        fill(&heap, size);
    }
    limit::set_hook(None);
    assert_eq!((CALLS.load(Ordering::Relaxed), other.stats().vacant), (0, kept));
    assert!(kept >= 5 * MIB && fill(&heap, 100).0.is_empty());
    assert!(filled(&other, LIMIT + MIB, 1).is_ok());
}

#[test]
fn the_next_heap_has_its_own_limit_and_little_of_the_last_ones_memory() {
    let _alone = alone();
    global::trim();
    let heap = limited();
    fill(&heap, 100_000);
    drop(heap);
    let heap = ArenaHeap::with_limit(MIB).unwrap();
    let stats = heap.stats();
    assert!(stats.touched <= MIB && stats.limit == Some(MIB), "{stats:?}");
    drop(heap);
    let heap = ArenaHeap::new().unwrap();
    assert_eq!((heap.limit(), heap.stats().limit), (None, None));
    assert!(filled(&heap, 2 * LIMIT, 1).is_ok());
}

#[test]
fn it_counts_in_granules() {
    let _alone = alone();
    for (asked, limit) in [(0, 64 << 10), (1, 64 << 10), (200_000, 192 << 10), (LIMIT, LIMIT)] {
        let heap = ArenaHeap::with_limit(asked).unwrap();
        assert_eq!(heap.limit(), Some(limit));
        assert!(fill(&heap, 500).0.len() * 500 > limit / 4 * 3, "{limit}");
    }
}

/// Either limit is named by the error that it causes.
#[test]
fn the_reason_is_the_limit_that_stands_in_the_way() {
    let _alone = alone();
    global::trim();
    limit::set(Some(limit::held() + LIMIT / 2)).unwrap();
    let (first, second) = (limited(), ArenaHeap::with_limit(4 * MIB).unwrap());
    let reasons = [filled(&first, LIMIT / 4 * 3, 1), filled(&second, 5 * MIB, 1)];
    let live = filled(&second, 3 * MIB, 1);
    let (stats, totals) = (global::stats(), Census::take().totals);
    limit::set(None).unwrap();
    assert!(matches!(reasons[0], Err(Refused::Limit(_))), "{:?}", reasons[0]);
    assert!(matches!(reasons[1], Err(Refused::Heap(_))), "{:?}", reasons[1]);
    assert!(matches!(filled(&second, usize::MAX / 4, 1), Err(Refused::Heap(_))));
    assert!(live.is_ok() && stats.limit.is_some_and(|limit| stats.held <= limit), "{stats:?}");
    assert!(stats.held >= 3 * MIB);
    assert_eq!((totals.held, totals.limit), (stats.held, stats.limit));
}
