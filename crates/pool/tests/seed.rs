//! The lines of seed 000, S0.1 to S0.11, each by its number.

mod common;

use std::{alloc::Layout, collections::HashSet, mem::MaybeUninit};

use common::{Memory, SEED_HEAP, fill, free, free_all, is_painted, paint};
use stratalloc_core::{Allocator, Owns, Stats};
use stratalloc_pool::{
    Bare, Checked, Config, ConfigError, FreeError, Full, Mode, Pool, Spilling, Split, Wide,
};

fn up_to(largest: usize) -> Vec<usize> {
    (1..=largest).collect()
}

fn error<M: Mode>(size: usize, config: &Config<'_>) -> Option<ConfigError> {
    let mut memory = Memory::new(size);
    Pool::<M>::new(memory.bytes(), config).err()
}

/// S0.1: heaps of many sizes hold all state, and every byte is accounted for.
#[test]
fn s0_1_every_byte_is_payload_or_overhead() {
    for size in [64, 100, 1000, 4096, 65_535, SEED_HEAP] {
        let mut memory = Memory::new(size);
        let pool: Pool = Pool::new(memory.bytes(), &Config::new(&[8])).unwrap();
        let stats = pool.stats();
        let blocks = fill(&pool, 8);
        assert_eq!(stats.payload, blocks.len() * 8);
        assert_eq!((stats.heap, stats.payload + stats.overhead), (size, size));
        assert_eq!(pool.stats().used, Some(stats.payload));
        // A record and the end, a bit a block, and what alignment and the last bits leave over.
        let floor = Pool::<Full>::STATE + 2 + blocks.len().div_ceil(8);
        assert!((floor..floor + 24).contains(&stats.overhead), "{size}: {}", stats.overhead);
    }
}

/// S0.1: all the state is in the heap: moved elsewhere in memory, the handle still knows all.
#[test]
fn s0_1_the_handle_holds_nothing_that_changes() {
    let mut memory = Memory::new(4096);
    let pool: Pool = Pool::new(memory.bytes(), &Config::new(&[8, 64])).unwrap();
    let first = pool.malloc(8).unwrap();
    let moved = Box::new(pool);
    assert_ne!(moved.malloc(8).unwrap(), first);
    assert_eq!(free(&moved, first), Ok(()));
    assert_eq!(moved.stats_of(0).unwrap().counters.unwrap().used, 1);
}

/// S0.2: each assumption broken has its error, with limit and value.
#[test]
fn s0_2_each_broken_assumption_has_its_error() {
    let equal = |sizes| error::<Full>(4096, &Config::new(sizes));
    assert_eq!(equal(&[]), Some(ConfigError::NoSizes));
    assert_eq!(equal(&[0, 8]), Some(ConfigError::ZeroSize { index: 0 }));
    assert_eq!(
        equal(&[8, 32, 16]),
        Some(ConfigError::Unsorted { index: 2, size: 16, previous: 32 })
    );
    assert_eq!(equal(&[8, 16, 16]), Some(ConfigError::Duplicate { index: 2, size: 16 }));
    assert_eq!(equal(&[8, 2048]), Some(ConfigError::TooLargeForShare { size: 2048, share: 2015 }));
    assert_eq!(
        equal(&[8, usize::MAX]),
        Some(ConfigError::TooLargeForShare { size: usize::MAX, share: 4096 })
    );
    let with = |config| error::<Full>(4096, &config);
    let config = Config::new(&[8, 16]);
    assert_eq!(with(config.align(24)), Some(ConfigError::BadAlignment { align: 24, limit: 4096 }));
    assert_eq!(with(config.align(0)), Some(ConfigError::BadAlignment { align: 0, limit: 4096 }));
    assert_eq!(
        with(config.split(Split::Weights(&[1]))),
        Some(ConfigError::WrongNumber { given: 1, sizes: 2 })
    );
    assert_eq!(
        with(config.split(Split::Weights(&[0, 0]))),
        Some(ConfigError::BadWeights { sum: 0 })
    );
    assert_eq!(
        with(config.split(Split::Weights(&[1, 0]))),
        Some(ConfigError::TooLargeForShare { size: 16, share: 0 })
    );
    assert_eq!(
        with(config.split(Split::Counts(&[1000, 1]))),
        Some(ConfigError::HeapTooSmall { size: 4096, needed: 8192 })
    );
    assert!(matches!(error::<Full>(0, &config), Some(ConfigError::TooLargeForShare { .. })));
    assert!(matches!(error::<Full>(36, &config), Some(ConfigError::HeapTooSmall { size: 36, .. })));
    assert_eq!(
        error::<Full>(65_537, &config),
        Some(ConfigError::HeapTooLarge { size: 65_537, limit: 65_536 })
    );
}

