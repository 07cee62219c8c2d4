//! What an address is, is said rightly for every kind of memory, and for any number at all.

#![cfg(all(not(loom), not(miri)))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/level.rs"]
mod level;
#[path = "common/random.rs"]
mod random;

use std::{alloc::Layout, iter::successors, ptr, sync::mpsc, thread};

use alone::alone;
use level::{SMALLEST, for_block_of};
use random::Random;
use stratalloc_arena::{
    AREA_SIZE, ArenaHeap, SegmentPlace,
    address::{Block, Found, Kind, State, What, Whose, what_is},
    global, profile,
};
use stratalloc_core::{Allocator, MAX_CLASS_SIZE, SizeClass};

/// What an address is, as soon as its heap isn't being changed: other tests look after all heaps.
fn found(address: usize) -> Found {
    loop {
        let found = what_is(ptr::without_provenance(address));
        assert_eq!(found.address, address);
        if found.what != What::Busy {
            return found;
        }
        thread::yield_now();
    }
}

/// The block that an address lies in.
#[track_caller]
fn block(address: usize) -> Block {
    match found(address).what {
        What::Block(block) => block,
        what => panic!("{address:#x} is {what:?}"),
    }
}

#[track_caller]
fn expect(address: usize, start: usize, size: usize, kind: Kind, state: State) {
    let block = block(address);
    let said = (block.start, block.size, block.kind, block.state);
    assert_eq!(said, (start, size, kind, state), "{address:#x}");
}

/// The sizes of all classes.
fn block_sizes() -> impl Iterator<Item = usize> {
    let next = |&size: &usize| SizeClass::for_size(size + 1).map(SizeClass::block_size);
    successors(Some(SMALLEST), next)
}

fn allocate(size: usize) -> usize {
    let block = global::allocate(size, 8);
    assert!(!block.is_null());
    block.expose_provenance()
}

fn free(block: usize) {
    // SAFETY: a live block of these tests.
    unsafe { global::deallocate(ptr::with_exposed_provenance_mut(block)) };
}

#[test]
fn every_byte_of_a_small_block_is_of_that_block() {
    let _alone = alone();
    for size in block_sizes() {
        let blocks: Vec<_> = (0..20).map(|_| allocate(for_block_of(size))).collect();
        for &start in &blocks {
            for offset in [0, 1, size / 2, size - 1] {
                expect(start + offset, start, size, Kind::Small, State::Live);
            }
            let place = found(start).place.unwrap();
            assert_eq!(place.whose, Whose::ThisThread);
            assert_eq!(place.area, start & !(AREA_SIZE - 1));
            assert_eq!(place.segment, SegmentPlace::of_offset(start % AREA_SIZE));
        }
        blocks.into_iter().for_each(free);
    }
}

#[test]
fn what_is_freed_is_at_hand_and_then_free() {
    let _alone = alone();
    let blocks: Vec<_> = (0..5000).map(|_| allocate(for_block_of(72))).collect();
    free(blocks[7]);
    expect(blocks[7] + 5, blocks[7], 72, Kind::Small, State::AtHand);
    // The others keep their slabs as they are.
    let (freed, kept): (Vec<_>, Vec<_>) = (8..5000).partition(|number| number % 10 != 0);
    for &number in &freed {
        free(blocks[number]);
    }
    let count =
        |state| freed.iter().filter(|&&number| block(blocks[number]).state == state).count();
    let (at_hand, given_back) = (count(State::AtHand), count(State::Free));
    // A stock has 128 of these at most.
    assert!((1..=128).contains(&at_hand) && at_hand + given_back == freed.len(), "{at_hand}");
    assert!(kept.iter().all(|&number| block(blocks[number]).state == State::Live));
    kept.into_iter().chain(0..7).for_each(|number| free(blocks[number]));
}

