//! Tests of the shared allocator on real memory, by the lines of the seed.

use std::{collections::BTreeSet, vec, vec::Vec};

use core::{
    mem::MaybeUninit,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use quickcheck::{TestResult, quickcheck};
use stratalloc_core::{AllocError, Owns, Stats};

use super::{
    stress::{ROUNDS, THREADS, Used, blocks, free_all},
    *,
};
use crate::{
    BlockError, Blocks, FreeError, Growth,
    test_base::{TestBase, in_threads},
};

#[test]
fn s2_1_a_buffer_serves_all_its_blocks_and_never_grows() {
    for start in 0..20 {
        let mut buffer = vec![MaybeUninit::uninit(); 20 + 10 * (24 + 4)];
        let range = buffer.as_ptr_range();
        let pool = SyncBlockAllocator::from_buffer(&mut buffer[start..], blocks(24)).unwrap();
        let live: BTreeSet<_> = core::iter::from_fn(|| pool.alloc_block().ok()).collect();
        assert_eq!(live.len(), pool.stats().capacity);
        assert!((9..=10).contains(&live.len()));
        for block in &live {
            assert!(range.contains(&block.as_ptr().cast_const().cast()));
            assert!(block.addr().get().is_multiple_of(8));
            // SAFETY: the block is live and as large.
            unsafe { block.write_bytes(0xff, 24) };
        }
        assert_eq!(pool.alloc_block(), Err(AllocError));
    }
    let small = &mut [MaybeUninit::uninit(); 27];
    let refused = SyncBlockAllocator::from_buffer(small, blocks(24)).err();
    assert_eq!(refused, Some(BlockError::BufferTooSmall { buffer: 27, block: 28 }));
}

#[test]
fn fresh_blocks_come_in_the_order_of_memory() {
    let base = TestBase::new();
    let pool = SyncBlockAllocator::new_in(&base, blocks(40), Growth::fixed(100));
    let direct: Vec<_> = (0..30).map(|_| pool.alloc_block().unwrap()).collect();
    assert!(direct.windows(2).all(|pair| pair[1].addr().get() - pair[0].addr().get() == 40));
    let magazine = pool.magazine_of::<16>();
    let cached: Vec<_> = (0..24).map(|_| magazine.alloc_block().unwrap()).collect();
    assert!(cached.windows(2).all(|pair| pair[1].addr().get() - pair[0].addr().get() == 40));
}

#[test]
fn s2_2_a_chunk_is_asked_for_when_all_are_used_up() {
    let base = TestBase::new();
    let pool = SyncBlockAllocator::new_in(&base, blocks(16), Growth::doubling(2, 8));
    assert_eq!(base.calls(), 0);
    for (count, calls) in [(2, 1), (6, 2), (14, 3), (22, 4), (23, 5)] {
        while pool.stats().used < count {
            pool.alloc_block().unwrap();
        }
        assert_eq!(base.calls(), calls);
    }
    assert!(pool.owns(pool.alloc_block().unwrap()) && !pool.owns(NonNull::from(&base).cast()));
}

#[test]
fn s2_2_what_lies_on_any_shelf_is_used_before_the_base_is_asked() {
    let base = TestBase::new();
    let mut pool = SyncBlockAllocator::new_in(&base, blocks(16), Growth::fixed(40));
    // The one chunk is there before the threads are: two that meet at the base would both ask.
    free_all(vec![Used::of(&pool, 9).unwrap()], &pool);
    in_threads(3, |thread| {
        let own: Vec<_> = (0..10).map(|_| Used::of(&pool, thread).unwrap()).collect();
        free_all(own, &pool);
    });
    let mut all: Vec<_> = (0..39).map(|_| Used::of(&pool, 9).unwrap()).collect();
    all.push(Used::of(&pool.magazine(), 9).unwrap());
    assert_eq!((base.calls(), pool.stats().used), (1, 40));
    free_all(all, &pool);
    assert!(pool.stats().used == 0 && pool.validate());
}

#[test]
fn the_table_of_chunks_has_an_end() {
    let base = TestBase::new();
    let pool = SyncBlockAllocator::new_in(&base, blocks(8), Growth::fixed(1));
    assert_eq!(core::iter::from_fn(|| pool.alloc_block().ok()).count(), index::MAX_CHUNKS);
}

#[test]
fn a_magazine_holds_no_more_than_it_says_and_gives_all_back() {
    let base = TestBase::new();
    let pool = SyncBlockAllocator::new_in(&base, blocks(16), Growth::fixed(64));
    let magazine = pool.magazine_of::<4>();
    let live: Vec<_> = (0..33).map(|_| magazine.alloc_block().unwrap()).collect();
    assert!(pool.stats().used - live.len() <= 4);
    for (freed, block) in live.into_iter().enumerate() {
        // SAFETY: live, and freed once.
        unsafe { magazine.free_block(block) };
        assert!(pool.stats().used - (32 - freed) <= 4);
    }
    magazine.drain();
    assert_eq!(pool.stats().used, 0);
    magazine.alloc_block().unwrap();
    drop(magazine);
    assert_eq!(pool.stats().used, 1, "what is live stays live");
}

#[test]
fn a_magazine_reports_an_empty_pool_and_serves_again_after_a_free() {
    let mut buffer = vec![MaybeUninit::uninit(); 5 * 20];
    let pool = SyncBlockAllocator::from_buffer(&mut buffer, blocks(16)).unwrap();
    let magazine = pool.magazine_of::<4>();
    let live: Vec<_> = core::iter::from_fn(|| magazine.alloc_block().ok()).collect();
    assert_eq!(live.len(), pool.stats().capacity);
    // SAFETY: live, and freed once.
    unsafe { pool.free_block(live[0]) };
    assert_eq!(magazine.alloc_block(), Ok(live[0]));
}

#[test]
fn a_magazine_leaves_what_it_cannot_hold() {
    let mut buffer = vec![MaybeUninit::uninit(); 100 * 20];
    let pool = SyncBlockAllocator::from_buffer(&mut buffer, blocks(16)).unwrap();
    let all: Vec<_> = core::iter::from_fn(|| Used::of(&pool, 9)).collect();
    let count = all.len();
    // Half a shelf at a time.
    free_all(all, &pool);
    let magazine = pool.magazine_of::<2>();
    assert_eq!(core::iter::from_fn(|| magazine.alloc_block().ok()).count(), count);
}

#[test]
fn bad_frees_are_named() {
    let base = TestBase::new();
    let pool = SyncBlockAllocator::new_in(&base, blocks(32), Growth::fixed(4));
    let (a, b) = (pool.alloc_block().unwrap(), pool.alloc_block().unwrap());
    // SAFETY: `a` is freed once for good; every other call names what isn't a live block.
    unsafe {
        assert_eq!(pool.try_free_block(NonNull::from(&base).cast()), Err(FreeError::Foreign));
        assert_eq!(pool.try_free_block(a.add(8)), Err(FreeError::Interior));
        assert_eq!(pool.try_free_block(b.add(32)), Err(FreeError::AlreadyFree), "never handed out");
        assert_eq!(pool.try_free_block(a), Ok(()));
        if crate::free_list::CHECKED {
            assert_eq!(pool.try_free_block(a), Err(FreeError::AlreadyFree));
            let magazine = pool.magazine();
            magazine.free_block(b);
            assert_eq!(pool.try_free_block(b), Err(FreeError::AlreadyFree), "in a magazine");
        }
    }
}

#[test]
fn threads_that_meet_at_the_base_keep_one_chunk() {
    for _ in 0..ROUNDS / 100 {
        let base = TestBase::new();
        let pool = SyncBlockAllocator::new_in(&base, blocks(16), Growth::fixed(THREADS));
        let served = AtomicUsize::new(0);
        in_threads(THREADS, |_| {
            served.fetch_add(usize::from(pool.alloc_block().is_ok()), SeqCst);
        });
        assert_eq!((served.load(SeqCst), base.live_chunks()), (THREADS, 1));
    }
}

quickcheck! {
    /// Any sequence of allocations and frees, directly and through a magazine, against a set of the
    /// live blocks.
    fn agrees_with_a_shadow(actions: Vec<(bool, bool, usize)>, size: u8) -> TestResult {
        let base = TestBase::new();
        let mut pool =
            SyncBlockAllocator::new_in(&base, blocks(size.into()), Growth::doubling(3, 20));
        let magazine = pool.magazine_of::<4>();
        let mut live = Vec::new();
        for (allocate, direct, index) in actions {
            if allocate || live.is_empty() {
                let used = if direct { Used::of(&pool, index) } else { Used::of(&magazine, index) };
                live.push(used.unwrap());
            } else if direct {
                live.swap_remove(index % live.len()).free(&pool);
            } else {
                live.swap_remove(index % live.len()).free(&magazine);
            }
        }
        drop(magazine);
        let used = pool.stats().used == live.len();
        free_all(live, &pool);
        TestResult::from_bool(used && pool.stats().used == 0 && pool.validate())
    }
}