/// S0.2: an unaligned heap is refused, and what is refused isn't written to; a retry works.
#[test]
fn s0_2_a_failed_start_writes_nothing_and_can_be_retried() {
    let mut memory = Memory::new(4096);
    memory.bytes().fill(MaybeUninit::new(0x5a));
    let config = Config::new(&[8, 16]);
    let unaligned = Pool::<Full>::new(&mut memory.bytes()[4..], &config);
    assert_eq!(unaligned.err(), Some(ConfigError::HeapUnaligned { offset: 4, align: 8 }));
    assert!(Pool::<Full>::new(memory.bytes(), &Config::new(&[8, 8])).is_err());
    // SAFETY: all of it was just written.
    let untouched = memory.bytes().iter().all(|byte| unsafe { byte.assume_init() } == 0x5a);
    assert!(untouched);
    assert!(Pool::<Full>::new(memory.bytes(), &config).is_ok());
}

/// S0.2: packed blocks lie anywhere, but what the pool notes at the heap's start doesn't.
#[test]
fn s0_2_a_packed_heap_is_aligned_to_its_records() {
    fn starts<M: Mode>(at: usize) -> Option<ConfigError> {
        let mut memory = Memory::new(4096);
        Pool::<M>::new(&mut memory.bytes()[at..], &Config::new(&[8]).packed()).err()
    }
    assert_eq!(starts::<Full>(1), Some(ConfigError::HeapUnaligned { offset: 1, align: 2 }));
    assert_eq!(starts::<Wide<Bare>>(6), Some(ConfigError::HeapUnaligned { offset: 2, align: 4 }));
    assert_eq!((starts::<Full>(2), starts::<Wide<Bare>>(4)), (None, None));
}

/// S0.2: pools in several heaps don't know of each other.
#[test]
fn s0_2_several_pools_at_once() {
    let (mut one, mut two) = (Memory::new(4096), Memory::new(4096));
    let one: Pool = Pool::new(one.bytes(), &Config::new(&[32])).unwrap();
    let two: Pool = Pool::new(two.bytes(), &Config::new(&[32])).unwrap();
    let block = one.malloc(32).unwrap();
    assert_eq!(free(&two, block), Err(FreeError::Foreign));
    assert!(one.owns(block) && !two.owns(block));
    assert_eq!(free(&one, block), Ok(()));
}

/// S0.3: the four splits.
#[test]
fn s0_3_the_heap_is_split_as_asked() {
    let blocks = |split| {
        let mut memory = Memory::new(SEED_HEAP);
        let config = Config::new(&[16, 64, 256, 1024]).split(split);
        let pool: Pool = Pool::new(memory.bytes(), &config).unwrap();
        pool.iter_stats().map(|pool| pool.blocks).collect::<Vec<_>>()
    };
    // 16,351 bytes each; what the larger ones can't use goes down.
    assert_eq!(blocks(Split::Equal), [1015, 257, 67, 15]);
    assert_eq!(blocks(Split::Proportional), [49, 49, 48, 48]);
    assert_eq!(blocks(Split::Weights(&[1, 1, 1, 5])), [509, 129, 35, 39]);
    assert_eq!(blocks(Split::Counts(&[3, 2, 1, 7])), [3, 2, 1, 7]);
}

