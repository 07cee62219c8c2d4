//! Both block allocators, held to the contract.

#![cfg_attr(feature = "nightly", feature(allocator_api))]

use std::alloc::Layout;

use stratalloc_block::{BlockAllocator, BlockLayout, Growth, SyncBlockAllocator, TypedBlocks};
use stratalloc_core::{Allocator, Stats};
use stratalloc_testkit::{Faulty, Plan, Suite, System, Watched, each_failure};

const GROWTH: Growth = Growth::doubling(4, 64);

fn layouts() -> impl Iterator<Item = BlockLayout> {
    let all = [(8, 8), (100, 4), (256, 256)];
    all.into_iter().map(|(size, align)| BlockLayout::new(size, align).unwrap())
}

#[test]
fn the_local_allocator_conforms() {
    let base = Faulty::new(System, Plan::Never);
    for blocks in layouts() {
        Suite::new(|| BlockAllocator::new_in(&base, blocks, GROWTH))
            .max_size(blocks.size())
            .max_align(blocks.align())
            .programs(20)
            .owns()
            .usable_size()
            .resize_in_place()
            .free_unsized()
            .run();
    }
    base.assert_all_released();
}

#[test]
fn the_shared_allocator_conforms() {
    let base = Faulty::new(System, Plan::Never);
    for blocks in layouts() {
        Suite::new(|| SyncBlockAllocator::new_in(&base, blocks, GROWTH))
            .max_size(blocks.size())
            .max_align(blocks.align())
            .programs(20)
            .owns()
            .usable_size()
            .resize_in_place()
            .free_unsized()
            .threads()
            .run();
    }
    base.assert_all_released();
}

/// What the sweeps below allocate.
const BLOCKS: BlockLayout = BlockLayout::of::<[u64; 6]>();

/// Allocates 300 blocks, of which some may be refused, and gives them back.
fn fill<A: Allocator>(allocator: &A) {
    let mut watched = Watched::new(allocator);
    for _ in 0..300 {
        watched.allocate(Layout::new::<[u64; 6]>(), false).unwrap();
    }
    watched.verify().unwrap();
    watched.clear().unwrap();
}

/// Runs a scenario with each call of the base failing in turn, alone and with all after it. There
/// are growth steps enough to meet the cap.
fn sweep(scenario: impl Fn(&Faulty<System>)) {
    assert!(each_failure(|| System, scenario) > 5);
}

#[test]
fn a_base_that_fails_at_any_call_loses_nothing() {
    sweep(|base| {
        let pool = BlockAllocator::new_in(base, BLOCKS, GROWTH);
        fill(&pool);
        assert!(pool.validate());
        // What the base gave before it failed is still there.
        let stats = pool.stats();
        assert_eq!((stats.used, stats.free), (0, stats.peak));
        assert_eq!(stats.chunks, base.live_count());
        fill(&pool);
    });
}

#[test]
fn a_base_that_fails_at_any_call_loses_nothing_of_the_shared() {
    sweep(|base| {
        let mut pool = SyncBlockAllocator::new_in(base, BLOCKS, GROWTH);
        fill(&pool);
        fill(&pool.magazine());
        assert!(pool.validate());
        let stats = pool.stats();
        assert_eq!((stats.used, stats.free, stats.chunks), (0, stats.peak, base.live_count()));
    });
}

#[test]
fn a_base_that_fails_at_any_call_loses_nothing_between_threads() {
    // How often the base is asked depends on who meets whom, so the calls are counted out here.
    for plan in (0..12).flat_map(|call| [Plan::Once(call), Plan::From(call)]) {
        let base = Faulty::new(System, plan);
        let pool = SyncBlockAllocator::new_in(&base, BLOCKS, GROWTH);
        std::thread::scope(|scope| {
            let (direct, cached) = (&pool, pool.magazine());
            let threads = [scope.spawn(move || fill(direct)), scope.spawn(move || fill(&cached))];
            for thread in threads {
                thread.join().unwrap();
            }
        });
        assert_eq!((pool.stats().used, pool.stats().chunks), (0, base.live_count()));
        drop(pool);
        base.assert_all_released();
    }
}

#[test]
#[cfg(feature = "lock_api")]
fn a_base_that_fails_at_any_call_leaves_no_lock_behind() {
    sweep(|base| {
        let pool = BlockAllocator::new_in(base, BLOCKS, GROWTH);
        let pool = stratalloc_core::Locked::<parking_lot::RawMutex, _>::new(pool);
        fill(&pool);
        // A lock left behind would never be had again.
        assert!(pool.lock().validate());
    });
}

#[test]
fn a_base_that_fails_at_any_call_gives_values_back() {
    sweep(|base| {
        let pool = BlockAllocator::new_in(base, BLOCKS, GROWTH);
        let pool = TypedBlocks::over(pool).unwrap();
        let boxes: Vec<_> = (0..300_u64).map(|number| pool.alloc([number; 6])).collect();
        for (boxed, number) in boxes.iter().zip(0..) {
            let value = boxed.as_deref().unwrap_or_else(|refused| refused);
            assert_eq!(*value, [number; 6]);
        }
    });
}

/// Any kind of `Box` with an allocator lives in a block.
#[cfg(any(feature = "allocator-api2-02", feature = "nightly"))]
macro_rules! boxes_live_in_blocks {
    ($Box:ident) => {
        let base = Faulty::new(System, Plan::Never);
        {
            let pool = BlockAllocator::new_in(&base, BlockLayout::of::<[u64; 4]>(), GROWTH);
            let boxes: Vec<_> = (0..100).map(|number| $Box::new_in([number; 4], &pool)).collect();
            assert!(boxes.iter().zip(0_u64..).all(|(boxed, number)| **boxed == [number; 4]));
            assert!($Box::try_new_in([0_u64; 5], &pool).is_err());
        }
        base.assert_all_released();
    };
}

#[test]
#[cfg(feature = "allocator-api2-02")]
fn a_box_of_the_ecosystem_lives_in_a_block() {
    use allocator_api2_02::boxed::Box;

    boxes_live_in_blocks!(Box);
}

#[test]
#[cfg(feature = "nightly")]
fn std_boxes_live_in_blocks() {
    boxes_live_in_blocks!(Box);
}
