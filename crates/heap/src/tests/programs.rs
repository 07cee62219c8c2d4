//! Random programs, with the heap's own check after every few steps.

use core::alloc::Layout;
use std::vec::Vec;

use quickcheck::{TestResult, quickcheck};
use stratalloc_core::Allocator;
use stratalloc_testkit::System;

use super::touching::Touching;
use crate::{Compact, Fit, Granule8, Heap, Order, Policy};

struct Ordered;

impl Policy for Ordered {
    const ORDER: Order = Order::Address;
    const FIT: Fit = Fit::Best;
}

/// Runs a program: each step frees, resizes or allocates by its numbers.
fn run<P: Policy>(base: impl Allocator, steps: &[(u8, u16)]) {
    let heap: Heap<_, P> = Heap::new(base);
    let mut live: Vec<(*mut u8, usize, u8)> = Vec::new();
    for (count, &(kind, number)) in steps.iter().enumerate() {
        let size = size_of_step(kind, number);
        let mark = count as u8;
        match (kind % 5, live.len()) {
            (0 | 1, 1..) => {
                let (block, old, mark) = live.swap_remove(number as usize % live.len());
                verify(block, old, mark);
                // SAFETY: it is live.
                unsafe { heap.free(block) };
            }
            (2, 1..) => {
                let index = number as usize % live.len();
                let (block, old, mark) = live[index];
                // SAFETY: it is live.
                let moved = unsafe { heap.realloc(block, size) };
                verify(moved, old.min(size), mark);
                live[index] = (fill(moved, size, mark), size, mark);
            }
            _ => live.push((fill(heap.malloc(size), size, mark), size, mark)),
        }
        if count % 16 == 0 {
            assert_eq!(heap.check(), Ok(()));
        }
    }
    for (block, size, mark) in live {
        verify(block, size, mark);
        // SAFETY: it is live.
        unsafe { heap.free(block) };
    }
    heap.trim_all();
    assert_eq!(heap.snapshot().held, 0);
}

/// Mostly small sizes, some that span windows of tags, few that span regions.
fn size_of_step(kind: u8, number: u16) -> usize {
    let number = number as usize;
    1 + match kind / 5 % 8 {
        0..=2 => number % 40,
        3..=5 => number % 400,
        6 => number % 5_000,
        _ => number * 3,
    }
}

fn fill(block: *mut u8, size: usize, mark: u8) -> *mut u8 {
    assert!(!block.is_null());
    // SAFETY: the block is live and has as many bytes.
    unsafe { block.write_bytes(mark, size) };
    block
}

fn verify(block: *mut u8, size: usize, mark: u8) {
    // SAFETY: the block is live and has as many bytes.
    let bytes = unsafe { core::slice::from_raw_parts(block, size) };
    assert!(bytes.iter().all(|&byte| byte == mark));
}

quickcheck! {
    fn programs_keep_the_heap_whole(steps: Vec<(u8, u16)>) -> TestResult {
        run::<Compact>(System, &steps);
        run::<Granule8>(System, &steps);
        run::<Ordered>(System, &steps);
        TestResult::passed()
    }

    /// Regions join upwards and downwards, or touch without joining, and are taken apart again.
    fn programs_keep_touching_regions_whole(steps: Vec<(u8, u16)>) -> TestResult {
        run::<Compact>(Touching::new(steps.len()), &steps);
        run::<Granule8>(Touching::new(steps.len()), &steps);
        TestResult::passed()
    }
}

/// A chunk that joins a region from below has room for the region's table besides what it was for, or
/// another is asked for.
#[test]
fn a_region_grows_downwards() {
    let base = Touching::new(0);
    let layout = Layout::new::<[u8; 4096]>();
    let heap: Heap<_> = Heap::new(&base);
    assert!(!heap.malloc(1 << 20).is_null());
    // The base's next two places pass: the third is right below the first.
    for _ in 0..2 {
        let page = base.allocate(layout).unwrap();
        // SAFETY: allocated just so.
        unsafe { base.deallocate(page.cast(), layout) };
    }
    assert!(!heap.malloc(200_000).is_null());
    assert_eq!(heap.check(), Ok(()));
}

/// One long program, by a fixed generator.
#[test]
fn a_long_program() {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let steps: Vec<_> = (0..20_000).map(|_| (next() as u8, next() as u16)).collect();
    run::<Compact>(System, &steps);
    run::<Granule8>(System, &steps);
    run::<Compact>(Touching::new(0), &steps);
}
