//! A lock-free stack of blocks.
//!
//! Treiber's stack ("Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986) with a tag
//! against the ABA problem, and with pushes and pops of several blocks at once. The links lie apart
//! from the blocks: a thread that is about to fail may still read the link of a block that another
//! thread has popped and writes to. Apart, that is a stale number; inside the block, a data race.

use stratalloc_core::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire},
};

use super::index::Index;

/// Where the links of blocks are kept: an atomic word for each.
pub(super) trait Links {
    /// The link of a block that was in a stack at some time.
    fn next(&self, of: Index) -> Index;

    /// Sets the link of a block that the caller alone has.
    fn set_next(&self, of: Index, next: Index);
}

/// The top of a stack, and a tag that counts its changes.
///
/// # Invariants
///
/// - [S1: sole] A block that is reached from the top by links is in this stack alone, and nobody
///   uses it.
/// - [S2: still] While the head keeps its value, no link of a block in the stack changes: links are
///   set before a push, by the one who has the block, and nobody has it again before a pop. Both
///   change the tag.
///
/// `TAG_STEP` is 1. Zero takes the tag away, for the model that shows what the tag is for.
#[derive(Debug)]
pub(super) struct Stack<const TAG_STEP: u32 = 1> {
    /// The tag in the upper half, the top's index in the lower. All changes are compare-and-swaps,
    /// so each continues the release sequence of those before it: who acquires the head acquires
    /// from everyone whose blocks are in the stack.
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

    /// The top, for whoever walks the stack while nobody changes it.
    pub(super) fn top(&self) -> Index {
        Self::top_of(self.head.load(Acquire))
    }

    /// Pops as many blocks as there are, at most as many as `out` holds, into its front; returns
    /// their number. One compare-and-swap takes them all.
    #[inline]
    pub(super) fn pop(&self, links: &impl Links, out: &mut [Index]) -> usize {
        // Acquire: partner of the `AcqRel` in `push`; the links, and whatever the last users of the
        // blocks did with them, happened before.
        let mut head = self.head.load(Acquire);
        loop {
            let mut next = Self::top_of(head);
            let mut count = 0;
            while count < out.len() && next.is_block() {
                out[count] = next;
                count += 1;
                next = links.next(next);
            }
            if count == 0 {
                return 0;
            }
            // If the head is what it was, so are the links [S2], and `next` is under the last.
            // AcqRel: it passes on the releases of those before it to the next pop.
            match self.head.compare_exchange_weak(head, Self::after(head, next), AcqRel, Acquire) {
                Ok(_) => return count,
                Err(now) => head = now,
            }
        }
    }

    /// Pushes blocks that the caller alone has, the first of them on top.
    #[inline]
    pub(super) fn push(&self, links: &impl Links, blocks: &[Index]) {
        let (Some(&first), Some(&last)) = (blocks.first(), blocks.last()) else { return };
        for pair in blocks.windows(2) {
            links.set_next(pair[0], pair[1]);
        }
        let mut head = self.head.load(Acquire);
        loop {
            links.set_next(last, Self::top_of(head));
            // AcqRel: partner of the `Acquire` in `pop`.
            match self.head.compare_exchange_weak(head, Self::after(head, first), AcqRel, Acquire) {
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
    /// so many, and find the same block on top.
    #[inline]
    const fn after(head: u64, top: Index) -> u64 {
        let tag = ((head >> 32) as u32).wrapping_add(TAG_STEP);
        (tag as u64) << 32 | top.bits() as u64
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{
        cell::UnsafeCell,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering::Relaxed},
        },
        thread,
    };
    use std::vec::Vec;

    use super::*;

    /// A stack and its blocks. Each block's cell is written by whoever has it: loom fails the model
    /// when two do, or when the second doesn't happen after the first.
    struct Model<const TAG_STEP: u32> {
        stack: Stack<TAG_STEP>,
        links: Vec<AtomicU32>,
        blocks: Vec<UnsafeCell<u32>>,
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
        fn with(blocks: usize) -> Arc<Self> {
            let model = Self {
                stack: Stack::new(),
                links: (0..blocks).map(|_| AtomicU32::new(0)).collect(),
                blocks: (0..blocks).map(|_| UnsafeCell::new(0)).collect(),
            };
            let all: Vec<_> = (0..blocks).map(|at| Index::new(0, at)).collect();
            model.stack.push(&model, &all);
            Arc::new(model)
        }

        fn pop<const N: usize>(&self) -> Vec<Index> {
            let mut out = [Index::NIL; N];
            let count = self.stack.pop(self, &mut out);
            let blocks = out[..count].to_vec();
            for block in &blocks {
                self.use_block(*block);
            }
            blocks
        }

        fn push(&self, blocks: &[Index]) {
            for block in blocks {
                self.use_block(*block);
            }
            self.stack.push(self, blocks);
        }

        fn use_block(&self, block: Index) {
            // SAFETY: loom checks that nobody else has the cell.
            self.blocks[block.position()].with_mut(|uses| unsafe { *uses += 1 });
        }

        /// How many blocks are in the stack, when all threads are done; each at most once.
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
    fn aba<const TAG_STEP: u32>() {
        loom::model(|| {
            let model = Model::<TAG_STEP>::with(3);
            let other = {
                let model = Arc::clone(&model);
                thread::spawn(move || {
                    let (first, second) = (model.pop::<1>(), model.pop::<1>());
                    model.push(&first);
                    second.len()
                })
            };
            let mine = model.pop::<1>().len();
            let theirs = other.join().unwrap();
            assert_eq!(model.count() + mine + theirs, 3, "no block is lost or doubled");
        });
    }

    #[test]
    fn loom_no_aba_with_the_tag() {
        aba::<1>();
    }

    #[test]
    #[should_panic]
    fn loom_mutant_without_the_tag_has_the_aba() {
        aba::<0>();
    }

    #[test]
    fn loom_a_block_has_one_owner_at_a_time() {
        loom::model(|| {
            let model = Model::<1>::with(2);
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let model = Arc::clone(&model);
                    thread::spawn(move || {
                        let mine = model.pop::<1>();
                        assert_eq!(mine.len(), 1, "there is one for each");
                        model.push(&mine);
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(model.count(), 2);
        });
    }

    #[test]
    fn loom_batches_are_taken_and_given_whole() {
        loom::model(|| {
            let model = Model::<1>::with(3);
            let other = {
                let model = Arc::clone(&model);
                thread::spawn(move || {
                    let batch = model.pop::<2>();
                    model.push(&batch);
                })
            };
            let mine = model.pop::<2>();
            let kept = mine.len();
            other.join().unwrap();
            assert_eq!(model.count() + kept, 3);
        });
    }
}