#[test]
fn a_block_of_another_thread_is_that_threads_until_it_comes_home() {
    let _alone = alone();
    let (give, take) = mpsc::channel();
    let other = thread::spawn(move || {
        let blocks: Vec<_> = (0..10).map(|_| allocate(for_block_of(88))).collect();
        let there =
            blocks.iter().all(|&block| found(block).place.unwrap().whose == Whose::ThisThread);
        give.send((blocks, there)).unwrap();
        thread::park();
    });
    let (blocks, there) = take.recv().unwrap();
    let place = found(blocks[0]).place.unwrap();
    assert!(there && place.whose == Whose::Thread);
    assert!(blocks.iter().all(|&block| found(block).place.unwrap().heap == place.heap));
    assert_ne!(found(allocate(for_block_of(88))).place.unwrap().heap, place.heap);
    expect(blocks[0] + 87, blocks[0], 88, Kind::Small, State::Live);
    // It is collected for its owner.
    free(blocks[0]);
    expect(blocks[0] + 87, blocks[0], 88, Kind::Small, State::AtHand);
    other.thread().unpark();
    other.join().unwrap();
}

#[test]
fn every_page_of_a_large_block_is_of_that_block() {
    let _alone = alone();
    for size in [MAX_CLASS_SIZE + 1, 300 << 10, 1 << 20, (2 << 20) - 5, 3 << 20, 70 << 20, 3 << 30]
    {
        let start = allocate(size);
        // SAFETY: it is live.
        let usable = unsafe { global::usable_size(ptr::with_exposed_provenance_mut(start)) };
        // What is left of the last page is of the block too, if the program may not use it.
        let usable = usable.next_multiple_of(4096);
        let kind = if size <= 2 << 20 { Kind::Run } else { Kind::Whole };
        for offset in (0..usable).step_by((usable / 500).next_multiple_of(4096)) {
            expect(start + offset, start, usable, kind, State::Live);
        }
        expect(start + usable - 1, start, usable, kind, State::Live);
        assert!(!lies_in(start + usable, start) && !lies_in(start - 1, start));
        free(start);
        assert!(!lies_in(start, start));
    }
}

/// Whether an address lies in the live block that starts there.
fn lies_in(address: usize, start: usize) -> bool {
    matches!(found(address).what, What::Block(block) if block.start == start && block.state == State::Live)
}

#[test]
fn a_huge_block_is_found_from_its_first_byte_to_its_last() {
    let _alone = alone();
    // Nothing of it is touched.
    let size = (5 << 30) + 4096;
    let start = allocate(size);
    for offset in [0, 1, 4 << 30, size - 1] {
        expect(start + offset, start, size, Kind::Huge, State::Live);
        assert_eq!(found(start + offset).place, None);
    }
    assert_eq!(found(start + size).what, What::Foreign);
    free(start);
    assert_eq!(found(start).what, What::Foreign);
}

#[test]
fn what_is_not_a_block_is_said_to_be_what_it_is() {
    let _alone = alone();
    let local = 7_u8;
    for foreign in [0, 1, usize::MAX, 1 << 47, (1 << 47) - 1, (&raw const FOREIGN).addr()] {
        assert_eq!(found(foreign).what, What::Foreign, "{foreign:#x}");
    }
    assert_eq!(found((&raw const local).addr()).to_string().split_once(": ").unwrap().1, FOREIGN);
    let area = allocate(64) & !(AREA_SIZE - 1);
    for books in [0, 1, 65_536, (256 << 20) - 1] {
        assert_eq!(found(area + books).what, What::Books, "{books:#x}");
        assert_eq!(found(area + books).place.unwrap().segment, None);
    }
    // The last segment of an area, which nobody came to.
    assert_eq!(found(area + AREA_SIZE - 1).what, What::Vacant);
}

static FOREIGN: &str = "not of this allocator";

