//! What an operation costs however many blocks are live, and however many threads.
//!
//! - `no_cliffs blocks MIB [other]`: so many MiB of 48-byte blocks, allocated in a row, then freed in random
//!   order by the same thread, or by another.
//! - `no_cliffs threads COUNT`: so many threads alive, each with some blocks; ten of them, the first and the
//!   last among them, replace theirs at random, one after another: 20 million operations in all.
//!
//! Prints nanoseconds for an operation. For instructions, run it under `valgrind --tool=callgrind
//! --max-threads=20000 --toggle-collect='no_cliffs::measured*'`: the parts that are measured are functions
//! of that name. The blocks themselves are never touched.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Instant,
};

use stratalloc::arena::global;

const SIZE: usize = 48;
const OPERATIONS: usize = 20_000_000;
/// Blocks that each of many threads has.
const LIVE: usize = 100;
/// Threads that work, of those that are alive.
const WORKERS: usize = 10;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse().ok());
    match (arguments.get(1).map(String::as_str), number(2)) {
        (Some("blocks"), Some(mebibytes)) => blocks(mebibytes, arguments.len() > 3),
        (Some("threads"), Some(count)) => threads(count),
        _ => eprintln!("no_cliffs blocks MIB [other] | no_cliffs threads COUNT"),
    }
}

fn blocks(mebibytes: usize, by_another: bool) {
    let count = (mebibytes << 20) / SIZE;
    let mut blocks = vec![0; count];
    timed("allocate", count, || measured_allocations(&mut blocks));
    let mut random = Random(1);
    for index in (1..count).rev() {
        blocks.swap(index, random.below(index + 1));
    }
    if by_another {
        let free = move || timed("free elsewhere", count, || measured_frees(&blocks));
        thread::spawn(free).join().expect("it doesn't panic");
    } else {
        timed("free", count, || measured_frees(&blocks));
    }
}

fn threads(count: usize) {
    let ready = Arc::new(Barrier::new(count + 1));
    let turns: Vec<_> = (0..count).map(|_| Arc::new(Barrier::new(2))).collect();
    for turn in &turns {
        let (turn, ready) = (Arc::clone(turn), Arc::clone(&ready));
        let work = move || {
            let mut blocks = vec![0; LIVE];
            measured_allocations(&mut blocks);
            ready.wait();
            turn.wait();
            measured_replacements(&mut blocks, OPERATIONS / 2 / WORKERS);
            turn.wait();
        };
        thread::Builder::new().stack_size(64 << 10).spawn(work).expect("threads can be started");
    }
    ready.wait();
    timed("replace", OPERATIONS, || {
        for worker in 0..WORKERS {
            let turn = &turns[worker * (count - 1) / (WORKERS - 1)];
            turn.wait();
            turn.wait();
        }
    });
    // The others never had a turn.
    std::process::exit(0);
}

fn timed(what: &str, operations: usize, act: impl FnOnce()) {
    let start = Instant::now();
    act();
    let each = start.elapsed().as_nanos() as f64 / operations as f64;
    println!("{what}: {each:.1} ns each, {operations} operations");
}

/// Addresses, so that they can be sent.
#[inline(never)]
fn measured_allocations(blocks: &mut [usize]) {
    for block in blocks {
        *block = global::allocate(SIZE, 8).expose_provenance();
        assert_ne!(*block, 0, "memory is out");
    }
}

#[inline(never)]
fn measured_frees(blocks: &[usize]) {
    for &block in blocks {
        free(block);
    }
}

#[inline(never)]
fn measured_replacements(blocks: &mut [usize], count: usize) {
    let mut random = Random(1);
    for _ in 0..count {
        let block = &mut blocks[random.below(LIVE)];
        free(*block);
        *block = global::allocate(SIZE, 8).expose_provenance();
    }
}

fn free(block: usize) {
    // SAFETY: each block is live, and freed once.
    unsafe { global::deallocate(std::ptr::with_exposed_provenance_mut(block)) }
}

/// Marsaglia's xorshift: the same numbers on every machine.
struct Random(u64);

impl Random {
    /// Returns a number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
