//! Models of the depot.

use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
};
use std::vec::Vec;
use stratalloc_core::sync::explore;

use super::*;

/// One chunk of so many blocks at most, and two stacks. Each batch is one block.
struct Model {
    depot: Depot<2, 1>,
    links: Vec<AtomicU32>,
    blocks: Vec<UnsafeCell<u32>>,
    live: AtomicUsize,
}

impl Links for Model {
    fn next(&self, of: Index) -> Index {
        Index::from_bits(self.links[of.position()].load(Relaxed))
    }

    fn set_next(&self, of: Index, next: Index) {
        self.links[of.position()].store(next.bits(), Relaxed);
    }
}

impl ChunkSource for Model {
    fn blocks_in(&self, _: usize) -> usize {
        self.blocks.len()
    }

    fn take_chunk(&self, _: usize) -> Option<NonNull<u8>> {
        self.live.fetch_add(1, Relaxed);
        Some(NonNull::dangling())
    }

    fn give_back(&self, _: usize, _: NonNull<u8>) {
        self.live.fetch_sub(1, Relaxed);
    }
}

/// The one block that was taken.
fn block_of(depot: &Depot<2, 1>, home: usize, taken: Taken) -> Index {
    match taken {
        Taken::Batch(block) => {
            depot.note_taken(home, 1);
            block
        }
        Taken::Fresh(claim) => claim.iter().next().unwrap(),
    }
}

impl Model {
    fn with(blocks: usize) -> Self {
        Self {
            depot: Depot::new(),
            links: (0..blocks).map(|_| AtomicU32::new(0)).collect(),
            blocks: (0..blocks).map(|_| UnsafeCell::new(0)).collect(),
            live: AtomicUsize::new(0),
        }
    }

    fn take(&self, home: usize) -> Option<Index> {
        let taken = self.depot.take(home, self, 1).or_else(|| self.depot.grow(home, self, 1))?;
        let block = block_of(&self.depot, home, taken);
        // SAFETY: loom checks that nobody else has the cell.
        self.blocks[block.position()].with_mut(|uses| unsafe { *uses += 1 });
        Some(block)
    }

    /// Takes a block that must be there, and puts it back.
    fn take_and_put(&self, home: usize) {
        let block = self.take(home).expect("there are two for two");
        self.depot.put(home, self, block, 1);
    }
}

#[test]
fn loom_fresh_freed_and_stolen_blocks_have_one_owner() {
    explore(
        170,
        || Model::with(2),
        [|model: &Model| model.take_and_put(0), |model: &Model| model.take_and_put(1)],
        |model, _| {
            assert!((1..=2).contains(&model.depot.count()), "what was used is counted");
            assert!(model.take(0).is_some(), "no block is lost");
            assert_eq!(model.live.load(Relaxed), 1);
        },
    );
}

#[test]
fn loom_a_freed_block_is_within_reach_of_the_other_thread() {
    let start = || {
        let model = Model::with(1);
        let only = model.take(0).unwrap();
        model.depot.put(0, &model, only, 1);
        model
    };
    explore(
        7,
        start,
        [|model: &Model| model.take(0).is_some(), |model: &Model| model.take(1).is_some()],
        |model, [mine, theirs]| {
            assert!(mine ^ theirs, "just one of both gets it");
            assert_eq!(model.depot.count(), 0);
        },
    );
}

/// Two chunks of one block each, whose links are reached as on real memory: by the chunk that is filed.
struct Filed {
    depot: Depot<1, 2>,
    links: [AtomicU32; 2],
    /// Orders nothing: it has loom try the other thread between a reader's look at the head and at a link.
    gate: AtomicU32,
}

impl Filed {
    /// With the first chunk opened, and its block in the stack.
    fn new() -> Self {
        let filed = Self {
            depot: Depot::new(),
            links: [AtomicU32::new(0), AtomicU32::new(0)],
            gate: AtomicU32::new(0),
        };
        let Some(Taken::Fresh(claim)) = filed.depot.grow(0, &filed, 1) else { unreachable!() };
        filed.depot.put(0, &filed, claim.iter().next().unwrap(), 1);
        filed
    }

    fn link(&self, of: Index) -> &AtomicU32 {
        let chunk = self.depot.frontier().chunk(of.chunk());
        assert!(chunk.is_some(), "the chunk of a block whose link is looked up is filed");
        &self.links[of.chunk()]
    }

    /// Takes the block that is there, and one of the second chunk, and puts both back, so that the link of
    /// the first leads to the second.
    fn open_the_second(&self) {
        let Some(Taken::Batch(first)) = self.depot.take(0, self, 1) else { return };
        let Some(Taken::Fresh(claim)) = self.depot.grow(0, self, 1) else { return };
        self.depot.put(0, self, claim.iter().next().unwrap(), 1);
        self.gate.store(1, Relaxed);
        self.depot.put(0, self, first, 1);
    }
}

impl Links for Filed {
    fn next(&self, of: Index) -> Index {
        self.gate.load(Relaxed);
        Index::from_bits(self.link(of).load(Relaxed))
    }

    fn set_next(&self, of: Index, next: Index) {
        self.link(of).store(next.bits(), Relaxed);
    }
}

impl ChunkSource for Filed {
    fn blocks_in(&self, _: usize) -> usize {
        1
    }

    fn take_chunk(&self, _: usize) -> Option<NonNull<u8>> {
        Some(NonNull::dangling())
    }

    fn give_back(&self, _: usize, _: NonNull<u8>) {}
}

/// One thread opens the second chunk, while the other pops by `pop`.
fn pops_beside_growth(least: usize, pop: fn(&Filed)) {
    explore(least, Filed::new, [Filed::open_the_second, pop], |_, _| {});
}

#[test]
fn loom_a_stale_link_is_never_followed() {
    pops_beside_growth(100, |filed| {
        filed.depot.take(0, filed, 1);
    });
}

#[test]
#[should_panic(expected = "the chunk of a block whose link is looked up is filed")]
fn loom_mutant_that_pops_two_by_links_follows_a_stale_one() {
    pops_beside_growth(0, |filed| {
        let first = filed.depot.shards[0].stack.top();
        let second = if first.is_block() { filed.next(first) } else { Index::NIL };
        if second.is_block() {
            filed.next(second);
        }
    });
}
