//! Freed large blocks of the hardened build: their memory is kept for the next, nobody can touch it meanwhile, and the next
//! owner finds nothing in it.

// The sanitizer keeps what is freed.
#![cfg(all(feature = "hardened", not(any(loom, asan, tsan))))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/random.rs"]
mod random;
#[path = "common/resident.rs"]
mod resident;

use std::{fs, slice, thread};

use random::Random;
use resident::{MIB, resident};
use stratalloc_arena::{Census, global, validate};

const PAGE: usize = 4096;

/// A block all of whose bytes are written to, after a look at whether they are zero.
fn filled(size: usize) -> *mut u8 {
    let block = global::allocate(size, 8);
    assert!(!block.is_null());
    // SAFETY: just allocated.
    let bytes = unsafe { slice::from_raw_parts_mut(block, size) };
    assert!(bytes.iter().all(|&byte| byte == 0), "a block of {size} bytes has what another left");
    bytes.fill(0xee);
    block
}

fn free(block: *mut u8) {
    // SAFETY: the tests free each block once.
    unsafe { global::deallocate(block) };
}

/// Whether the page at an address can be read or written.
fn is_usable(address: *mut u8) -> bool {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().any(|line| {
        let (range, rest) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        (number(start)..number(end)).contains(&address.addr()) && !rest.starts_with("---")
    })
}

fn faults() -> u64 {
    Census::take().events.minor_faults
}

#[test]
fn the_next_block_of_the_size_takes_few_page_faults() {
    let _alone = alone::alone();
    for size in [40_000, 256 << 10, 700 << 10, 3 * MIB / 2] {
        free(filled(size));
        let before = faults();
        (0..50).for_each(|_| free(filled(size)));
        let each = (faults() - before) / 50;
        assert!(each <= 4, "{each} page faults for each block of {size} bytes");
    }
}

/// A block with another size, all of whose bytes are written to, after a look at whether the pages that it got are zero, and
/// whether nothing around it can be touched.
fn refilled(block: *mut u8, old: usize, size: usize) -> *mut u8 {
    // SAFETY: the tests give the block up for the one returned.
    let block = unsafe { global::reallocate(block, size, 8) };
    assert!(!block.is_null());
    // SAFETY: just reallocated.
    let bytes = unsafe { slice::from_raw_parts_mut(block, size) };
    let more = &bytes[old.next_multiple_of(PAGE).min(size)..];
    assert!(more.iter().all(|&byte| byte == 0), "{old} to {size} bytes: it has what another left");
    bytes.fill(0xee);
    block
}

/// Whether nothing can be touched before the pages of a block, nor behind them.
fn is_alone(block: *mut u8, size: usize) -> bool {
    !is_usable(block.wrapping_sub(1)) && !is_usable(block.wrapping_add(size.next_multiple_of(PAGE)))
}

#[test]
fn a_block_that_shrinks_and_grows_again_takes_few_page_faults() {
    let _alone = alone::alone();
    let (small, large) = (170_000, 200_000);
    let mut block = filled(large);
    let before = faults();
    for _ in 0..50 {
        block = refilled(block, large, small);
        assert!(is_alone(block, small));
        block = refilled(block, small, large);
        assert!(is_alone(block, large));
    }
    free(block);
    let each = (faults() - before) / 50;
    assert!(each <= 4, "{each} page faults each time");
    validate().unwrap();
}

#[test]
fn vectors_that_grow_as_others_did_take_few_page_faults() {
    const STEPS: [usize; 5] = [36_000, 72_000, 144_000, 288_000, 576_000];
    let _alone = alone::alone();
    let round = || {
        let blocks = STEPS[..2].iter().map(|_| {
            let first = filled(STEPS[0]);
            let grow = |block, step: &[usize]| refilled(block, step[0], step[1]);
            STEPS.windows(2).fold(first, grow)
        });
        blocks.collect::<Vec<_>>().into_iter().for_each(free);
    };
    (0..3).for_each(|_| round());
    let before = faults();
    (0..50).for_each(|_| round());
    let each = (faults() - before) / 50;
    assert!(each <= 10, "{each} page faults each time");
}

#[test]
fn nobody_can_touch_a_freed_block() {
    let _alone = alone::alone();
    let blocks: Vec<_> = (1..40).map(|step| (filled(step * 60_000), step * 60_000)).collect();
    for &(block, size) in &blocks {
        assert!(is_usable(block) && is_usable(block.wrapping_add(size - 1)));
        assert!(is_alone(block, size));
    }
    for &(block, size) in &blocks {
        free(block);
        assert!(!is_usable(block) && !is_usable(block.wrapping_add(size - 1)), "{size}");
    }
}

#[test]
fn the_memory_goes_back_when_it_is_asked_for() {
    let _alone = alone::alone();
    let live = global::allocate(100, 8);
    global::trim();
    let before = resident();
    let blocks: Vec<_> = (0..20).map(|_| filled(MIB)).collect();
    blocks.into_iter().for_each(free);
    let kept = resident() - before;
    assert!(kept > 15 * MIB, "only {kept} bytes are kept");
    global::trim();
    let left = resident().saturating_sub(before);
    assert!(left < MIB, "{left} bytes are left");
    free(live);
}

/// Blocks of random sizes come, are resized and go.
fn churn(seed: u64) {
    let mut random = Random(seed);
    let mut blocks = Vec::new();
    for step in 0..3000 {
        let size = 33_000 + random.below(if step % 10 == 0 { 3 * MIB } else { 200_000 });
        if blocks.len() < 20 || random.below(2) == 0 {
            blocks.push((filled(size), size));
        } else if random.below(3) == 0 {
            let (block, old) = &mut blocks[random.below(20)];
            *block = refilled(*block, *old, size);
            *old = size;
        } else {
            free(blocks.swap_remove(random.below(blocks.len())).0);
        }
        // Small blocks take the same segments.
        if step % 100 == 0 {
            let small: Vec<_> = (0..2000).map(|_| global::allocate(500, 8)).collect();
            small.into_iter().for_each(free);
        }
    }
    for (block, _) in blocks {
        free(block);
    }
}

#[test]
fn no_block_has_what_another_left() {
    let _alone = alone::alone();
    thread::scope(|scope| {
        for seed in 1..3 {
            scope.spawn(move || churn(seed));
        }
    });
    validate().unwrap();
}
