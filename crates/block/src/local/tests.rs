//! Tests of the local allocator, by the lines of the seed.

use std::{collections::BTreeSet, vec, vec::Vec};

use quickcheck::{TestResult, quickcheck};

use super::*;
use crate::{FreeError, test_base::TestBase};

fn blocks(size: usize, align: usize) -> BlockLayout {
    BlockLayout::new(size, align).unwrap()
}

fn uninit(bytes: usize) -> Vec<MaybeUninit<u8>> {
    vec![MaybeUninit::uninit(); bytes]
}

/// Fills a block with its own address, so that an overlap shows.
fn fill(block: NonNull<u8>, size: usize) {
    // SAFETY: callers pass live blocks and their size.
    unsafe { block.write_bytes(block.addr().get().to_le_bytes()[1] ^ 0x5a, size) };
}

fn is_filled(block: NonNull<u8>, size: usize) -> bool {
    let byte = block.addr().get().to_le_bytes()[1] ^ 0x5a;
    // SAFETY: callers pass live blocks that they filled.
    (0..size).all(|at| unsafe { block.add(at).read() } == byte)
}

fn free_all<B: Blocks>(pool: &B, blocks: impl IntoIterator<Item = NonNull<u8>>) {
    for block in blocks {
        // SAFETY: callers pass blocks that they allocated here, once.
        unsafe { pool.free_block(block) };
    }
}

#[test]
fn s2_1_a_buffer_serves_all_its_blocks_and_never_grows() {
    let mut buffer = uninit(10 * 64 + 63);
    let range = buffer.as_ptr_range();
    let pool = BlockAllocator::from_buffer(&mut buffer, blocks(64, 64)).unwrap();
    let live: BTreeSet<_> = (0..10).map(|_| pool.alloc_block().unwrap()).collect();
    assert_eq!(live.len(), 10);
    for block in &live {
        assert!(range.contains(&block.as_ptr().cast_const().cast()));
        assert!(block.addr().get().is_multiple_of(64));
        fill(*block, 64);
    }
    assert_eq!(pool.alloc_block(), Err(AllocError));
    assert_eq!(pool.stats().used, 10, "the failed call changed nothing");
    assert!(live.iter().all(|&block| is_filled(block, 64)));
    free_all(&pool, live);
    assert_eq!(pool.stats().free, 10);
    assert!(pool.validate());
}

#[test]
fn s2_1_dropped_and_made_again_in_the_same_buffer() {
    let mut buffer = uninit(1024);
    for size in [8, 24, 512] {
        let pool = BlockAllocator::from_buffer(&mut buffer, blocks(size, 8)).unwrap();
        assert!(core::iter::from_fn(|| pool.alloc_block().ok()).count() >= 1016 / size);
    }
}

#[test]
fn s2_1_any_layout_that_fits_is_served_and_no_other() {
    let base = TestBase::new();
    let pool = BlockAllocator::new_in(&base, blocks(40, 8), Growth::fixed(4));
    for size in 0..=40 {
        for align in [1, 2, 4, 8] {
            let layout = Layout::from_size_align(size, align).unwrap();
            let block = pool.allocate(layout).unwrap();
            assert_eq!(block.len(), 40);
            // SAFETY: just allocated with this layout.
            unsafe { pool.deallocate(block.cast(), layout) };
        }
    }
    let too_large = Layout::from_size_align(41, 1).unwrap();
    let too_aligned = Layout::from_size_align(1, 16).unwrap();
    assert_eq!(pool.allocate(too_large), Err(AllocError));
    assert_eq!(pool.allocate(too_aligned), Err(AllocError));
    assert_eq!(pool.alloc_aligned(8, 3), Err(AllocError));
    assert_eq!(pool.alloc_aligned(usize::MAX, 8), Err(AllocError));
    let nothing = Layout::from_size_align(0, 4096).unwrap();
    let dangling = pool.allocate(nothing).unwrap();
    assert_eq!((dangling.len(), dangling.addr().get() % 4096), (0, 0));
    // SAFETY: just allocated with this layout.
    unsafe { pool.deallocate(dangling.cast(), nothing) };
    assert_eq!(pool.stats().used, 0);
}

