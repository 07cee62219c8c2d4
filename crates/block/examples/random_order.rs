//! Blocks freed in a random order among ten thousand: what a free list of any kind finds hardest.
//!
//! `cargo run --release -p stratalloc-block --features lock_api --example random_order` gives the time of a
//! pair; with a number of rounds, under `valgrind --tool=callgrind`, the instructions of two numbers differ by
//! those of the rounds.

use std::{env, hint::black_box, ptr::NonNull, time::Instant};

use stratalloc_block::{
    BlockAllocator, BlockLayout, Blocks, Growth, SyncBlockAllocator, System,
    stratalloc_core::Locked,
};

const LAYOUT: BlockLayout = BlockLayout::of::<[u64; 8]>();
const GROWTH: Growth = Growth::doubling(64, 100_000);

/// Blocks that are live.
const LIVE: usize = 10_000;

/// Blocks that are freed in a row, and then allocated again.
const ROW: usize = 1_000;

/// A cheap source of disorder: xorshift.
fn random(state: &mut usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Frees and allocates rows of blocks at random.
fn replace(blocks: &impl Blocks, rounds: usize) {
    let mut live: Vec<NonNull<u8>> =
        (0..LIVE).map(|_| blocks.alloc_block().expect("memory is left")).collect();
    let mut state = 12_345;
    for _ in 0..rounds {
        for at in 0..ROW {
            let other = at + random(&mut state) % (LIVE - at);
            live.swap(at, other);
        }
        for &block in &live[..ROW] {
            // SAFETY: the block is live, and replaced below.
            unsafe { black_box(blocks).free_block(block) };
        }
        for place in &mut live[..ROW] {
            *place = black_box(blocks).alloc_block().expect("memory is left");
            // SAFETY: the block is live, and as large.
            unsafe { place.cast::<u64>().write_volatile(7) };
        }
    }
}

fn main() {
    let chosen = env::args().nth(1);
    let rounds = env::args().nth(2).and_then(|rounds| rounds.parse().ok()).unwrap_or(10_000);
    let run = |name: &str, work: &dyn Fn()| {
        if chosen.as_deref().is_none_or(|chosen| chosen == name) {
            let start = Instant::now();
            work();
            let nanoseconds = start.elapsed().as_secs_f64() * 1e9 / (rounds * ROW) as f64;
            println!("{name:>8}: {nanoseconds:.1} ns a pair");
        }
    };
    let local = || BlockAllocator::new_in(System, LAYOUT, GROWTH);
    let shared = || SyncBlockAllocator::new_in(System, LAYOUT, GROWTH);
    run("local", &|| replace(&local(), rounds));
    run("locked", &|| replace(&Locked::<parking_lot::RawMutex, _>::new(local()), rounds));
    run("shared", &|| replace(&shared(), rounds));
    run("magazine", &|| replace(&shared().magazine(), rounds));
}
