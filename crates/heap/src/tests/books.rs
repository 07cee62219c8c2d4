//! The heap's check, its figures and its map: what they find, and how long they take.

use std::vec::Vec;

use stratalloc_core::Trim;

use super::{accesses, fixed, memory};
use crate::{Corruption, Heap, Kind, NoBase, Problem};

/// Lengths with a quick list each: a cell, blocks within a window, and across windows.
const SIZES: [usize; 4] = [10, 100, 1_000, 1_200];

/// `count` blocks of a size, of which every other one is freed again.
fn half_freed(heap: &Heap, count: usize, size: usize) -> Vec<*mut u8> {
    let blocks: Vec<_> = (0..count).map(|_| heap.malloc(size)).collect();
    for &block in blocks.iter().step_by(2) {
        // SAFETY: it is live.
        unsafe { heap.free(block) };
    }
    blocks
}

/// Writes the link of a freed block.
fn overwrite(block: *mut u8, link: usize) {
    // SAFETY: the block is freed, so that nobody else reads or writes it.
    unsafe { block.cast::<[u8; size_of::<usize>()]>().write(link.to_ne_bytes()) };
}

#[test]
#[cfg_attr(asan, ignore = "the sanitizer finds it first")]
fn a_write_into_a_block_that_waits_is_found() {
    for size in SIZES {
        let to: [fn(*mut u8) -> usize; 3] =
            [|_| 0x4141_4141_4140, |it| it.addr() + 3, |it| it.addr()];
        for wild in to {
            let heap = fixed(100_000);
            let blocks = half_freed(&heap, 3, size);
            assert_eq!(heap.check(), Ok(()));
            overwrite(blocks[2], wild(blocks[2]));
            let found = Corruption { address: blocks[2].addr(), problem: Problem::Quick };
            assert_eq!(heap.check(), Err(found), "{size}");
        }
    }
}

/// A double free of a block that isn't the last freed: in release builds the check finds it, before
/// the block has two owners.
#[test]
fn a_double_free_that_waits_is_found() {
    for size in SIZES {
        let heap = fixed(100_000);
        let blocks = half_freed(&heap, 3, size);
        assert_eq!(heap.check(), Ok(()));
        // As `free` does where blocks aren't checked.
        // SAFETY: it isn't, and the heap isn't used any more but by its check.
        unsafe { heap.engine().release(blocks[0].addr()) };
        assert_eq!(heap.check().map_err(|it| it.problem), Err(Problem::Quick), "{size}");
    }
}

/// The books cost the same for each block, however many there are.
#[test]
fn the_books_are_read_in_linear_time() {
    let most = |count: usize| {
        let heap = fixed(count * 600);
        half_freed(&heap, count, 60);
        let ((), check) = accesses(|| heap.check().unwrap());
        let (snapshot, taken) = accesses(|| heap.snapshot());
        assert_eq!(snapshot.quick, count / 2 * 64);
        (check / count, taken / count)
    };
    let (few, many) = (most(1_000), most(30_000));
    assert!(few.0 < 50 && few.1 < 50, "{few:?}");
    assert!(many.0 <= few.0 + 1 && many.1 <= few.1 + 1, "{few:?}, {many:?}");
}

/// The map shows just the blocks that wait as waiting, as the snapshot counts them.
#[test]
fn the_map_shows_what_waits() {
    let mut heap = fixed(2_000_000);
    let blocks: Vec<_> = (0..160).map(|n| heap.malloc(SIZES[n % 4])).collect();
    let mut waiting: Vec<_> = blocks.into_iter().skip(3).step_by(3).collect();
    for &block in &waiting {
        // SAFETY: it is live.
        unsafe { heap.free(block) };
    }
    let snapshot = heap.snapshot();
    let (mut shown, mut bytes) = (Vec::new(), 0);
    heap.walk(|extent| {
        if extent.kind == Kind::Quick {
            shown.push(extent.address);
            bytes += extent.size;
        }
    });
    waiting.sort_unstable();
    assert_eq!(shown, waiting.iter().map(|it| it.addr()).collect::<Vec<_>>());
    assert_eq!(bytes, snapshot.quick);
    assert_eq!((heap.snapshot(), heap.check()), (snapshot, Ok(())));
}

/// A slab is exactly a window, wherever the memory that it is cut from starts and ends.
#[test]
fn a_slab_is_exactly_a_window() {
    let start = memory(8 * 1024);
    for offset in (0..1024).step_by(16) {
        for size in (2_048..2_400).step_by(16) {
            let heap: Heap = Heap::new(NoBase);
            // SAFETY: the memory is this heap's alone, and not used after it.
            if !unsafe { heap.add_region(start.add(offset), size) } {
                continue;
            }
            let whole = heap.snapshot();
            let cell = heap.malloc(16);
            assert_eq!(heap.check(), Ok(()), "{offset}, {size}");
            // SAFETY: it is null or live.
            unsafe { heap.free(cell) };
            heap.trim();
            assert_eq!((heap.check(), heap.snapshot()), (Ok(()), whole), "{offset}, {size}");
        }
    }
}
