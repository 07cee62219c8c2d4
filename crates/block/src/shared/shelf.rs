//! Free blocks within easy reach: places that each hold a block or none.
//!
//! A stack must follow a link before it can swap its head, and find a block's index before that. A
//! place is swapped as it is, so one atomic operation is all that a pop or a push takes. There is no
//! ABA: no operation depends on what a place held before, only on whether it is empty.

use core::{
    cell::Cell,
    ptr::{self, NonNull},
};

use stratalloc_core::sync::atomic::{
    AtomicPtr, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// At most `N` free blocks, for whichever threads are at home here.
///
/// # Invariants
///
/// - [SHELF-1: sole] A block in a place is in no other, and nobody uses it.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shelf<const N: usize> {
    /// About where the blocks end: places below it tend to hold one, places from it on don't. It is a
    /// hint, which threads that meet here may leave wrong; each operation that finds it wrong moves
    /// it by one. Relaxed: nothing depends on it.
    height: AtomicUsize,
    /// Null where there is none.
    places: [AtomicPtr<u8>; N],
}

impl<const N: usize> Shelf<N> {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        let places = [const { AtomicPtr::new(ptr::null_mut()) }; N];
        Self { height: AtomicUsize::new(0), places }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        let places = core::array::from_fn(|_| AtomicPtr::new(ptr::null_mut()));
        Self { height: AtomicUsize::new(0), places }
    }

    /// Returns the block put here last, or none: then there may still be some.
    #[inline]
    pub(super) fn pop(&self) -> Option<NonNull<u8>> {
        let top = self.height.load(Relaxed).wrapping_sub(1);
        if top >= N {
            return None;
        }
        self.height.store(top, Relaxed);
        Self::take(&self.places[top])
    }

    /// Puts a block, which the caller alone has, into the first place that should be empty. Says
    /// whether it was; there may still be others.
    #[inline]
    pub(super) fn push(&self, block: NonNull<u8>) -> bool {
        let top = self.height.load(Relaxed);
        let Some(place) = self.places.get(top) else { return false };
        self.height.store(top + 1, Relaxed);
        Self::put(place, block)
    }

    /// Puts blocks, which the caller alone has, into the places that should be empty, the last of them on
    /// top; returns how many.
    pub(super) fn push_all(&self, blocks: &[Cell<NonNull<u8>>]) -> usize {
        let height = self.height.load(Relaxed).min(N);
        let places = self.places[height..].iter().zip(blocks);
        let pushed = places.take_while(|(place, block)| Self::put(place, block.get())).count();
        self.height.store(height + pushed, Relaxed);
        pushed
    }

    /// Takes the blocks that were put here last, into the end of `out`, the last one last; returns how many.
    pub(super) fn pop_all(&self, out: &[Cell<NonNull<u8>>]) -> usize {
        let height = self.height.load(Relaxed).min(N);
        let mut popped = 0;
        for (place, out) in self.places[..height].iter().rev().zip(out.iter().rev()) {
            let Some(block) = Self::take(place) else { break };
            out.set(block);
            popped += 1;
        }
        self.height.store(height - popped, Relaxed);
        popped
    }

    /// Any block, if there is one in a place while it is looked at.
    pub(super) fn find(&self) -> Option<NonNull<u8>> {
        self.places.iter().find_map(Self::take)
    }

    /// Returns what the places hold, for a look while nobody changes it.
    pub(super) fn iter(&self) -> impl Iterator<Item = NonNull<u8>> {
        self.places.iter().filter_map(|place| NonNull::new(place.load(Acquire)))
    }

    /// Says whether the place was empty.
    #[inline]
    fn put(place: &AtomicPtr<u8>, block: NonNull<u8>) -> bool {
        // Release: partner of the Acquire in `take`; what the block's user did with it happened
        // before. Relaxed where a block is found: nothing is read of it.
        place.compare_exchange(ptr::null_mut(), block.as_ptr(), Release, Relaxed).is_ok()
    }

    #[inline]
    fn take(place: &AtomicPtr<u8>) -> Option<NonNull<u8>> {
        // A look first, which leaves the cache line with those who use it. Relaxed: the swap decides.
        if place.load(Relaxed).is_null() {
            return None;
        }
        // Acquire: partner of the Release in `put`.
        NonNull::new(place.swap(ptr::null_mut(), Acquire))
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::cell::UnsafeCell;
    use stratalloc_core::sync::explore;

    use super::*;

    /// Two blocks, each a cell that is written by the thread that has it: loom fails the model when two do,
    /// or when the second doesn't happen after the first.
    struct Model {
        shelf: Shelf<2>,
        blocks: [UnsafeCell<u32>; 2],
    }

    // SAFETY: loom checks each access to the cells.
    unsafe impl Sync for Model {}

    impl Model {
        /// With so many of the blocks on the shelf.
        fn with(count: usize) -> Self {
            let blocks = [UnsafeCell::new(0), UnsafeCell::new(0)];
            let model = Self { shelf: Shelf::new(), blocks };
            for block in 0..count {
                assert!(model.shelf.push(Self::name(block)));
            }
            model
        }

        /// Blocks are named by small numbers; nobody follows them.
        fn name(block: usize) -> NonNull<u8> {
            NonNull::without_provenance(core::num::NonZero::new(block + 1).unwrap())
        }

        fn use_block(&self, block: NonNull<u8>) {
            // SAFETY: loom checks that nobody else has the cell.
            self.blocks[block.addr().get() - 1].with_mut(|uses| unsafe { *uses += 1 });
        }
    }

    #[test]
    fn loom_a_block_on_the_shelf_has_one_owner_at_a_time() {
        let work = |model: &Model| {
            let Some(block) = model.shelf.pop() else { return 0 };
            model.use_block(block);
            usize::from(!model.shelf.push(block))
        };
        explore(
            1,
            || Model::with(2),
            [work; 2],
            |model, kept| {
                let kept: usize = kept.iter().sum();
                assert_eq!(model.shelf.iter().count() + kept, 2, "no block is lost or doubled");
            },
        );
    }

    #[test]
    fn loom_blocks_that_move_together_have_one_owner_at_a_time() {
        let work = |model: &Model| {
            let blocks = [const { Cell::new(NonNull::dangling()) }; 2];
            let kept = &blocks[2 - model.shelf.pop_all(&blocks)..];
            kept.iter().for_each(|block| model.use_block(block.get()));
            kept.len() - model.shelf.push_all(kept)
        };
        explore(
            1,
            || Model::with(2),
            [work; 2],
            |model, kept| {
                let kept: usize = kept.iter().sum();
                assert_eq!(model.shelf.iter().count() + kept, 2, "no block is lost or doubled");
            },
        );
    }

    #[test]
    fn loom_whoever_looks_everywhere_finds_what_is_there() {
        let work = |model: &Model| {
            let found = model.shelf.find();
            found.inspect(|&block| model.use_block(block)).iter().count()
        };
        explore(
            1,
            || Model::with(1),
            [work; 2],
            |model, found| {
                let found: usize = found.iter().sum();
                assert_eq!((found, model.shelf.iter().count()), (1, 0), "just one of both gets it");
            },
        );
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_mutant_that_looks_and_then_empties_hands_out_a_block_twice() {
        let work = |model: &Model| {
            let place = &model.shelf.places[0];
            let block = NonNull::new(place.load(Acquire));
            place.store(ptr::null_mut(), Relaxed);
            block.inspect(|&block| model.use_block(block)).iter().count()
        };
        explore(0, || Model::with(1), [work; 2], |_, _| {});
    }
}
