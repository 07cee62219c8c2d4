//! What a call does at most, counted in accesses to the heap's memory.

use std::{ptr::NonNull, vec::Vec};

use super::{accesses, memory};
use crate::{Bounded, Compact, Heap, MOST_WAITING, NoBase, Policy};

/// Accesses of a call at most: those of consolidating a block between free neighbours, for each that may
/// wait; those of a slab that becomes empty by it; and those of the request itself.
const CAP: usize = MOST_WAITING * 40 + 100;

/// Bytes of the heap.
const SIZE: usize = 64 << 20;

/// The most accesses of an allocation and of a free in a program whose blocks lie apart, between free
/// ones, and are freed in an order without system; and in one that fills the heap.
fn most<P: Policy>() -> (usize, usize) {
    let heap: Heap<NoBase, P> = Heap::new(NoBase);
    // SAFETY: the memory is the heap's alone, for ever.
    assert!(unsafe { heap.add_region(memory(SIZE), SIZE) });
    let (mut allocation, mut free) = (0, 0);
    let mut allocate = |size: usize| {
        let (block, count) = accesses(|| NonNull::new(heap.malloc(size)));
        allocation = allocation.max(count);
        block
    };
    let mut give_back = |block: NonNull<u8>| {
        // SAFETY: it is live.
        let ((), count) = accesses(|| unsafe { heap.take_back(block) });
        free = free.max(count);
    };
    let mut state = 1_u64;
    let mut below = |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) as usize % end
    };
    for most in [16, 100, 1_280, 20_000] {
        let mut live: Vec<_> = (0..3_000).filter_map(|_| allocate(1 + below(most))).collect();
        for _ in 0..30_000 {
            let index = below(live.len());
            give_back(live.swap_remove(index));
            live.extend(allocate(1 + below(most)));
        }
        // Every other one, so that what is freed next lies between free ones.
        live.sort_unstable();
        let (odd, even): (Vec<_>, Vec<_>) = (0..live.len()).partition(|index| index % 2 == 1);
        for index in odd.into_iter().chain(even) {
            give_back(live[index]);
        }
    }
    // All memory, until the heap says no; then the longest request that it had.
    let full: Vec<_> = std::iter::from_fn(|| allocate(3_000)).collect();
    full.into_iter().for_each(&mut give_back);
    give_back(allocate(SIZE * 9 / 10).expect("all is coalesced"));
    (allocation, free)
}

#[test]
fn calls_of_a_bounded_heap_have_a_cap() {
    let (allocation, free) = most::<Bounded>();
    assert!(allocation <= CAP && free <= CAP, "{allocation}, {free} of {CAP}");
    assert!(allocation.max(free) > CAP / 4, "the cap means something: {allocation}, {free}");
    let (allocation, free) = most::<Compact>();
    assert!(free > CAP || allocation > CAP, "Compact has none: {allocation}, {free}");
}
