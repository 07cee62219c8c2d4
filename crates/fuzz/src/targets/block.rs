//! The allocators of blocks of one size.

use stratalloc_block::{BlockAllocator, BlockLayout, Growth, SyncBlockAllocator};
use stratalloc_core::Stats as _;
use stratalloc_testkit::{Extensions, Faulty, Plan, System, Watched};

use crate::program::{requests, step};

/// A program on a local allocator or a shared one, over a base that knows what it gave. The first bytes say which,
/// and the blocks' size, alignment and growth.
pub(crate) fn run(data: &[u8]) {
    let Some((&[kind, size, align, growth], rest)) = data.split_first_chunk() else { return };
    let Ok(blocks) = BlockLayout::new(usize::from(size) * 8, 1 << (align % 9)) else { return };
    let growth = Growth::doubling(usize::from(growth % 16) + 1, usize::from(growth) + 16);
    let base = Faulty::new(System, Plan::Never);
    let extensions = Extensions::default().usable_size().resize_in_place().free_unsized();
    if kind % 2 == 0 {
        let pool = BlockAllocator::new_in(&base, blocks, growth);
        let mut watched = Watched::with_extensions(&pool, extensions.owns());
        for (count, request) in requests(rest).enumerate() {
            step(&mut watched, request, 3);
            assert!(count % 16 != 0 || pool.validate(), "after {count} requests");
            assert!(pool.stats().used >= watched.live().len() - empty(&watched));
        }
        watched.clear().unwrap();
        assert!(pool.validate());
        assert_eq!(pool.stats().used, 0, "all goes back");
    } else {
        let mut pool = SyncBlockAllocator::new_in(&base, blocks, growth);
        let extensions = Extensions::default().usable_size().resize_in_place().free_unsized();
        let mut watched = Watched::with_extensions(&pool, extensions.owns());
        for request in requests(rest) {
            step(&mut watched, request, 3);
        }
        watched.clear().unwrap();
        assert!(pool.validate());
        assert_eq!(pool.stats().used, 0, "all goes back");
    }
    base.assert_all_released();
}

/// Live blocks that take no memory.
fn empty<A: stratalloc_core::Allocator>(watched: &Watched<'_, A>) -> usize {
    watched.live().iter().filter(|block| block.layout().size() == 0).count()
}
