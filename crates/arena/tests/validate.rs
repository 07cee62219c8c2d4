//! Every invariant holds, between any two visits to any heap, whatever threads do: frees by others, ends of threads,
//! arena heaps, trims, limits.

#![cfg(not(loom))]

#[path = "common/random.rs"]
mod random;

use std::{
    alloc::Layout,
    ptr::NonNull,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use random::Random;
use stratalloc_arena::{ArenaHeap, global, limit, validate};
use stratalloc_core::{Allocator, Trim};

/// Threads at a time, and how many follow each other in the place of each.
const THREADS: usize = 3;
const LIVES: usize = 3;
/// What each does, and after how many steps it looks at all invariants.
const STEPS: usize = 9000;
const LOOK: usize = 3000;

/// Blocks on their way to other threads.
static PASSED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static LOOKS: AtomicUsize = AtomicUsize::new(0);

/// Mostly small, of all classes, some runs, a few whole blocks.
fn size(random: &mut Random) -> usize {
    match random.below(200) {
        0 => 1 + random.below(6 << 20),
        1..8 => 1 + random.below(200_000),
        8..40 => 1 + random.below(32_768),
        _ => 1 + random.below(700),
    }
}

fn look(when: &str) {
    assert_eq!(validate(), Ok(()), "{when}");
    LOOKS.fetch_add(1, Ordering::Relaxed);
}

fn allocate(size: usize) -> Option<usize> {
    let block = global::allocate(size, 8);
    (!block.is_null()).then(|| block.expose_provenance())
}

fn free(block: usize) {
    // SAFETY: live, and of this allocator.
    unsafe { global::deallocate(std::ptr::with_exposed_provenance_mut(block)) };
}

/// One step: blocks come, grow, shrink, go, or are passed on to whoever takes one.
fn step(random: &mut Random, blocks: &mut Vec<usize>) {
    match random.below(100) {
        0..40 => blocks.extend(allocate(size(random))),
        40..46 => {
            // So many of one class that a list of slabs has several.
            let size = [64, 120, 2304][random.below(3)];
            blocks.extend((0..random.below(400)).filter_map(|_| allocate(size)));
        }
        46..56 if !blocks.is_empty() => {
            let place = random.below(blocks.len());
            let block = std::ptr::with_exposed_provenance_mut(blocks[place]);
            // SAFETY: live, and aligned to 8.
            let moved = unsafe { global::reallocate(block, size(random), 8) };
            if !moved.is_null() {
                blocks[place] = moved.expose_provenance();
            }
        }
        56..72 if !blocks.is_empty() => {
            let block = blocks.swap_remove(random.below(blocks.len()));
            PASSED.lock().unwrap().push(block);
        }
        72..86 => {
            let passed = PASSED.lock().unwrap().pop();
            passed.into_iter().for_each(free);
        }
        86..99 if !blocks.is_empty() => free(blocks.swap_remove(random.below(blocks.len()))),
        99 => {
            let kept = random.below(blocks.len() + 1);
            blocks.drain(kept..).for_each(free);
        }
        _ => {}
    }
}

/// A heap as a value, on which the same rules hold.
fn use_a_heap(random: &mut Random) {
    let Ok(mut heap) = ArenaHeap::new() else { return };
    for round in 0..3 {
        for _ in 0..300 {
            let layout = Layout::from_size_align(size(random), 8).unwrap();
            let block = heap.allocate(layout).map(NonNull::cast::<u8>);
            if let (Ok(block), true) = (block, random.below(2) == 0) {
                // SAFETY: just allocated.
                unsafe { heap.deallocate(block, layout) };
            }
        }
        look("with an arena heap");
        match round {
            0 => heap.reset(),
            _ => _ = heap.trim(),
        }
    }
}

/// What serves nothing is made unusable before a request is refused; if no other thread lifts the limit.
fn ask_for_too_much() {
    _ = limit::set(Some(1 << 30));
    for _ in 0..3 {
        allocate(2 << 30).into_iter().for_each(free);
        look("after a refusal");
    }
}

fn live(seed: u64) {
    let mut random = Random(seed);
    let mut blocks = Vec::new();
    for number in 0..STEPS {
        step(&mut random, &mut blocks);
        if number % LOOK == LOOK / 2 {
            look("at work");
            match random.below(5) {
                0 => _ = global::trim(),
                1 => _ = limit::set(Some(1 << 30)),
                2 => limit::set(None).unwrap(),
                3 => ask_for_too_much(),
                _ => use_a_heap(&mut random),
            }
            look("after something rare");
        }
    }
    PASSED.lock().unwrap().extend(blocks);
}

#[test]
fn every_invariant_holds_whatever_threads_do() {
    for life in 0..LIVES as u64 {
        thread::scope(|scope| {
            for number in 1..=THREADS as u64 {
                scope.spawn(move || live(0x9E37_79B9_7F4A_7C15 ^ (life << 8 | number)));
            }
        });
        look("after threads ended");
    }
    limit::set(None).unwrap();
    std::mem::take(&mut *PASSED.lock().unwrap()).into_iter().for_each(free);
    look("when all is freed");
    global::trim();
    look("when all was given back");
    assert!(LOOKS.load(Ordering::Relaxed) >= LIVES * THREADS * (STEPS / LOOK) * 2);
}