/// S0.4: every size finds the smallest block that holds it, by table or by bisection.
#[test]
fn s0_4_every_size_finds_its_pool() {
    let sizes = [8, 24, 40, 104, 512, 1000, 3000];
    let mut memory = Memory::new(SEED_HEAP);
    let pool: Pool = Pool::new(memory.bytes(), &Config::new(&sizes)).unwrap();
    for size in 1..=3000 {
        let block = pool.malloc(size).unwrap();
        let smallest = sizes.into_iter().find(|&block_size| block_size >= size);
        assert_eq!(pool.usable_size(block), smallest, "size {size}");
        assert_eq!(free(&pool, block), Ok(()));
    }
    assert_eq!(pool.malloc(3001), None);
}

/// S0.4: the caller's sizes are not touched: they are behind a shared reference in a constant.
#[test]
fn s0_4_unsorted_sizes_are_refused_not_sorted() {
    const SIZES: &[usize] = &[64, 8];
    assert!(matches!(
        error::<Full>(4096, &Config::new(SIZES)),
        Some(ConfigError::Unsorted { index: 1, .. })
    ));
}

/// S0.5: sizes that are equal once aligned share a pool.
#[test]
fn s0_5_sizes_equal_after_alignment_stay_usable() {
    let mut memory = Memory::new(SEED_HEAP);
    let pool: Pool = Pool::new(memory.bytes(), &Config::new(&up_to(8))).unwrap();
    assert_eq!(pool.pools(), 1);
    let mut live = HashSet::new();
    for size in (1..=8).cycle().take(pool.stats_of(0).unwrap().blocks) {
        assert!(live.insert(pool.malloc(size).unwrap()));
    }
    assert!((1..=8).all(|size| pool.malloc(size).is_none()));
}

/// S0.6: the largest single block, in each mode; one byte more is refused.
#[test]
fn s0_6_the_largest_block_is_exact() {
    fn largest<M: Mode>(config: fn(&[usize]) -> Config<'_>, stated: usize) {
        assert_eq!(error::<M>(SEED_HEAP, &config(&[stated])), None);
        assert!(matches!(
            error::<M>(SEED_HEAP, &config(&[stated + 1])),
            Some(ConfigError::TooLargeForShare { .. })
        ));
        let mut memory = Memory::new(SEED_HEAP);
        let pool = Pool::<M>::new(memory.bytes(), &config(&[stated])).ok().unwrap();
        let block = pool.malloc(stated).unwrap();
        paint(block, stated, 0xee);
        assert_eq!(pool.malloc(1), None);
        assert_eq!(free(&pool, block), Ok(()));
        assert_eq!(pool.malloc(1), Some(block));
    }
    largest::<Bare>(|sizes| Config::new(sizes), 65_520);
    largest::<Checked>(|sizes| Config::new(sizes), 65_520);
    largest::<Full>(|sizes| Config::new(sizes), 65_512);
    largest::<Bare>(|sizes| Config::new(sizes).packed(), 65_526);
    largest::<Checked>(|sizes| Config::new(sizes).packed(), 65_523);
    largest::<Full>(|sizes| Config::new(sizes).packed(), 65_517);
}

/// S0.7: 248 sizes are accepted, 249 refused; state is 16 bytes or less a pool.
#[test]
fn s0_7_at_most_248_sizes() {
    let state = [Pool::<Bare>::STATE, Pool::<Checked>::STATE, Pool::<Full>::STATE];
    assert_eq!(state, [8, 10, 16]);
    let sizes = up_to(249);
    assert_eq!(error::<Full>(SEED_HEAP, &Config::new(&sizes[..248])), None);
    assert_eq!(error::<Checked>(SEED_HEAP, &Config::new(&sizes[..248]).packed()), None);
    for config in [Config::new(&sizes), Config::new(&sizes).packed()] {
        assert_eq!(
            error::<Checked>(SEED_HEAP, &config),
            Some(ConfigError::TooManySizes { count: 249, limit: 248 })
        );
    }
}

/// S0.8: blocks are aligned to 8 by default, to what is asked, and packed to nothing.
#[test]
fn s0_8_blocks_are_aligned_as_asked() {
    for align in [1, 2, 4, 8, 16, 64, 512] {
        let mut memory = Memory::new(SEED_HEAP);
        let config = Config::new(&[1, 3, 20, 100, 1000]).align(align);
        let pool: Pool = Pool::new(memory.bytes(), &config).unwrap();
        for size in [1, 2, 3, 19, 20, 99, 100, 1000] {
            let blocks = fill(&pool, size);
            assert!(blocks.iter().all(|block| block.addr().get() % align == 0));
            free_all(&pool, blocks);
        }
        assert_eq!(pool.stats_of(0).unwrap().block_size, align);
    }
}