#[test]
fn resizing_stays_in_place_or_fails_and_zeroes_what_is_new() {
    let base = TestBase::new();
    let pool = BlockAllocator::new_in(&base, blocks(64, 8), Growth::fixed(4));
    let (small, large) = (Layout::new::<u64>(), Layout::new::<[u64; 8]>());
    let block = pool.allocate(small).unwrap().cast::<u8>();
    // SAFETY: the block is live with the layout that each call is told, and holds what it reads.
    unsafe {
        block.write_bytes(0xff, 64);
        let grown = pool.grow_zeroed(block, small, large).unwrap();
        assert_eq!(grown.cast(), block);
        assert!((0..64).all(|at| block.add(at).read() == if at < 8 { 0xff } else { 0 }));
        assert_eq!(pool.grow(block, large, Layout::new::<[u64; 9]>()), Err(AllocError));
        assert_eq!(pool.shrink(block, large, small).unwrap().cast(), block);
        let aligned = Layout::from_size_align(0, 128).unwrap();
        assert_eq!(pool.shrink(block, small, aligned).unwrap().len(), 0);
        assert_eq!(pool.stats().used, 0, "shrunk to nothing at a foreign alignment");
    }
}

#[test]
fn s2_2_the_base_is_called_once_a_chunk_and_not_before_it_is_needed() {
    let base = TestBase::new();
    let pool = BlockAllocator::new_in(&base, blocks(32, 8), Growth::doubling(4, 16));
    assert_eq!(base.calls(), 0);
    let mut live = Vec::new();
    for (blocks, calls) in [(4, 1), (12, 2), (28, 3), (44, 4), (45, 5)] {
        live.extend((live.len()..blocks).map(|_| pool.alloc_block().unwrap()));
        assert_eq!(base.calls(), calls);
    }
    free_all(&pool, live.drain(..));
    live.extend((0..60).map(|_| pool.alloc_block().unwrap()));
    assert_eq!(base.calls(), 5, "freed blocks are reused before the base is asked");
    drop(pool);
    assert_eq!((base.calls(), base.live_chunks()), (5, 0), "each chunk came back once");
}

#[test]
#[cfg(not(asan))] // Which would report it: fresh blocks are poisoned.
fn s2_2_a_new_chunk_is_not_touched() {
    let mut buffer = vec![MaybeUninit::new(0xa5_u8); 6400];
    let pool = BlockAllocator::from_buffer(&mut buffer, blocks(64, 8)).unwrap();
    let first = pool.alloc_block().unwrap();
    // SAFETY: the buffer was initialised, and nobody has its other blocks.
    assert!((64..6300).all(|at| unsafe { first.add(at).read() } == 0xa5));
}

#[test]
fn s2_3_every_block_is_aligned_from_every_start() {
    for align in [1, 8, 16, 64, 256, 4096] {
        let mut buffer = uninit(5 * 4096);
        for start in 0..70 {
            let pool =
                BlockAllocator::from_buffer(&mut buffer[start..], blocks(100, align)).unwrap();
            while let Ok(block) = pool.alloc_block() {
                assert!(block.addr().get().is_multiple_of(align));
            }
        }
        let base = TestBase::new();
        let pool = BlockAllocator::new_in(&base, blocks(100, align), Growth::fixed(3));
        for _ in 0..64 {
            assert!(pool.alloc_block().unwrap().addr().get().is_multiple_of(align));
        }
    }
}

#[test]
fn s2_3_a_buffer_smaller_than_a_block_is_refused() {
    let mut buffer = uninit(64 + 63);
    let aligned = buffer.as_ptr().align_offset(64);
    let too_small = &mut buffer[aligned..aligned + 63];
    let refused = BlockAllocator::from_buffer(too_small, blocks(64, 64)).err();
    assert_eq!(refused, Some(BlockError::BufferTooSmall { buffer: 63, block: 64 }));
    let exact = &mut buffer[aligned..aligned + 64];
    assert_eq!(BlockAllocator::from_buffer(exact, blocks(64, 64)).unwrap().stats().capacity, 1);
    assert!(BlockAllocator::from_buffer(&mut [], blocks(1, 1)).is_err());
}

#[test]
fn s2_3_a_block_of_four_bytes_is_never_written_past_its_end() {
    let mut buffer = uninit(64);
    let aligned = buffer.as_ptr().align_offset(8);
    let (inside, outside) = buffer[aligned..].split_at_mut(16);
    outside.fill(MaybeUninit::new(7));
    let pool = BlockAllocator::from_buffer(inside, blocks(4, 4)).unwrap();
    let live: Vec<_> = core::iter::from_fn(|| pool.alloc_block().ok()).collect();
    assert_eq!(live.len(), 2, "a link's size each");
    free_all(&pool, live);
    drop(pool);
    // SAFETY: initialised above.
    assert!(outside.iter().all(|byte| unsafe { byte.assume_init() } == 7));
}

