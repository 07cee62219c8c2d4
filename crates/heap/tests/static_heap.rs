//! A program of std whose every allocation comes from one static heap, from before `main` on.

use core::{
    hint,
    sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release},
};
use std::{collections::BTreeMap, thread};

use lock_api::{GuardNoSend, RawMutex};
use stratalloc_heap::{Allocator, Heap, StaticHeap};

/// A lock that doesn't allocate.
struct Yielding(AtomicBool);

// SAFETY: the thread that swaps the flag to true has the lock until it stores false.
unsafe impl RawMutex for Yielding {
    const INIT: Self = Self(AtomicBool::new(false));
    type GuardMarker = GuardNoSend;

    fn lock(&self) {
        while !self.try_lock() {
            thread::yield_now();
        }
    }

    fn try_lock(&self) -> bool {
        !self.0.swap(true, Acquire)
    }

    unsafe fn unlock(&self) {
        self.0.store(false, Release);
    }
}

#[global_allocator]
static HEAP: StaticHeap<Yielding, { 64 << 20 }> = StaticHeap::new();

/// Threads, growing vectors, aligned blocks, and figures that agree.
#[test]
fn a_program_runs_in_a_static_array() {
    let counters = (0..4).map(|n| thread::spawn(move || words(200 * (n + 1))));
    for (n, counter) in counters.collect::<Vec<_>>().into_iter().enumerate() {
        let words = counter.join().unwrap();
        assert_eq!(words.values().sum::<usize>(), 200 * (n + 1));
    }
    let heap = HEAP.lock();
    assert_eq!(heap.check(), Ok(()));
    let figures = heap.snapshot();
    assert!(figures.held <= 64 << 20 && figures.live_blocks > 0, "{figures:?}");
}

fn words(count: usize) -> BTreeMap<String, usize> {
    let mut words = BTreeMap::new();
    let mut buffer = Vec::new();
    for word in "one heap and one lock and many words".split(' ').cycle().take(count) {
        *words.entry(word.repeat(20)).or_insert(0) += 1;
        buffer.extend_from_slice(word.as_bytes());
    }
    hint::black_box(buffer);
    words
}

/// Another heap, which nothing claims before its first use, and which says no when it is full.
#[test]
fn a_heap_that_is_full_says_no() {
    static SMALL: StaticHeap<Yielding, 4096> = StaticHeap::new();
    static NONE: StaticHeap<Yielding, 16> = StaticHeap::new();
    let mut taken: Vec<&'static mut [u8]> = Vec::new();
    loop {
        let block = SMALL.lock().malloc(100);
        if block.is_null() {
            break;
        }
        // SAFETY: the block is live for ever, and has as many bytes.
        taken.push(unsafe { core::slice::from_raw_parts_mut(block, 100) });
        if let Some(last) = taken.last_mut() {
            last.fill(7);
        }
    }
    assert!((33..40).contains(&taken.len()), "{}", taken.len());
    assert_eq!(SMALL.lock().check(), Ok(()));
    assert!(NONE.lock().malloc(1).is_null());
}

/// By reference, it is a base as any other.
#[test]
fn a_heap_stands_on_a_static_one() {
    static BELOW: StaticHeap<Yielding, { 1 << 20 }> = StaticHeap::new();
    let layout = core::alloc::Layout::new::<[u64; 1000]>();
    let heap: Heap<&'static StaticHeap<Yielding, { 1 << 20 }>> = Heap::new(&BELOW);
    let block = heap.allocate(layout).unwrap();
    assert!(BELOW.lock().snapshot().live >= heap.snapshot().held);
    // SAFETY: allocated just so.
    unsafe { heap.deallocate(block.cast(), layout) };
    drop(heap);
    assert_eq!(BELOW.lock().snapshot().live, 0);
}
