//! The limit on the process's memory.

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/level.rs"]
mod level;

use std::{
    alloc::Layout,
    path::PathBuf,
    sync::{
        Barrier, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use alone::alone;
use level::SEAL;
use stratalloc_arena::{
    ArenaHeap, global,
    limit::{self, Exceeded, Refused},
};
use stratalloc_core::Allocator;

const MIB: usize = 1 << 20;

/// A limit that leaves so many bytes, for as long as this lives.
struct Limited {
    _alone: MutexGuard<'static, Option<PathBuf>>,
    limit: usize,
}

impl Limited {
    fn leaving(bytes: usize) -> Self {
        let alone = alone();
        global::trim();
        let limit = limit::held() + bytes;
        limit::set(Some(limit)).unwrap();
        Self { _alone: alone, limit }
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        limit::set(None).unwrap();
    }
}

/// Blocks that end with this.
#[derive(Default)]
struct Blocks(Vec<*mut u8>);

impl Blocks {
    /// As many as there are, written to.
    fn fill(size: usize) -> Self {
        let mut blocks = Self::default();
        while blocks.add(size) {}
        blocks
    }

    fn add(&mut self, size: usize) -> bool {
        let block = global::allocate(size, 8);
        if block.is_null() {
            return false;
        }
        // SAFETY: just allocated.
        unsafe { block.write_bytes(1, size) };
        self.0.push(block);
        true
    }

    fn bytes(&self, size: usize) -> usize {
        self.0.len() * size
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        for &block in &self.0 {
            // SAFETY: live; freed once.
            unsafe { global::deallocate(block) };
        }
    }
}

#[test]
fn each_size_has_all_that_the_limit_leaves_one_after_another() {
    let limited = Limited::leaving(64 * MIB);
    for size in [16, 1024, 16 << 10, 100_000, 3 * MIB, 48, 20 * MIB] {
        let blocks = Blocks::fill(size);
        let bytes = blocks.bytes(size);
        // Of the smallest blocks, seals take a part.
        let least = if size < 64 { 44 * MIB * size / (size + SEAL) } else { 44 * MIB };
        assert!(bytes > least && bytes <= 64 * MIB, "{size}: {bytes}");
        assert!(limit::held() <= limited.limit);
        let Err(Refused::Limit(exceeded)) = limit::allocate(64 * MIB, 8) else { panic!("{size}") };
        assert_eq!((exceeded.wanted, exceeded.limit), (64 * MIB, limited.limit));
    }
}

#[test]
fn nothing_passes_it() {
    let _limited = Limited::leaving(10 * MIB);
    let heap = ArenaHeap::new().unwrap();
    for size in [11 * MIB, 5 << 30] {
        assert!(global::allocate(size, 8).is_null(), "{size}");
        assert!(global::allocate_zeroed(size, 8).is_null(), "{size}");
        assert!(heap.allocate(Layout::from_size_align(size, 8).unwrap()).is_err(), "{size}");
    }
    let block = global::allocate(6 * MIB, 8);
    // SAFETY: live until the end.
    unsafe {
        assert!(global::reallocate(block, 50 * MIB, 8).is_null());
        let block = global::reallocate(block, 9 * MIB, 8);
        assert!(!block.is_null());
        while heap.allocate(Layout::new::<[u8; 4096]>()).is_ok() {}
        drop(heap);
        let block = global::reallocate(block, 7 * MIB, 8);
        global::deallocate(block);
    }
    assert!(Blocks::default().add(9 * MIB));
}

#[test]
fn threads_that_allocate_at_once_stay_below_it() {
    const THREADS: usize = 4;
    const LEFT: usize = 80 * MIB;

    let limited = Limited::leaving(LEFT);
    for size in [2000, 70_000, 9 * MIB] {
        // Never more than what is live; and the most there ever was of it.
        let (live, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let all_are_full = Barrier::new(THREADS);
        let fill = || {
            let mut blocks = Blocks::default();
            while blocks.add(size) {
                let live = live.fetch_add(size, Ordering::Relaxed) + size;
                most.fetch_max(live, Ordering::Relaxed);
            }
            blocks
        };
        let work = || {
            for _ in 0..3 {
                let blocks = fill();
                live.fetch_sub(blocks.bytes(size), Ordering::Relaxed);
            }
            let _blocks = fill();
            all_are_full.wait();
            // The sum of several figures: true while nobody changes one.
            let held = limit::held();
            all_are_full.wait();
            held
        };
        let held: Vec<usize> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(held.iter().all(|&held| held <= limited.limit), "{size}: {held:?}");
        let most = most.into_inner();
        assert!((LEFT / 4 * 3..=LEFT).contains(&most), "{size}: {most}");
    }
}

/// Every other block is freed: no page can go back, and each serves its own size again.
#[test]
fn blocks_freed_in_pieces_serve_again() {
    let _limited = Limited::leaving(8 * MIB);
    let mut blocks = Blocks::fill(64);
    let mut freed = 0;
    blocks.0.retain(|&block| {
        freed += 1;
        if freed % 2 == 0 {
            // SAFETY: live, and forgotten by `blocks`.
            unsafe { global::deallocate(block) };
        }
        freed % 2 == 1
    });
    let again = Blocks::fill(64);
    assert!(again.0.len() > freed / 2 / 10 * 9, "{} of {}", again.0.len(), freed / 2);
}

/// The limit has room for one huge block, again and again.
#[test]
fn a_huge_block_counts_while_it_lives() {
    const HUGE: usize = 5 << 30;

    let _limited = Limited::leaving(HUGE / 4 * 7);
    for _ in 0..2 {
        let block = global::allocate(HUGE, 8);
        assert!(!block.is_null() && limit::held() >= HUGE);
        assert!(global::allocate(HUGE, 8).is_null());
        // SAFETY: just allocated.
        unsafe { global::deallocate(block) };
        assert!(limit::held() < HUGE);
    }
}

#[test]
fn a_limit_below_what_is_held_is_refused() {
    let limited = Limited::leaving(64 * MIB);
    let mut blocks = Blocks::default();
    assert!(blocks.add(32 * MIB));
    let Err(Exceeded { wanted: 0, held, limit: MIB }) = limit::set(Some(MIB)) else { panic!() };
    assert!(held >= 32 * MIB);
    assert_eq!(limit::get(), Some(limited.limit));
    assert!(blocks.add(16 * MIB));
}

#[test]
fn the_hook_makes_room() {
    static RESERVE: AtomicUsize = AtomicUsize::new(0);
    static CALLS: AtomicUsize = AtomicUsize::new(0);

    fn free_the_reserve(wanted: usize) -> bool {
        CALLS.fetch_add(1, Ordering::Relaxed);
        assert!(wanted > 0);
        // A request of its own, beyond the limit, doesn't ask again.
        assert!(global::allocate(1 << 30, 8).is_null());
        let reserve = std::ptr::with_exposed_provenance_mut(RESERVE.swap(0, Ordering::Relaxed));
        // SAFETY: null, or live and freed once.
        unsafe { global::deallocate(reserve) };
        !reserve.is_null()
    }

    let _limited = Limited::leaving(32 * MIB);
    RESERVE.store(global::allocate(20 * MIB, 8).expose_provenance(), Ordering::Relaxed);
    limit::set_hook(Some(free_the_reserve));
    let mut blocks = Blocks::default();
    assert!(blocks.add(8 * MIB));
    assert_eq!(CALLS.load(Ordering::Relaxed), 0);
    assert!(blocks.add(16 * MIB));
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
    assert!(!blocks.add(16 * MIB));
    assert_eq!(CALLS.load(Ordering::Relaxed), 2);
    limit::set_hook(None);
    assert!(!blocks.add(16 * MIB));
    assert_eq!(CALLS.load(Ordering::Relaxed), 2);
}