#[test]
fn s2_4_fragmentation_is_counted_and_fresh_blocks_come_in_order() {
    let base = TestBase::new();
    let pool = BlockAllocator::new_in(&base, blocks(20, 16), Growth::fixed(8));
    let live: Vec<_> = (0..8).map(|_| pool.alloc_block().unwrap()).collect();
    assert!(live.windows(2).all(|pair| pair[1].addr().get() - pair[0].addr().get() == 32));
    assert_eq!(pool.stats().padding_bytes(), 8 * 12);
    assert_eq!(pool.stats().overhead_bytes(), 0, "the first chunk is blocks alone");
    pool.alloc_block().unwrap();
    let stats = pool.stats();
    assert_eq!(stats.overhead_bytes(), size_of::<usize>(), "the second has one link");
    assert_eq!((stats.chunks, stats.capacity, stats.used, stats.fresh), (2, 16, 9, 7));
}

#[test]
fn s2_4_a_shuffled_list_is_put_in_order_again() {
    let base = TestBase::new();
    let pool = BlockAllocator::new_in(&base, blocks(16, 8), Growth::fixed(50));
    let mut live: Vec<_> = (0..100).map(|_| pool.alloc_block().unwrap()).collect();
    for step in 0..100 {
        live.swap(step, step * 7 % 100);
    }
    free_all(&pool, live.drain(..));
    pool.sort_free_list();
    assert!(pool.validate());
    live.extend((0..100).map(|_| pool.alloc_block().unwrap()));
    assert!(live.is_sorted());
    assert_eq!(live.iter().collect::<BTreeSet<_>>().len(), 100);
}

#[test]
fn s2_5_every_chunk_is_found_and_only_blocks_are_owned() {
    let base = TestBase::new();
    let pool = BlockAllocator::new_in(&base, blocks(24, 8), Growth::doubling(1, 8));
    let live: Vec<_> = (0..50).map(|_| pool.alloc_block().unwrap()).collect();
    for &block in &live {
        // SAFETY: within the block.
        assert!(pool.owns(block) && pool.owns(unsafe { block.add(23) }));
    }
    assert!(!pool.owns(NonNull::from(&base).cast()));
    assert_eq!(base.live_chunks(), pool.stats().chunks);
    assert!(pool.validate());
}

#[test]
fn s2_6_alloc_aligned_serves_what_a_block_has_and_no_more() {
    let base = TestBase::new();
    let pool = BlockAllocator::new_in(&base, blocks(48, 32), Growth::fixed(3));
    for align in [1, 2, 16, 32] {
        assert!(pool.alloc_aligned(64, align).unwrap().addr().get().is_multiple_of(32));
    }
    for (size, align) in [(1, 64), (65, 1), (8, 0), (8, 24), (usize::MAX, 32)] {
        assert_eq!(pool.alloc_aligned(size, align), Err(AllocError));
    }
    assert_eq!(pool.stats().used, 4, "what was refused took nothing");
}

#[test]
fn the_base_failing_at_every_call_loses_nothing() {
    for allowed in 0..12 {
        let base = TestBase::allowing(allowed);
        let pool = BlockAllocator::new_in(&base, blocks(16, 8), Growth::fixed(3));
        let mut live: Vec<_> = core::iter::from_fn(|| pool.alloc_block().ok()).collect();
        assert_eq!(live.len(), 3 * allowed);
        assert!(pool.alloc_block().is_err() && pool.validate());
        for &block in &live {
            fill(block, 16);
        }
        base.allow(1);
        live.push(pool.alloc_block().unwrap());
        assert_eq!(pool.stats().used, live.len());
        assert!(live[..3 * allowed].iter().all(|&block| is_filled(block, 16)));
        free_all(&pool, live);
        assert_eq!(pool.stats().used, 0);
    }
}

#[test]
fn a_chunk_too_large_to_exist_is_an_error() {
    let base = TestBase::new();
    for (size, count) in [(1 << 20, usize::MAX), (1 << 62, 2)] {
        let pool = BlockAllocator::new_in(&base, blocks(size, 8), Growth::fixed(count));
        assert_eq!(pool.alloc_block(), Err(AllocError));
        assert_eq!(base.calls(), 0);
    }
}

#[test]
fn bad_frees_are_named() {
    let base = TestBase::new();
    let pool = BlockAllocator::new_in(&base, blocks(32, 8), Growth::fixed(4));
    let (a, b) = (pool.alloc_block().unwrap(), pool.alloc_block().unwrap());
    // SAFETY: `a` is freed once for good; every other call names what isn't a live block.
    unsafe {
        assert_eq!(pool.try_free_block(NonNull::from(&base).cast()), Err(FreeError::Foreign));
        assert_eq!(pool.try_free_block(a.add(8)), Err(FreeError::Interior));
        assert_eq!(pool.try_free_block(b.add(32)), Err(FreeError::AlreadyFree), "never handed out");
        assert_eq!(pool.try_free_block(a), Ok(()));
        assert_eq!(pool.try_free_block(a), Err(FreeError::AlreadyFree));
        assert_eq!(pool.try_free_block(b), Ok(()));
        assert_eq!(pool.try_free_block(a), Err(FreeError::AlreadyFree), "deep in the list");
    }
    assert!(pool.validate());
    assert_eq!(pool.stats().free, 2);
}