#[test]
fn an_arena_heaps_block_is_its_own_until_the_heap_ends() {
    let _alone = alone();
    let heap = ArenaHeap::new().unwrap();
    let other = ArenaHeap::new().unwrap();
    let of = |heap: &ArenaHeap, size| {
        let layout = Layout::from_size_align(size, 8).unwrap();
        heap.allocate(layout).unwrap().cast::<u8>().addr().get()
    };
    let (small, large, elsewhere) = (of(&heap, 100), of(&heap, 1 << 20), of(&other, 100));
    expect(small + 100, small, 104, Kind::Small, State::Live);
    expect(large + 5000, large, 1 << 20, Kind::Run, State::Live);
    let heap_of = |address| found(address).place.unwrap().heap;
    assert_eq!(found(small).place.unwrap().whose, Whose::ArenaHeap);
    // Far beyond what was ever asked for of its slab, and behind the last block that this has room for.
    expect(small + 104 * 500 + 3, small + 104 * 500, 104, Kind::Small, State::Fresh);
    let slab = found(small).place.unwrap().segment.unwrap().arena.partition.segment_size();
    assert_eq!(found(small - small % slab + slab - 1).what, What::Vacant);
    assert!(heap_of(small) == heap_of(large) && heap_of(small) != heap_of(elsewhere));
    drop(heap);
    assert_eq!(found(small).what, What::Foreign);
}

#[test]
fn samples_are_told_from_other_blocks() {
    let _alone = alone();
    thread::spawn(|| {
        let before = allocate(120);
        // Each block is sampled.
        profile::start(1).unwrap();
        let layouts = [120, 1 << 20, 5 << 30];
        let sampled: Vec<_> = thread::spawn(move || layouts.map(allocate)).join().unwrap().into();
        profile::stop();
        for (&start, size) in sampled.iter().zip(layouts) {
            assert_eq!((block(start + size - 1).start, block(start).state), (start, State::Sampled));
        }
        assert_eq!(found(sampled[0]).place.unwrap().whose, Whose::Samples);
        assert_eq!(block(before).state, State::Live);
        sampled.iter().copied().for_each(free);
        let live = |&start: &usize| matches!(found(start).what, What::Block(block) if block.state == State::Sampled);
        assert!(!sampled.iter().any(live));
    })
    .join()
    .unwrap();
}

#[test]
fn a_line_says_what_there_is_to_know() {
    let _alone = alone();
    let start = allocate(200);
    let line = found(start + 8).to_string();
    let area = start & !(AREA_SIZE - 1);
    let place = SegmentPlace::of_offset(start % AREA_SIZE).unwrap();
    let expected = format!(
        "{:#x}: 8 bytes into a live block of 208 at {start:#x}, of this thread's heap: area {area:#x}, partition {}, \
         arena {}, segment {}",
        start + 8,
        place.arena.partition.number(),
        place.arena.arena,
        place.segment
    );
    assert_eq!(line, expected);
}

/// Numbers near areas and far from them, while other threads allocate, and make heaps and drop them.
#[test]
fn any_number_has_an_answer_while_others_allocate() {
    let _alone = alone();
    let busy: Vec<_> = (1..3).map(|seed| thread::spawn(move || churn(Random(seed)))).collect();
    let mut random = Random(17);
    while !busy.iter().all(thread::JoinHandle::is_finished) {
        for _ in 0..1000 {
            // In windows of which many have areas, at offsets of every size.
            let offset = random.below(AREA_SIZE) >> random.below(12);
            for address in [random.below(usize::MAX), random.below(2048) * AREA_SIZE + offset] {
                let found = what_is(ptr::without_provenance(address));
                if let What::Block(block) = found.what {
                    let bytes = block.start..block.start + block.size;
                    assert!(bytes.contains(&address), "{found}");
                }
            }
        }
    }
    for thread in busy {
        thread.join().unwrap();
    }
}

/// Blocks of all sizes, and heaps that end.
fn churn(mut random: Random) {
    for _ in 0..300 {
        let heap = ArenaHeap::new().unwrap();
        let blocks: Vec<_> = (0..50).map(|_| allocate(1 << random.below(24))).collect();
        let layout = Layout::from_size_align(1 << random.below(24), 8).unwrap();
        assert!(heap.allocate(layout).is_ok());
        blocks.into_iter().for_each(free);
    }
}