/// S0.8: blocks are aligned whatever the heap's size is.
#[test]
fn s0_8_a_heap_of_any_size_has_aligned_blocks() {
    for size in 4090..4106 {
        let mut memory = Memory::new(size);
        let pool: Pool = Pool::new(memory.bytes(), &Config::new(&[8, 40])).unwrap();
        for blocks in [fill(&pool, 8), fill(&pool, 40)] {
            assert!(blocks.iter().all(|block| block.addr().get() % 8 == 0), "{size}");
        }
    }
}

/// S0.8: a heap of one-byte blocks, linked through one byte each.
#[test]
fn s0_8_one_byte_blocks_hold_their_links() {
    fn all_of_a_heap<M: Mode>(at_least: usize) {
        let mut memory = Memory::new(SEED_HEAP);
        let pool = Pool::<M>::new(memory.bytes(), &Config::new(&[1]).packed()).ok().unwrap();
        let mut blocks = fill(&pool, 1);
        assert!(blocks.len() >= at_least, "{}", blocks.len());
        assert_eq!(blocks.iter().collect::<HashSet<_>>().len(), blocks.len());
        // Back in an order that leaves every row, and comes to it again.
        blocks.sort_by_key(|block| (block.addr().get() * 40_503) % 65_536);
        for (color, block) in blocks.iter().enumerate() {
            paint(*block, 1, color as u8);
        }
        for (color, &block) in blocks.iter().enumerate() {
            assert!(is_painted(block, 1, color as u8));
            free(&pool, block).unwrap();
        }
        pool.validate().unwrap();
        let again: HashSet<_> = fill(&pool, 1).into_iter().collect();
        assert_eq!(again, blocks.into_iter().collect());
        pool.validate().unwrap();
    }
    all_of_a_heap::<Bare>(64_760);
    all_of_a_heap::<Checked>(57_600);
    all_of_a_heap::<Full>(57_600);
}

/// S0.9: what a pool of large blocks leaves over becomes small blocks, and each is found again.
#[test]
fn s0_9_leftovers_serve_smaller_sizes() {
    let mut memory = Memory::new(4096);
    let pool: Pool = Pool::new(memory.bytes(), &Config::new(&[32, 1032])).unwrap();
    // Half of 4,096 holds one block of 1,032; the other 900 bytes are 28 more of 32.
    let blocks: Vec<_> = pool.iter_stats().map(|pool| pool.blocks).collect();
    assert_eq!(blocks, [93, 1]);
    for size in [32, 1032] {
        let live = fill(&pool, size);
        assert!(live.iter().all(|&block| pool.usable_size(block) == Some(size)));
        free_all(&pool, live);
    }
    // All in all, less than a smallest block is lost.
    assert!(pool.overhead() < 2 * 16 + 2 + 32 + 13 + 8 + 32);
}

/// S0.9, S0.10: without spilling a full pool fails, though larger blocks are free.
#[test]
fn s0_10_without_spilling_a_full_pool_fails() {
    let mut memory = Memory::new(4096);
    let pool: Pool = Pool::new(memory.bytes(), &Config::new(&[16, 64])).unwrap();
    let blocks = fill(&pool, 16);
    assert_eq!(blocks.len(), pool.stats_of(0).unwrap().blocks);
    let counters = pool.stats_of(0).unwrap().counters.unwrap();
    assert_eq!((counters.used, counters.peak, counters.failed), (blocks.len(), blocks.len(), 1));
    assert!(pool.malloc(17).is_some());
}

