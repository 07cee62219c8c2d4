//! Bases that run their user's code, which uses the allocator that stands on them.

use std::{alloc::Layout, cell::Cell, ptr::NonNull};

use stratalloc_block::{BlockAllocator, BlockLayout, Blocks, Growth, SyncBlockAllocator};
use stratalloc_core::{AllocError, Allocator, Stats};
use stratalloc_testkit::{Faulty, Plan, System};

/// What a base calls before it serves.
type Hook<'a> = &'a dyn Fn();

/// A base with a hook, which it calls once for each time that one is set.
struct Hooked<'a> {
    base: &'a Faulty<System>,
    hook: Cell<Option<Hook<'a>>>,
}

// SAFETY: every call goes to the base, which keeps the contract.
unsafe impl Allocator for Hooked<'_> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if let Some(hook) = self.hook.take() {
            hook();
        }
        self.base.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.base.deallocate(block, layout) }
    }
}

const BLOCKS: BlockLayout = BlockLayout::of::<[u64; 8]>();

/// Chunks so small that a chunk taken for a larger one would be left at once.
const GROWTH: Growth = Growth::doubling(4, 64);

/// Takes 200 blocks, while the hook takes and frees some whenever the base is asked; each block that is
/// live holds its own number.
fn fill(blocks: &dyn Blocks, base: &Hooked<'_>, arm: &dyn Fn()) -> Vec<NonNull<u8>> {
    let all: Vec<_> = (0..200_u64)
        .map(|number| {
            arm();
            let block = blocks.alloc_block().unwrap();
            // SAFETY: the block is live, and has eight words.
            unsafe { block.cast::<[u64; 8]>().write([number; 8]) };
            block
        })
        .collect();
    base.hook.take();
    for (block, number) in all.iter().zip(0..) {
        // SAFETY: the block is live, and was written to.
        assert_eq!(unsafe { block.cast::<[u64; 8]>().read() }, [number; 8]);
    }
    all
}

/// What the hook does: takes so many blocks, fills them, and frees all but the first.
fn use_blocks(blocks: &dyn Blocks, count: usize, kept: &Cell<usize>) {
    let taken: Vec<_> = (0..count).map(|_| blocks.alloc_block().unwrap()).collect();
    for &block in &taken {
        // SAFETY: the block is live, and has eight words.
        unsafe { block.cast::<[u64; 8]>().write([u64::MAX; 8]) };
    }
    for &block in &taken[1..] {
        // SAFETY: live, and freed once.
        unsafe { blocks.free_block(block) };
    }
    kept.set(kept.get() + 1);
}

/// Runs [`fill`] over blocks of which `blocks` makes a user, with hooks that take 1, 3 and 20 blocks.
macro_rules! fills {
    ($new:ident, |$pool:ident| $blocks:expr) => {
        for count in [1, 3, 20] {
            let base = Faulty::new(System, Plan::Never);
            let $pool = $new::new_in(Hooked { base: &base, hook: Cell::new(None) }, BLOCKS, GROWTH);
            let kept = Cell::new(0);
            {
                let blocks = $blocks;
                let hook = || use_blocks(&blocks, count, &kept);
                // SAFETY: the hook is taken back at the end of `fill`, before what it borrows ends.
                let hook: Hook<'_> = unsafe { core::mem::transmute::<Hook<'_>, Hook<'_>>(&hook) };
                fill(&blocks, $pool.base(), &|| $pool.base().hook.set(Some(hook)));
            }
            assert!(kept.get() > 1, "the base called back");
            assert_eq!($pool.stats().used, 200 + kept.get(), "no block is lost");
            assert_eq!($pool.stats().chunks, base.live_count());
            let asked = $pool.stats().reserved_bytes;
            assert_eq!(base.live_bytes(), asked, "no chunk is taken for a larger one");
            drop($pool);
            base.assert_all_released();
        }
    };
}

#[test]
fn the_local_allocator_is_right_where_its_base_calls_it() {
    fills!(BlockAllocator, |pool| &pool);
}

#[test]
fn the_shared_allocator_is_right_where_its_base_calls_it() {
    fills!(SyncBlockAllocator, |pool| &pool);
}

#[test]
fn a_magazine_is_right_where_the_base_calls_it() {
    fills!(SyncBlockAllocator, |pool| pool.magazine_of::<4>());
}

#[test]
fn a_block_freed_while_the_base_fails_is_found() {
    let base = Faulty::new(System, Plan::From(1));
    let pool =
        SyncBlockAllocator::new_in(Hooked { base: &base, hook: Cell::new(None) }, BLOCKS, GROWTH);
    let all: Vec<_> = std::iter::from_fn(|| pool.alloc_block().ok()).collect();
    let last = all[all.len() - 1];
    // SAFETY: live, and freed once.
    let hook = || unsafe { pool.free_block(last) };
    // SAFETY: the base takes the hook away as it calls it, while what it borrows lives.
    let hook: Hook<'_> = unsafe { core::mem::transmute::<Hook<'_>, Hook<'_>>(&hook) };
    pool.base().hook.set(Some(hook));
    assert_eq!(pool.alloc_block(), Ok(last));
    assert_eq!(pool.alloc_block(), Err(AllocError));
}

/// The peak stays what was once used together.
#[test]
fn a_block_freed_while_a_chunk_comes_is_used_first() {
    let base = Faulty::new(System, Plan::Never);
    let pool =
        BlockAllocator::new_in(Hooked { base: &base, hook: Cell::new(None) }, BLOCKS, GROWTH);
    let all: Vec<_> = (0..4).map(|_| pool.alloc_block().unwrap()).collect();
    // SAFETY: live, and freed once.
    let hook = || unsafe { pool.free_block(all[1]) };
    // SAFETY: the base takes the hook away as it calls it, while what it borrows lives.
    let hook: Hook<'_> = unsafe { core::mem::transmute::<Hook<'_>, Hook<'_>>(&hook) };
    pool.base().hook.set(Some(hook));
    assert_eq!(pool.alloc_block(), Ok(all[1]));
    assert_eq!((pool.stats().peak, pool.stats().chunks), (4, 2));
}
