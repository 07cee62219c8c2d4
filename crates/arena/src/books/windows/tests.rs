//! The table of windows: claims, and the windows that are searched.

use core::array;
use std::thread;

use super::*;

/// Windows that no other test claims: searches begin far below them.
const LAST: usize = WINDOWS - 16;

#[test]
fn a_claim_that_fails_claims_nothing() {
    let first = LAST;
    assert!(TABLE.claim(first + 2, 1));
    assert!(!TABLE.claim(first, 4));
    assert!(TABLE.claim(first, 2) && TABLE.claim(first + 3, 1), "all but the one that was claimed");
    TABLE.release(first, 4);
}

/// Claims of one, two and three windows in a row, by two threads: each window has one claimant at a time.
#[test]
fn no_two_threads_claim_a_window() {
    const COUNT: usize = 5;
    let first = LAST + 8;
    let claimants: [AtomicUsize; COUNT] = array::from_fn(|_| AtomicUsize::new(0));
    let claim = |thread: usize| {
        let mut claimed = 0;
        for round in 0..200_000 {
            let (at, count) = ((round * 7 + thread) % (COUNT - 2), 1 + (round + thread) % 3);
            if TABLE.claim(first + at, count) {
                let own = &claimants[at..at + count];
                assert!(own.iter().all(|window| window.swap(1, Ordering::Relaxed) == 0));
                assert!(own.iter().all(|window| window.swap(0, Ordering::Relaxed) == 1));
                TABLE.release(first + at, count);
                claimed += 1;
            }
        }
        claimed
    };
    thread::scope(|scope| {
        let claim = &claim;
        let threads = [1, 2].map(|thread| scope.spawn(move || claim(thread)));
        for thread in threads {
            assert!(thread.join().unwrap() > 0);
        }
    });
    assert!(TABLE.claim(first, COUNT), "all are given back");
    TABLE.release(first, COUNT);
}

#[test]
fn a_huge_block_is_found_from_each_of_its_windows_and_no_further() {
    let (first, size) = (LAST + 4, 2 * AREA_SIZE + 4096);
    let start = first << AREA_SHIFT;
    assert!(TABLE.claim(first, 3));
    TABLE.announce(first, 3, Entry::of_block(size));
    for offset in [0, 1, AREA_SIZE - 1, AREA_SIZE, 2 * AREA_SIZE, size - 1] {
        assert_eq!(huge_around(start + offset), Some((start, size)), "{offset:#x}");
    }
    for beside in [start - 1, start + size, start + 3 * AREA_SIZE, usize::MAX] {
        assert_eq!(huge_around(beside), None, "{beside:#x}");
    }
    TABLE.release(first, 3);
    assert_eq!(huge_around(start + AREA_SIZE), None);
}

#[test]
fn the_windows_searched_are_those_of_the_address_space() {
    assert_eq!(searched_of(47), FIRST..WINDOWS);
    assert_eq!(searched_of(42), FIRST..64);
    assert_eq!(searched_of(39), 2..8);
    assert_eq!(searched_of(38), 1..4);
    assert!(searched_of(36).is_empty());
}

#[test]
fn a_stack_at_the_end_of_the_address_space_shows_its_bits() {
    let local = 0_u8;
    // Other threads' stacks lie elsewhere; on this machine's first the kernel's choice is known.
    let high = (&raw const local).addr() >> (BITS - 1) != 0;
    assert!(!high || sys::address_bits(BITS) == BITS);
    // What is asked for: address 0 is nobody's, and there is no 63rd bit.
    assert!(sys::address_bits(63) < 63);
}