/// S0.10: with spilling, the next larger block that is free serves, and is found when it is freed.
#[test]
fn s0_10_spilling_takes_the_next_larger() {
    let mut memory = Memory::new(SEED_HEAP);
    let sizes: Vec<_> = (1..=24).map(|step| step * 40).collect();
    let pool: Pool<Spilling<Full>> = Pool::new(memory.bytes(), &Config::new(&sizes)).unwrap();
    let total: usize = pool.iter_stats().map(|pool| pool.blocks).sum();
    let blocks = fill(&pool, 1);
    assert_eq!(blocks.len(), total);
    let sizes_served: Vec<_> =
        blocks.iter().map(|&block| pool.usable_size(block).unwrap()).collect();
    assert!(sizes_served.is_sorted());
    let smallest = pool.stats_of(0).unwrap();
    assert_eq!(smallest.spilled, total - smallest.blocks);
    assert_eq!(smallest.counters.unwrap().failed, 1);
    pool.validate().unwrap();
    // One free block in the middle is the only one that can serve the small request.
    let middle = blocks[total / 2];
    free(&pool, middle).unwrap();
    assert_eq!(pool.malloc(1), Some(middle));
    let layout = Layout::from_size_align(1, 8).unwrap();
    // SAFETY: the block is live, and was allocated for one byte.
    blocks.iter().for_each(|&block| unsafe { pool.deallocate(block, layout) });
    assert_eq!(pool.stats().used, Some(0));
    pool.validate().unwrap();
}

/// S0.10: one-byte blocks spill as well, and are found again among the larger ones.
#[test]
fn s0_10_one_byte_blocks_spill() {
    let mut memory = Memory::new(1024);
    let config = Config::new(&[1, 3]).packed();
    let pool: Pool<Spilling<Full>> = Pool::new(memory.bytes(), &config).unwrap();
    let total: usize = pool.iter_stats().map(|pool| pool.blocks).sum();
    let blocks = fill(&pool, 1);
    assert_eq!((blocks.len(), pool.stats_of(0).unwrap().counters.unwrap().failed), (total, 1));
    free_all(&pool, blocks);
    pool.validate().unwrap();
    assert_eq!(pool.stats().used, Some(0));
}

/// S0.10: null for zero, for too large, and for sizes near the largest number.
#[test]
fn s0_10_sizes_that_no_pool_serves() {
    let mut memory = Memory::new(4096);
    let pool: Pool = Pool::new(memory.bytes(), &Config::new(&[16, 64])).unwrap();
    for size in [0, 65, 4096, usize::MAX - 7, usize::MAX - 6, usize::MAX] {
        assert_eq!(pool.malloc(size), None, "size {size}");
    }
}

/// S0.10: double, interior and foreign frees are found, and change nothing.
#[test]
fn s0_10_bad_frees_are_found_and_change_nothing() {
    let mut memory = Memory::new(4096);
    let pool: Pool = Pool::new(memory.bytes(), &Config::new(&[16, 24, 200])).unwrap();
    let blocks = [16, 24, 200].map(|size| pool.malloc(size).unwrap());
    for (block, size) in blocks.into_iter().zip([16, 24, 200]) {
        for offset in 1..size {
            // SAFETY: within the block.
            assert_eq!(free(&pool, unsafe { block.add(offset) }), Err(FreeError::Interior));
        }
    }
    let outside = std::ptr::NonNull::from(&0_u8);
    assert_eq!(free(&pool, outside), Err(FreeError::Foreign));
    // The end of the heap, and each byte of its state.
    for offset in (0..50).chain([4096]) {
        // SAFETY: within the heap, or one past its end.
        let state = unsafe { blocks[2].byte_sub(4096 - 200).byte_add(offset) };
        assert_eq!(free(&pool, state), Err(FreeError::Foreign), "offset {offset}");
    }
    free(&pool, blocks[1]).unwrap();
    assert_eq!(free(&pool, blocks[1]), Err(FreeError::NotInUse));
    // A block that was never handed out.
    // SAFETY: the block below the first one lies in the heap.
    assert_eq!(free(&pool, unsafe { blocks[0].byte_sub(16) }), Err(FreeError::NotInUse));
    pool.validate().unwrap();
    let two = [pool.malloc(24).unwrap(), pool.malloc(24).unwrap()];
    assert_ne!(two[0], two[1]);
}

