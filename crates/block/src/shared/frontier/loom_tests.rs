//! Chunks that are opened and claimed, in every order of the threads.

use loom::{
    cell::UnsafeCell,
    sync::atomic::{
        AtomicUsize,
        Ordering::{Relaxed, SeqCst},
    },
};
use std::vec::Vec;
use stratalloc_core::sync::explore;

use super::*;

/// Chunks of two blocks. `allowed` more calls succeed, `live` chunks are out.
struct Source {
    allowed: AtomicUsize,
    live: AtomicUsize,
}

impl ChunkSource for Source {
    fn blocks_in(&self, _: usize) -> usize {
        2
    }

    fn take_chunk(&self, _: usize) -> Option<NonNull<u8>> {
        let allowed = self.allowed.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        allowed.ok()?;
        self.live.fetch_add(1, SeqCst);
        Some(NonNull::dangling())
    }

    fn give_back(&self, _: usize, _: NonNull<u8>) {
        self.live.fetch_sub(1, SeqCst);
    }
}

struct Model {
    frontier: Frontier<2>,
    source: Source,
}

impl Model {
    /// Over a source that succeeds `allowed` times.
    fn over(allowed: usize) -> Self {
        Self {
            frontier: Frontier::new(),
            source: Source { allowed: AtomicUsize::new(allowed), live: AtomicUsize::new(0) },
        }
    }

    fn claim(&self, want: usize) -> Vec<Index> {
        let claim = self.frontier.claim(want, &self.source);
        let blocks: Vec<_> = claim.into_iter().flat_map(Claim::iter).collect();
        for block in &blocks {
            assert!(self.frontier.chunk(block.chunk()).is_some(), "[G2]");
        }
        blocks
    }
}

/// All that both threads claimed; no block twice.
fn together(claimed: [Vec<Index>; 2]) -> usize {
    let mut all = claimed.concat();
    all.sort();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "a block twice");
    all.len()
}

#[test]
fn loom_two_threads_grow_and_one_chunk_is_kept() {
    explore(
        850,
        || Model::over(2),
        [|model: &Model| model.claim(1); 2],
        |model, claimed| {
            assert_eq!(together(claimed), 2);
            assert_eq!(model.source.live.load(SeqCst), 1, "the loser's chunk went back");
        },
    );
}

#[test]
fn loom_growth_goes_on_from_chunk_to_chunk() {
    explore(
        1100,
        || Model::over(4),
        [|model: &Model| model.claim(2); 2],
        |model, claimed| {
            assert_eq!(together(claimed), 4);
            assert_eq!(model.source.live.load(SeqCst), 2);
        },
    );
}

/// Chunks of one block, whose memory the base writes to before it gives it, and its user reads.
struct Written {
    frontier: Frontier<1>,
    memory: [UnsafeCell<u32>; 2],
    taken: AtomicUsize,
}

// SAFETY: loom checks each access to the cells.
unsafe impl Sync for Written {}

impl ChunkSource for Written {
    fn blocks_in(&self, _: usize) -> usize {
        2
    }

    fn take_chunk(&self, _: usize) -> Option<NonNull<u8>> {
        // It gives each thread other memory, and hands nothing over from one to the other.
        let number = self.taken.fetch_add(1, Relaxed);
        // SAFETY: loom checks that nobody else has the cell.
        self.memory[number].with_mut(|memory| unsafe { *memory = 7 });
        Some(NonNull::without_provenance(core::num::NonZero::new(number + 1)?))
    }

    fn give_back(&self, _: usize, _: NonNull<u8>) {}
}

#[test]
fn loom_a_chunk_that_another_thread_filed_is_there_whole() {
    let work = |written: &Written| {
        let claim = written.frontier.claim(1, written)?;
        let chunk = written.frontier.chunk(claim.chunk)?;
        // SAFETY: loom checks that the base was done with it.
        let memory = &written.memory[chunk.addr().get() - 1];
        Some(memory.with(|memory| unsafe { *memory }))
    };
    explore(
        150,
        || Written {
            frontier: Frontier::new(),
            memory: [UnsafeCell::new(0), UnsafeCell::new(0)],
            taken: AtomicUsize::new(0),
        },
        [work; 2],
        |_, read| assert_eq!(read, [Some(7); 2]),
    );
}

#[test]
fn loom_a_base_that_fails_stops_nobody() {
    explore(
        1,
        || Model::over(0),
        [|model: &Model| model.claim(1); 2],
        |model, claimed| {
            assert_eq!((together(claimed), model.source.live.load(SeqCst)), (0, 0));
        },
    );
    explore(
        230,
        || Model::over(1),
        [|model: &Model| model.claim(1); 2],
        |model, claimed| {
            // A thread may find the base at its end before the other has filed its chunk.
            assert!((1..=2).contains(&together(claimed)));
            assert_eq!(model.source.live.load(SeqCst), 1);
        },
    );
}
