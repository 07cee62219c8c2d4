//! Both block allocators, held to the contract.

use std::alloc::Layout;

use stratalloc_block::{BlockAllocator, BlockLayout, Growth, SyncBlockAllocator};
use stratalloc_core::Allocator;
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

/// Allocates 300 blocks, of which some may be refused, and gives them back.
fn fill<A: Allocator>(allocator: &A) {
    let mut watched = Watched::new(allocator);
    for _ in 0..300 {
        watched.allocate(Layout::new::<[u64; 6]>(), false).unwrap();
    }
    watched.verify().unwrap();
    watched.clear().unwrap();
}

#[test]
fn a_base_that_fails_at_any_call_loses_nothing() {
    let blocks = BlockLayout::of::<[u64; 6]>();
    let calls = each_failure(|| System, |base| fill(&BlockAllocator::new_in(base, blocks, GROWTH)));
    assert!(calls > 5);
    each_failure(|| System, |base| fill(&SyncBlockAllocator::new_in(base, blocks, GROWTH)));
}

#[test]
#[cfg(feature = "allocator-api2-02")]
fn a_box_of_the_ecosystem_lives_in_a_block() {
    use allocator_api2_02::boxed::Box;

    let base = Faulty::new(System, Plan::Never);
    {
        let pool = BlockAllocator::new_in(&base, BlockLayout::of::<[u64; 4]>(), GROWTH);
        let boxes: Vec<_> = (0..100).map(|number| Box::new_in([number; 4], &pool)).collect();
        assert!(boxes.iter().zip(0_u64..).all(|(boxed, number)| **boxed == [number; 4]));
        assert!(Box::try_new_in([0_u64; 5], &pool).is_err());
    }
    base.assert_all_released();
}
