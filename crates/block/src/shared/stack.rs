//! A lock-free stack of batches of blocks.
//!
//! Treiber's stack ("Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986) with a tag
//! against the ABA problem. A batch is known by the first of its blocks, whose link leads to the batch
//! below. The links lie apart from the blocks: a thread that is about to fail may still read the link of a
//! block that another thread has popped and writes to. Apart, that is a stale number; inside the block, a
//! data race.

use stratalloc_core::sync::atomic::{
    AtomicU64, Ordering,
    Ordering::{Acquire, Relaxed, Release},
};

use super::index::Index;

/// Where the links of blocks are kept: an atomic word for each.
pub(super) trait Links {
    /// Returns the link of a block that was in a stack at some time.
    fn next(&self, of: Index) -> Index;

    /// Sets the link of a block that the caller alone has.
    fn set_next(&self, of: Index, next: Index);
}

/// The top of a stack, and a tag that counts its changes.
///
/// # Invariants
///
/// - [STACK-1: sole] A batch that is reached from the top by links is in this stack alone, and nobody
///   uses its blocks.
/// - [STACK-2: still] While the head keeps its value, no link of a batch in the stack changes: links are
///   set before a push, by the one who has the batch, and nobody has it again before a pop. Both
///   change the tag.
/// - [STACK-3: from the head] A link is looked up for a block that the head named, whose pusher's writes
///   happened before: the chunk that the block lies in is filed, as far as the reader can see. What the
///   link holds may be stale, and name a block of a chunk that the reader doesn't see yet; so it is never
///   followed, but becomes the head by a swap, which fails if it is stale.
///
/// `TAG_STEP` is 1. Zero takes the tag away, for the model that shows what the tag is for.
#[derive(Debug)]
pub(super) struct Stack<const TAG_STEP: u32 = 1> {
    /// The tag in the upper half, the top's index in the lower. All changes are compare-and-swaps,
    /// so each continues the release sequence of those before it: who acquires the head acquires
    /// from everyone whose batches are in the stack.
    head: AtomicU64,
}

