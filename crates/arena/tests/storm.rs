//! Threads that allocate, fork, end, and make arena heaps, while the limit is set, changed and taken away.
//!
//! Some seconds, or as many as `STORM_SECONDS` says. A child that hangs is ended by its alarm, and the whole by
//! one of its own.

#![cfg(not(loom))]

#[path = "common/children.rs"]
mod children;
#[path = "common/random.rs"]
mod random;
#[path = "common/threads.rs"]
mod threads;

use std::{
    alloc::Layout,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use children::{Outcome, fork_and_wait};
use random::Random;
use stratalloc_arena::{ArenaHeap, Census, global, limit};
use stratalloc_core::Allocator;
use threads::at_once;

const MIB: usize = 1 << 20;
/// Threads that allocate.
const THREADS: usize = 8;
/// Bytes that each of them holds at most.
const LIVE: usize = 4 * MIB;
/// What there may be besides: the stocks of all threads, what heaps are granted and don't hold, and what children
/// and arena heaps do.
const MARGIN: usize = 96 * MIB;
/// The limits that are set in turn, none of which stands against what the threads hold.
const LIMITS: [Option<usize>; 4] =
    [Some(256 * MIB), None, Some(THREADS * LIVE + MARGIN), Some(1 << 40)];

#[derive(Default)]
struct Storm {
    over: AtomicBool,
    rounds: [AtomicUsize; THREADS],
    settings: AtomicUsize,
    forks: AtomicUsize,
    refused: AtomicUsize,
    broken: AtomicUsize,
    most_beyond: AtomicUsize,
}

/// Mostly small.
fn size(random: &mut Random) -> usize {
    match random.below(100) {
        0 => 1 + random.below(MIB),
        1..5 => 1 + random.below(40_000),
        _ => 1 + random.below(600),
    }
}

/// Allocates up to [`LIVE`] bytes and frees all; returns how many requests were refused.
fn churn(random: &mut Random) -> usize {
    let (mut blocks, mut live, mut refused) = (Vec::new(), 0, 0);
    for _ in 0..400 {
        let size = size(random);
        live += size;
        if live > LIVE {
            break;
        }
        let block = global::allocate(size, 8);
        refused += usize::from(block.is_null());
        if !block.is_null() {
            // SAFETY: just allocated.
            unsafe { block.write(1) };
        }
        blocks.push(block);
    }
    for block in blocks {
        // SAFETY: null, or live and freed once.
        unsafe { global::deallocate(block) };
    }
    refused
}

/// A heap that is filled, reset and dropped; returns how many requests were refused.
fn use_a_heap(random: &mut Random) -> usize {
    let Ok(mut heap) = ArenaHeap::new() else { return 1 };
    let mut refused = 0;
    for _ in 0..2 {
        for _ in 0..50 {
            let layout = Layout::from_size_align(size(random) % 20_000 + 1, 8).unwrap();
            refused += usize::from(heap.allocate(layout).is_err());
        }
        heap.reset();
    }
    refused
}

/// What a child does: it has all that a process has.
fn live_on(seed: u64) -> bool {
    let mut random = Random(seed);
    let own = churn(&mut random) + use_a_heap(&mut random);
    let other: usize = at_once(1, || churn(&mut Random(seed + 1))).into_iter().sum();
    let figures = global::stats().areas > 0 && Census::take().totals.areas > 0;
    global::trim();
    figures && own + other == 0
}

impl Storm {
    fn work(&self, thread: usize) {
        let mut random = Random(thread as u64 + 1);
        while !self.over.load(Ordering::Relaxed) {
            let refused = match random.below(40) {
                0 => self.fork(random.0),
                1 => thread::spawn(|| churn(&mut Random(77))).join().unwrap(),
                2..5 => use_a_heap(&mut random),
                5 => {
                    // Beyond every limit, and all addresses.
                    assert!(global::allocate(1 << 48, 8).is_null());
                    0
                }
                _ => churn(&mut random),
            };
            self.refused.fetch_add(refused, Ordering::Relaxed);
            self.rounds[thread].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn fork(&self, seed: u64) -> usize {
        self.forks.fetch_add(1, Ordering::Relaxed);
        let outcome = fork_and_wait(120, || live_on(seed | 1));
        if outcome != Outcome::Right {
            eprintln!("a child: {outcome:?}");
            self.broken.fetch_add(1, Ordering::Relaxed);
        }
        0
    }

    /// Sets the limits in turn, and looks at what is held.
    fn turn_limits(&self) {
        for limit in LIMITS.into_iter().cycle() {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            limit::set(limit).unwrap();
            self.settings.fetch_add(1, Ordering::Relaxed);
            for _ in 0..50 {
                let beyond = limit::held().saturating_sub(limit.unwrap_or(usize::MAX));
                self.most_beyond.fetch_max(beyond, Ordering::Relaxed);
                thread::yield_now();
            }
        }
        limit::set(None).unwrap();
    }
}

#[test]
fn limits_come_and_go_among_threads_forks_and_heaps() {
    let seconds = std::env::var("STORM_SECONDS").map_or(4, |seconds| seconds.parse().unwrap());
    let storm = Storm::default();
    // SAFETY: no preconditions; it ends a test that hangs.
    unsafe { libc::alarm(seconds + 240) };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let storm = &storm;
            scope.spawn(move || storm.work(thread));
        }
        scope.spawn(|| storm.turn_limits());
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(seconds.into()) {
            thread::sleep(Duration::from_millis(100));
        }
        storm.over.store(true, Ordering::Relaxed);
    });
    // SAFETY: as above.
    unsafe { libc::alarm(0) };
    let Storm { rounds, settings, forks, refused, broken, most_beyond, .. } = storm;
    let rounds = rounds.map(AtomicUsize::into_inner);
    let [settings, forks, refused, broken, beyond] =
        [settings, forks, refused, broken, most_beyond].map(AtomicUsize::into_inner);
    println!("rounds {rounds:?}, limits set {settings}, forks {forks}");
    println!("refused {refused}, children broken {broken}, bytes beyond a limit {beyond}");
    assert!(rounds.iter().all(|&rounds| rounds > 0) && settings > 0);
    assert_eq!((refused, broken, beyond), (0, 0, 0));
}
