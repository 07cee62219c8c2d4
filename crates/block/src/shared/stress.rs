//! Stress on real memory, by the seed's last lines, and the ABA. Run under the sanitizers as well:
//! loom doesn't see these bytes.

use std::vec::Vec;

use core::{
    cell::{Cell, RefCell},
    ptr::NonNull,
};

use parking_lot::Mutex;
use stratalloc_core::Stats;

use super::{
    index::Index,
    stack::{Links, Stack},
    *,
};
use crate::{
    BlockLayout, Blocks, Growth,
    test_base::{TestBase, in_threads},
};

pub(super) const THREADS: usize = 4;
pub(super) const ROUNDS: usize = if cfg!(miri) { 20 } else { 4_000 };

pub(super) fn blocks(size: usize) -> BlockLayout {
    BlockLayout::new(size, 8).unwrap()
}

/// A block in use by a thread: it is filled with the thread's own number, and found so at the end.
pub(super) struct Used {
    block: NonNull<u8>,
    size: usize,
    fill: u8,
}

// SAFETY: a block belongs to the thread that has it.
unsafe impl Send for Used {}

impl Used {
    pub(super) fn of(pool: &impl Blocks, fill: usize) -> Option<Self> {
        let used = Self {
            block: pool.alloc_block().ok()?,
            size: pool.block_layout().size(),
            fill: fill as u8,
        };
        // SAFETY: the block is ours and as large.
        unsafe { used.block.write_bytes(used.fill, used.size) };
        Some(used)
    }

    pub(super) fn free(self, pool: &impl Blocks) {
        // SAFETY: the block was written whole.
        let bytes = unsafe { NonNull::slice_from_raw_parts(self.block, self.size).as_ref() };
        assert!(bytes.iter().all(|&byte| byte == self.fill), "two threads had the block");
        // SAFETY: the block is live, and ours to free.
        unsafe { pool.free_block(self.block) };
    }
}

pub(super) fn free_all(blocks: Vec<Used>, pool: &impl Blocks) {
    for used in blocks {
        used.free(pool);
    }
}

/// A cheap source of disorder: xorshift.
fn random(state: &mut usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Runs the same work in several threads, through magazines or directly, and checks that all blocks
/// come back.
fn stress(direct: bool, work: impl Fn(&dyn Blocks, usize) + Sync) {
    let base = TestBase::new();
    let mut pool = SyncBlockAllocator::new_in(&base, blocks(24), Growth::doubling(8, 1 << 20));
    in_threads(THREADS, |thread| {
        let number = thread + 1;
        if direct { work(&pool, number) } else { work(&pool.magazine_of::<8>(), number) }
    });
    assert_eq!(pool.stats().used, 0, "every block came back");
    assert!(pool.validate());
}

fn stress_both(work: impl Fn(&dyn Blocks, usize) + Sync) {
    stress(true, &work);
    stress(false, &work);
}

#[test]
fn s2_7_stress_one_node_over_and_over() {
    stress_both(|pool, number| {
        for _ in 0..ROUNDS {
            Used::of(&pool, number).unwrap().free(&pool);
        }
    });
}

#[test]
fn s2_7_stress_own_nodes_at_random() {
    stress_both(|pool, number| {
        let (mut own, mut state) = (Vec::new(), number);
        for _ in 0..ROUNDS {
            if random(&mut state).is_multiple_of(2) || own.is_empty() {
                own.push(Used::of(&pool, number).unwrap());
            } else {
                own.swap_remove(random(&mut state) % own.len()).free(&pool);
            }
        }
        free_all(own, &pool);
    });
}

#[test]
fn s2_7_stress_a_bucket_shared_by_all() {
    let bucket: Mutex<Vec<Used>> = Mutex::default();
    stress_both(|pool, number| {
        let mut state = number;
        for _ in 0..ROUNDS {
            let used = Used::of(&pool, number).unwrap();
            let other = {
                let mut bucket = bucket.lock();
                bucket.push(used);
                let at = random(&mut state) % bucket.len();
                bucket.swap_remove(at)
            };
            other.free(&pool);
        }
    });
}

#[test]
fn s2_7_stress_random_batches() {
    stress_both(|pool, number| {
        let mut state = number;
        for _ in 0..ROUNDS / 20 {
            let batch = random(&mut state) % 40;
            let own: Vec<_> = (0..batch).map(|_| Used::of(&pool, number).unwrap()).collect();
            free_all(own, &pool);
        }
    });
}

#[test]
fn s2_7_a_base_that_fails_under_contention_hangs_nobody_and_loses_nothing() {
    for allowed in 0..6 {
        let base = TestBase::allowing(allowed);
        let pool = SyncBlockAllocator::new_in(&base, blocks(24), Growth::fixed(4));
        in_threads(THREADS, |thread| {
            for _ in 0..ROUNDS / 100 {
                let own: Vec<_> = (0..7).map_while(|_| Used::of(&pool, thread)).collect();
                free_all(own, &pool);
            }
        });
        let stats = pool.stats();
        assert_eq!((stats.used, stats.chunks), (0, base.live_chunks()));
        base.allow(1);
        let all: Vec<_> = core::iter::from_fn(|| Used::of(&pool, 9)).collect();
        assert_eq!(all.len(), 4 * (stats.chunks + 1), "every block is still there");
        free_all(all, &pool);
    }
}

/// A stack whose every read of a link gives another thread its turn: the worst moment, on purpose.
struct Interrupted<const TAG_STEP: u32> {
    stack: Stack<TAG_STEP>,
    links: [Cell<Index>; 3],
    turn: RefCell<Option<fn(&Self)>>,
}

impl<const TAG_STEP: u32> Links for Interrupted<TAG_STEP> {
    fn next(&self, of: Index) -> Index {
        let next = self.links[of.position()].get();
        let turn = self.turn.take();
        if let Some(turn) = turn {
            turn(self);
        }
        next
    }

    fn set_next(&self, of: Index, next: Index) {
        self.links[of.position()].set(next);
    }
}

impl<const TAG_STEP: u32> Interrupted<TAG_STEP> {
    fn pop(&self) -> Option<Index> {
        self.stack.pop(self)
    }

    /// Pops A while another thread pops A, pops B and pushes A. Is B, which is the other's, handed
    /// out again?
    fn hands_b_out_twice() -> bool {
        let this = Self {
            stack: Stack::new(),
            links: [const { Cell::new(Index::NIL) }; 3],
            turn: RefCell::new(None),
        };
        let [a, b, c] = [0, 1, 2].map(|position| Index::new(0, position));
        for block in [c, b, a] {
            this.stack.push(&this, block);
        }
        this.turn.replace(Some(|this| {
            let (a, _b) = (this.pop().unwrap(), this.pop().unwrap());
            this.stack.push(this, a);
        }));
        assert_eq!(this.pop(), Some(a));
        core::iter::from_fn(|| this.pop()).any(|block| block == b)
    }
}

#[test]
fn s2_7_without_a_tag_a_block_is_handed_out_twice_and_with_it_never() {
    assert!(Interrupted::<0>::hands_b_out_twice(), "the naive version");
    assert!(!Interrupted::<1>::hands_b_out_twice(), "ours");
}