/// Every address of a heap is freed; only the live blocks' are taken.
#[test]
fn s0_10_no_address_but_a_live_block_is_taken() {
    fn every_address<M: Mode>(config: &Config<'_>) {
        let mut memory = Memory::new(8192);
        // What stands where nobody had a block yet says nothing.
        memory.bytes().fill(MaybeUninit::new(0xff));
        let start = std::ptr::NonNull::from(memory.bytes()).cast::<u8>();
        let pool = Pool::<M>::new(memory.bytes(), config).ok().unwrap();
        let mut live = HashSet::new();
        for &size in config.sizes() {
            live.extend((0..3).filter_map(|_| pool.malloc(size)));
        }
        let count = live.len();
        assert!(count >= config.sizes().len());
        let mut taken = 0;
        for offset in 0..8192 + 64 {
            // SAFETY: it is only compared by the pool; wrapping it keeps it from being used.
            let address = std::ptr::NonNull::new(start.as_ptr().wrapping_add(offset)).unwrap();
            if free(&pool, address).is_ok() {
                assert!(live.remove(&address), "offset {offset}");
                assert_eq!(free(&pool, address), Err(FreeError::NotInUse), "offset {offset}");
                taken += 1;
            }
        }
        assert_eq!(taken, count);
        pool.validate().unwrap();
    }
    let sizes = [1, 2, 3, 7, 24, 100, 255, 256, 600];
    every_address::<Checked>(&Config::new(&sizes));
    every_address::<Full>(&Config::new(&sizes).packed());
    every_address::<Wide<Full>>(&Config::new(&sizes[2..]).packed());
    every_address::<Wide<Full>>(&Config::new(&sizes).align(16));
    every_address::<Spilling<Full>>(&Config::new(&sizes).align(4));
}

/// S0.11: extreme numbers overflow nowhere.
#[test]
fn s0_11_extreme_numbers_are_refused() {
    let most = [u32::MAX, u32::MAX];
    let config = Config::new(&[8, 16]);
    assert_eq!(
        error::<Full>(4096, &config.split(Split::Weights(&most))),
        Some(ConfigError::BadWeights { sum: 2 * u64::from(u32::MAX) })
    );
    assert!(matches!(
        error::<Full>(4096, &config.split(Split::Counts(&most))),
        Some(ConfigError::HeapTooSmall { .. })
    ));
    assert!(matches!(
        error::<Wide<Full>>(4096, &Config::new(&[usize::MAX - 6, usize::MAX])),
        Some(ConfigError::TooLargeForShare { .. })
    ));
    assert_eq!(
        error::<Full>(4096, &config.split(Split::Weights(&[1, u32::MAX / 2]))),
        Some(ConfigError::TooLargeForShare { size: 8, share: 0 })
    );
}

/// A heap of more than 64 KiB.
#[test]
fn a_wide_heap_serves_what_a_narrow_one_cannot() {
    let size = 3 << 20;
    let mut memory = Memory::new(size);
    let sizes = [1, 8, 100, 70_000, 500_000];
    let pool: Pool<Wide<Full>> = Pool::new(memory.bytes(), &Config::new(&sizes)).unwrap();
    for size in sizes {
        let blocks = fill(&pool, size);
        for &block in &blocks {
            paint(block, size, size as u8);
        }
        assert!(blocks.iter().all(|&block| is_painted(block, size, size as u8)));
        assert!(blocks.iter().all(|&block| free(&pool, block).is_ok()));
    }
    pool.validate().unwrap();
    assert!(pool.overhead() * 50 < size);
}

/// Statistics: the peak starts again from the blocks in use.
#[test]
fn the_peak_can_be_reset() {
    let mut memory = Memory::new(4096);
    let pool: Pool = Pool::new(memory.bytes(), &Config::new(&[16])).unwrap();
    let counters = || pool.stats_of(0).unwrap().counters.unwrap();
    let (one, two) = (pool.malloc(16).unwrap(), pool.malloc(16).unwrap());
    free(&pool, one).unwrap();
    assert_eq!((counters().used, counters().peak), (1, 2));
    pool.reset_peak();
    assert_eq!((counters().used, counters().peak), (1, 1));
    free(&pool, two).unwrap();
    assert_eq!((counters().used, counters().peak), (0, 1));
}
