//! Large blocks where one of their size was freed a moment ago: no one else's memory, no more held than is granted, and as
//! warm as it was.

#![cfg(not(any(loom, asan, tsan)))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/filled.rs"]
mod filled;
#[path = "common/random.rs"]
mod random;

use std::{alloc::Layout, ptr};

use filled::{filled, free};
use random::Random;
use stratalloc_arena::{ArenaHeap, global, validate};
#[cfg(not(feature = "hardened"))]
use stratalloc_arena::{ArenaPlace, address};
use stratalloc_core::{Allocator, Stats};

const KIB: usize = 1 << 10;
const PAGE: usize = 4 * KIB;

/// As many blocks in a row as leave no room beside these in their arena.
fn row(size: usize) -> Vec<*mut u8> {
    (0..16).map(|_| filled(size)).collect()
}

// Between guards a run has the place of the one nearest to its size in any case.
#[cfg(not(feature = "hardened"))]
#[test]
fn the_next_block_of_the_size_has_the_place_of_the_last() {
    let _alone = alone::alone();
    for size in [64 * KIB, 1000 * KIB, 3000 * KIB] {
        let mut blocks = row(size);
        let others = [blocks.remove(2), blocks.remove(5), blocks.remove(8)];
        for last in others {
            others.into_iter().filter(|&block| block != last).for_each(free);
            free(last);
            // Pages count, not bytes.
            let again = filled(size - 100);
            assert_eq!(again, last, "{size}");
            let back: Vec<_> = (1..others.len()).map(|_| filled(size)).collect();
            assert!(back.iter().all(|block| others.contains(block)), "{size}");
        }
        blocks.into_iter().chain(others).for_each(free);
        global::trim();
        validate().unwrap();
    }
}

/// The arena that a block lies in.
#[cfg(not(feature = "hardened"))]
fn arena(block: *mut u8) -> ArenaPlace {
    address::what_is(block).place.and_then(|place| place.segment).expect("a block").arena
}

// Between guards, as above.
#[cfg(not(feature = "hardened"))]
#[test]
fn a_run_has_room_in_an_arena_in_use_rather_than_its_last_place_in_a_vacant_one() {
    let _alone = alone::alone();
    global::trim();
    let size = 1000 * KIB;
    let mut blocks = row(size);
    // Alone in its arena.
    let last = loop {
        let block = filled(size);
        if blocks.iter().all(|&other| arena(other) != arena(block)) {
            break block;
        }
        blocks.push(block);
    };
    let gap = blocks.remove(8);
    free(gap);
    free(last);
    assert_eq!(filled(size), gap);
    blocks.into_iter().chain([gap]).for_each(free);
    global::trim();
}

#[test]
fn what_went_back_or_serves_others_is_no_place() {
    let _alone = alone::alone();
    let size = 1000 * KIB;
    let _row = row(size);
    let last = filled(size);
    free(last);
    global::trim();
    let zeroed = global::allocate_zeroed(size, 8);
    // SAFETY: the bytes of the block, which was just allocated.
    assert!((0..size).all(|at| unsafe { *zeroed.add(at) } == 0));
    validate().unwrap();
    free(zeroed);
    let parts: Vec<_> = (0..16).map(|_| filled(64 * KIB)).collect();
    let again = filled(size);
    for part in parts {
        let end = part.addr() + 64 * KIB;
        assert!(end <= again.addr() || again.addr() + size <= part.addr(), "they overlap");
    }
    validate().unwrap();
}

#[test]
fn a_place_that_was_touched_in_part_since_is_none() {
    let _alone = alone::alone();
    let size = 1000 * KIB;
    let mut row = row(size);
    free(row.remove(8));
    global::trim();
    // Of four segments each, the last of which they leave in part.
    let parts: Vec<_> = (0..4).map(|_| filled(220 * KIB)).collect();
    parts.into_iter().for_each(free);
    validate().unwrap();
    let again = filled(size);
    validate().unwrap();
    free(again);
    validate().unwrap();
}

/// One of the sizes that come again and again, around the borders between segments, runs and whole blocks.
fn size(random: &mut Random) -> usize {
    let least = [20 * KIB, 64 * KIB, 100 * KIB, 1024 * KIB, 2048 * KIB, 3000 * KIB, 5000 * KIB];
    least[random.below(least.len())] + random.below(3) * PAGE
}

/// A block with marks at its ends.
struct Marked {
    start: *mut u8,
    layout: Layout,
    mark: u8,
}

impl Marked {
    fn places(&self) -> [*mut u8; 2] {
        [self.start, self.start.wrapping_add(self.layout.size() - 1)]
    }

    fn new(start: *mut u8, layout: Layout, mark: u8) -> Self {
        let block = Self { start, layout, mark };
        // SAFETY: both lie in the block, which is live.
        block.places().into_iter().for_each(|place| unsafe { place.write(mark) });
        block
    }

    fn check(&self) {
        for place in self.places() {
            // SAFETY: as in `new`.
            assert_eq!(unsafe { place.read() }, self.mark, "another wrote to the block");
        }
    }
}

/// Blocks that are replaced at random, in the process's heap, and in one with a limit that is met now and then.
#[test]
fn blocks_of_a_few_sizes_keep_apart() {
    let _alone = alone::alone();
    let heap = ArenaHeap::with_limit(48 << 20).unwrap();
    let (mut random, mut refused) = (Random(0x9E37_79B9_7F4A_7C15), 0);
    let mut blocks: [[Option<Marked>; 24]; 2] = Default::default();
    let take_back = |block: Marked, limited: bool| {
        block.check();
        if limited {
            // SAFETY: allocated from the heap with this layout, and freed once.
            unsafe { heap.deallocate(ptr::NonNull::new(block.start).unwrap(), block.layout) };
        } else {
            free(block.start);
        }
    };
    for step in 0..6000_u32 {
        let limited = random.below(2) == 1;
        let place = &mut blocks[usize::from(limited)][random.below(24)];
        if let Some(block) = place.take() {
            take_back(block, limited);
        }
        let align = if random.below(8) == 0 { 256 * KIB } else { 8 };
        let layout = Layout::from_size_align(size(&mut random), align).unwrap();
        let zeroed = random.below(4) == 0;
        let start = match (limited, zeroed) {
            (true, _) => {
                heap.try_allocate(layout).map_or(ptr::null_mut(), |start| start.as_ptr().cast())
            }
            (false, true) => global::allocate_zeroed(layout.size(), align),
            (false, false) => global::allocate(layout.size(), align),
        };
        if start.is_null() {
            assert!(limited, "memory is out");
            refused += 1;
            continue;
        }
        assert_eq!(start.addr() % align, 0);
        if zeroed && !limited {
            // SAFETY: the first and the last byte of the block.
            let ends = unsafe { (*start, *start.add(layout.size() - 1)) };
            assert_eq!(ends, (0, 0), "it isn't zero");
        }
        *place = Some(Marked::new(start, layout, step as u8));
        if step % 500 == 0 {
            global::trim();
        }
        if step % 50 == 0 {
            validate().unwrap();
            assert!(heap.stats().held <= 48 << 20);
        }
    }
    assert!(refused > 0, "the limit was never met");
    for (limited, blocks) in [false, true].into_iter().zip(blocks) {
        blocks.into_iter().flatten().for_each(|block| take_back(block, limited));
    }
    validate().unwrap();
}
