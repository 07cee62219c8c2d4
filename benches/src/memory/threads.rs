//! Many threads: what each costs while it lives, while it sleeps, and when it has ended.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;

use crate::block::{Block, skewed_size};
use crate::phases::Phases;
use crate::plan::{Outcome, Plan};
use crate::workload::{MemoryWorkload, Size};

const fn threads(
    name: &'static str,
    about: &'static str,
    run: fn(&mut Phases) -> u64,
) -> MemoryWorkload {
    MemoryWorkload { name, about, size: Size::Quick, run }
}

/// Threads that hold little, much, and every size; and a pool of them that ends.
pub const ALL: &[MemoryWorkload] = &[
    threads("threads-10", "1,000 threads with 10 blocks of 24 bytes to 4 KB each", |phases| {
        together(phases, 1_000, |rng| ((0..10).map(|_| random(rng, 24..4_000)).collect(), 0))
    }),
    threads("threads-sizes", "1,000 threads that used every size to 32 KB once", |phases| {
        together(phases, 1_000, |rng| {
            let sizes = (8..=32_000_usize).step_by(64);
            (Vec::new(), sum(sizes.map(|size| sums(&[random(rng, size..size + 1)]).0)))
        })
    }),
    threads("threads-3000", "512 threads with 3,000 small blocks each, freed twice", |phases| {
        together(phases, 512, |rng| (Vec::new(), sum((0..2).map(|_| fill_and_free(rng)))))
    }),
    threads(
        "threads-pool",
        "a pool of 200 threads ends after requests to 32 KB, then the first one works",
        pool,
    ),
];

/// Fills and frees 3,000 small blocks and a large one; the sum of their tags.
fn fill_and_free(rng: &mut Rng) -> u64 {
    let blocks: Vec<Held> = (0..3_000).map(|_| random(rng, 16..316)).collect();
    sums(&[random(rng, 200_000..200_001)]).0.wrapping_add(sums(&blocks).0)
}

/// A block and its size.
type Held = (Block, usize);

fn random(rng: &mut Rng, sizes: std::ops::Range<usize>) -> Held {
    let size = rng.usize(sizes);
    (Block::touched(size, rng.u64(..)), size)
}

fn sum(tags: impl Iterator<Item = u64>) -> u64 {
    tags.fold(0, u64::wrapping_add)
}

/// Sum over the tags, and bytes.
fn sums(blocks: &[Held]) -> (u64, usize) {
    blocks
        .iter()
        .fold((0, 0), |(tags, bytes), (block, size)| (block.tag().wrapping_add(tags), bytes + size))
}

/// `count` threads do `work` at once, and hold the blocks that it gives while all of them sleep; then all of them end.
/// It also gives the sum of the tags of those that it freed.
fn together(
    phases: &mut Phases,
    count: usize,
    work: impl Fn(&mut Rng) -> (Vec<Held>, u64) + Sync,
) -> u64 {
    let (plan, count) = (phases.plan, phases.plan.scaled(count));
    let (barrier, live) = (Barrier::new(count + 1), AtomicUsize::new(0));
    let thread = |index: usize| {
        let (held, freed) = work(&mut plan.rng(index));
        let (tags, bytes) = sums(&held);
        live.fetch_add(bytes, Ordering::Relaxed);
        // All have done their work; all may end.
        barrier.wait();
        barrier.wait();
        tags.wrapping_add(freed)
    };
    let tags = thread::scope(|scope| {
        let thread = &thread;
        let start = |index| {
            let small = thread::Builder::new().stack_size(64 << 10);
            small.spawn_scoped(scope, move || thread(index)).expect("threads can be started")
        };
        let running: Vec<_> = (0..count).map(start).collect();
        barrier.wait();
        let live = live.load(Ordering::Relaxed);
        phases.end("at work", live);
        phases.rest(live, 1, None);
        barrier.wait();
        sum(running.into_iter().map(|thread| thread.join().expect("a thread panicked")))
    });
    phases.end("ended", 0);
    phases.trim(0);
    tags.wrapping_add(count as u64)
}

fn pool(phases: &mut Phases) -> u64 {
    let plan = phases.plan;
    let outcome = {
        let plan = Plan { threads: plan.scaled(200), ..*plan };
        plan.on_threads(|index| {
            let mut rng = plan.rng(index);
            let request = |rng: &mut Rng| {
                let block = |_| {
                    let size = skewed_size(rng, 4..15);
                    random(rng, size..size + 1)
                };
                let blocks: Vec<Held> = (0..50).map(block).collect();
                Outcome::one(sums(&blocks).0)
            };
            (0..100).map(|_| request(&mut rng)).sum()
        })
    };
    phases.end("ended", 0);
    let mut rng = plan.rng(plan.threads);
    let mut checksum = outcome.checksum;
    for _ in 0..30 {
        let blocks: Vec<Held> =
            (0..3_000).map(|size| random(&mut rng, 10 * size + 1..10 * size + 2)).collect();
        checksum = checksum.wrapping_add(sums(&blocks).0);
    }
    phases.end("after more work", 0);
    phases.rest(0, 1, None);
    phases.trim(0);
    checksum
}