impl<const TAG_STEP: u32> Stack<TAG_STEP> {
    const EMPTY: u64 = Index::NIL.bits() as u64;

    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self { head: AtomicU64::new(Self::EMPTY) }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self { head: AtomicU64::new(Self::EMPTY) }
    }

    /// Returns the top, for a walk of the stack while nobody changes it.
    pub(super) fn top(&self) -> Index {
        Self::top_of(self.head.load(Acquire))
    }

    /// Pops the batch that was pushed last.
    #[inline]
    pub(super) fn pop(&self, links: &impl Links) -> Option<Index> {
        self.pop_ordered(links, [Acquire; 2])
    }

    /// As [`pop`](Self::pop); the models' mutants look at the head by other orders, at first or after a
    /// failure.
    #[inline(always)]
    fn pop_ordered(&self, links: &impl Links, [first, again]: [Ordering; 2]) -> Option<Index> {
        // Acquire, here and on failure: partner of the Release in `push`; the link, and whatever the
        // last users of the blocks did with them, happened before [STACK-3].
        let mut head = self.head.load(first);
        loop {
            let top = Self::top_of(head);
            if !top.is_block() {
                return None;
            }
            let next = links.next(top);
            // If the head is what it was, so is the link [STACK-2]. Relaxed where it is: that was acquired.
            match self.head.compare_exchange_weak(head, Self::after(head, next), Relaxed, again) {
                Ok(_) => return Some(top),
                Err(now) => head = now,
            }
        }
    }

    /// Pushes a batch that the caller alone has.
    #[inline]
    pub(super) fn push(&self, links: &impl Links, batch: Index) {
        // Relaxed, here and on failure: nothing is read of what the head names.
        let mut head = self.head.load(Relaxed);
        loop {
            links.set_next(batch, Self::top_of(head));
            // Release: partner of the Acquire in `pop`.
            match self.head.compare_exchange_weak(head, Self::after(head, batch), Release, Relaxed)
            {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    #[inline]
    const fn top_of(head: u64) -> Index {
        Index::from_bits(head as u32)
    }

    /// The head that comes after `head` when `top` is the new top. The tag comes round after 2^32
    /// changes: a thread would have to stand still between load and swap for exactly a multiple of
    /// so many, and find the same batch on top.
    #[inline]
    const fn after(head: u64, top: Index) -> u64 {
        let tag = ((head >> 32) as u32).wrapping_add(TAG_STEP);
        (tag as u64) << 32 | top.bits() as u64
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{cell::UnsafeCell, sync::atomic::AtomicU32};
    use std::vec::Vec;
    use stratalloc_core::sync::explore;

    use super::*;

    /// A stack and its blocks, each a batch. Each block's cell is written by the thread that has it: loom fails
    /// the model when two do, or when the second doesn't happen after the first.
    struct Model<const TAG_STEP: u32> {
        stack: Stack<TAG_STEP>,
        links: Vec<AtomicU32>,
        blocks: Vec<UnsafeCell<u32>>,
        /// A mutant's orders, in place of those that ship.
        orders: Option<[Ordering; 2]>,
    }

    impl<const TAG_STEP: u32> Links for Model<TAG_STEP> {
        fn next(&self, of: Index) -> Index {
            Index::from_bits(self.links[of.position()].load(Relaxed))
        }

        fn set_next(&self, of: Index, next: Index) {
            self.links[of.position()].store(next.bits(), Relaxed);
        }
    }

    impl<const TAG_STEP: u32> Model<TAG_STEP> {
        /// With so many blocks in the stack, block 0 on top.
        fn with(blocks: usize, orders: Option<[Ordering; 2]>) -> Self {
            let model = Self {
                stack: Stack::new(),
                links: (0..blocks).map(|_| AtomicU32::new(0)).collect(),
                blocks: (0..blocks).map(|_| UnsafeCell::new(0)).collect(),
                orders,
            };
            (0..blocks).rev().for_each(|at| model.stack.push(&model, Index::new(0, at)));
            model
        }

        fn pop(&self) -> Option<Index> {
            let popped = match self.orders {
                Some(orders) => self.stack.pop_ordered(self, orders),
                None => self.stack.pop(self),
            };
            popped.inspect(|&block| self.use_block(block))
        }

        fn push(&self, block: Option<Index>) {
            let Some(block) = block else { return };
            self.use_block(block);
            self.stack.push(self, block);
        }

        fn use_block(&self, block: Index) {
            // SAFETY: loom checks that nobody else has the cell.
            self.blocks[block.position()].with_mut(|uses| unsafe { *uses += 1 });
        }

        /// Returns how many blocks are in the stack, when all threads are done; each at most once.
        fn count(&self) -> usize {
            let mut seen = std::vec![false; self.blocks.len()];
            let mut next = self.stack.top();
            while next.is_block() {
                assert!(!core::mem::replace(&mut seen[next.position()], true), "a circle");
                next = self.next(next);
            }
            seen.iter().filter(|&&seen| seen).count()
        }
    }

    /// One thread pops one block while the other pops two and pushes back the first: the ABA.
    fn aba<const TAG_STEP: u32>(least: usize) {
        explore(
            least,
            || Model::<TAG_STEP>::with(3, None),
            [
                |model: &Model<TAG_STEP>| model.pop().iter().count(),
                |model: &Model<TAG_STEP>| {
                    let (first, second) = (model.pop(), model.pop());
                    model.push(first);
                    second.iter().count()
                },
            ],
            |model, kept| {
                let kept: usize = kept.iter().sum();
                assert_eq!(model.count() + kept, 3, "no block is lost or doubled");
            },
        );
    }

    #[test]
    fn loom_no_aba_with_the_tag() {
        aba::<1>(39);
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_mutant_without_the_tag_has_the_aba() {
        aba::<0>(0);
    }

    /// Two threads that each pop a block, use it and push it back.
    fn owners(least: usize, start: fn() -> Model<1>) {
        let work = |model: &Model<1>| {
            let mine = model.pop();
            assert!(mine.is_some(), "there is one for each");
            model.push(mine);
        };
        explore(least, start, [work; 2], |model, _| assert_eq!(model.count(), 2));
    }

    #[test]
    fn loom_a_block_has_one_owner_at_a_time() {
        owners(480, || Model::with(2, None));
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_mutant_that_looks_relaxed_has_a_block_before_its_last_user_is_done() {
        owners(0, || Model::with(2, Some([Relaxed, Acquire])));
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_mutant_that_looks_again_relaxed_has_a_block_before_its_last_user_is_done() {
        owners(0, || Model::with(2, Some([Acquire, Relaxed])));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::sync::atomic::AtomicU32;
    use std::collections::BTreeSet;

    use super::*;

    struct OneLink(AtomicU32);

    impl Links for OneLink {
        fn next(&self, _: Index) -> Index {
            Index::from_bits(self.0.load(Relaxed))
        }

        fn set_next(&self, _: Index, next: Index) {
            self.0.store(next.bits(), Relaxed);
        }
    }

    /// A thread that stood still while others changed the stack, however often, finds another head.
    #[test]
    fn the_tag_comes_round_after_all_of_its_values() {
        let (stack, links) = (Stack::<1>::new(), OneLink(AtomicU32::new(0)));
        let block = Index::new(0, 5);
        let mut seen = BTreeSet::new();
        for _ in 0..100_000 {
            assert!(seen.insert(stack.head.load(Relaxed)), "empty again after {}", seen.len());
            stack.push(&links, block);
            assert!(seen.insert(stack.head.load(Relaxed)), "full again after {}", seen.len());
            assert_eq!(stack.pop(&links), Some(block));
        }
        assert_eq!(Stack::<1>::after(u64::MAX, block), u64::from(block.bits()), "of 32 bits");
    }
}