#[test]
fn a_live_block_that_looks_free_is_still_live() {
    let base = TestBase::new();
    let pool = BlockAllocator::new_in(&base, blocks(8, 8), Growth::fixed(4));
    let (a, b) = (pool.alloc_block().unwrap(), pool.alloc_block().unwrap());
    // SAFETY: both are live, of a link's size, and freed once.
    unsafe {
        crate::free_list::Link::write(a, Some(b));
        assert_eq!(pool.try_free_block(a), Ok(()));
        crate::free_list::Link::write(b, None);
        assert_eq!(pool.try_free_block(b), Ok(()));
    }
}

/// A link to the chunk before stands behind the blocks of each but the first, and is none of them.
#[test]
fn only_a_chunk_that_follows_another_has_a_link() {
    let base = TestBase::new();
    let pool = BlockAllocator::new_in(&base, blocks(16, 8), Growth::fixed(4));
    let all: Vec<_> = (0..8).map(|_| pool.alloc_block().unwrap()).collect();
    assert_eq!(pool.stats().reserved_bytes, 2 * 4 * 16 + size_of::<usize>());
    assert!(pool.owns(all[7]));
    // SAFETY: the address behind the last block of the second chunk, in which its link stands.
    assert!(!pool.owns(unsafe { all[7].add(16) }));
}

/// Its first word is looked at when it comes back: it is written to also where nobody had the block before.
#[test]
#[cfg_attr(
    not(any(debug_assertions, feature = "checked")),
    ignore = "only checked builds look at what comes back"
)]
fn a_block_handed_out_looks_free_no_more() {
    let mut buffer = vec![MaybeUninit::new(0xa5_u8); 200];
    let pool = BlockAllocator::from_buffer(&mut buffer, blocks(16, 8)).unwrap();
    let first_word = |block: NonNull<u8>| {
        // SAFETY: the block is live, as large and as aligned; the buffer was written to.
        unsafe { block.cast::<usize>().read() }
    };
    let (a, b) = (pool.alloc_block().unwrap(), pool.alloc_block().unwrap());
    assert_eq!([first_word(a), first_word(b)], [0; 2], "fresh");
    free_all(&pool, [a, b]);
    assert_eq!(first_word(pool.alloc_block().unwrap()), 0, "reused");
}

#[test]
fn validate_sees_a_broken_link() {
    let base = TestBase::new();
    let pool = BlockAllocator::new_in(&base, blocks(16, 8), Growth::fixed(4));
    let (a, b) = (pool.alloc_block().unwrap(), pool.alloc_block().unwrap());
    free_all(&pool, [a, b]);
    for broken in [NonNull::from(&base).cast(), b] {
        crate::poison::unpoison(b, 16);
        // SAFETY: memory of ours; the list is never popped again.
        unsafe { crate::free_list::Link::write(b, Some(broken)) };
        assert!(!pool.validate(), "foreign, then a circle");
    }
}

quickcheck! {
    /// Any sequence of allocations and frees, against a set of the live blocks.
    fn agrees_with_a_shadow(actions: Vec<(bool, usize)>, size: u8, first: u8) -> TestResult {
        let base = TestBase::new();
        let size = usize::from(size);
        let growth = Growth::doubling(usize::from(first) % 9, 20);
        let pool = BlockAllocator::new_in(&base, blocks(size, 8), growth);
        let (mut live, mut peak) = (Vec::new(), 0);
        for (allocate, index) in actions {
            if allocate || live.is_empty() {
                let block = pool.alloc_block().unwrap();
                if live.contains(&block) {
                    return TestResult::error("a live block was handed out");
                }
                fill(block, size);
                live.push(block);
                peak = peak.max(live.len());
            } else {
                let block = live.swap_remove(index % live.len());
                if !is_filled(block, size) {
                    return TestResult::error("a live block was written to");
                }
                free_all(&pool, [block]);
            }
        }
        let stats = pool.stats();
        TestResult::from_bool(
            pool.validate()
                && stats.used == live.len()
                && stats.peak == peak
                && stats.capacity == stats.used + stats.free + stats.fresh,
        )
    }
}
