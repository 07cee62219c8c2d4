//! Whether the cost of one operation grows with the memory or the threads that are alive.

use std::sync::Barrier;
use std::thread;

use crate::block::{Block, skewed_size};
use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

const fn live(
    name: &'static str,
    about: &'static str,
    size: Size,
    run: fn(&Plan) -> Outcome,
) -> Workload {
    Workload { name, level: Level::Kind, about, threads: &[1], size, run }
}

/// Live memory of three amounts, freed by its own thread or another, and many threads alive.
pub const ALL: &[Workload] = &[
    live(
        "cliff-100m",
        "100 MiB of live 48-byte blocks freed in random order",
        Size::Quick,
        |plan| local(plan, 100 << 20),
    ),
    live("cliff-remote-100m", "the same, freed by another thread", Size::Quick, |plan| {
        remote(plan, 100 << 20)
    }),
    live(
        "cliff-512m",
        "512 MiB of live 48-byte blocks freed in random order",
        Size::Long,
        |plan| local(plan, 512 << 20),
    ),
    live("cliff-remote-512m", "the same, freed by another thread", Size::Long, |plan| {
        remote(plan, 512 << 20)
    }),
    live("cliff-8g", "8 GiB of live 48-byte blocks freed in random order", Size::Asked, |plan| {
        local(plan, 8 << 30)
    }),
    Workload {
        name: "alive-threads",
        level: Level::Kind,
        about: "one thread replaces blocks while the others sleep on a few of their own",
        threads: &[10, 100, 400],
        size: Size::Long,
        run: alive,
    },
];

/// The size of `Object`, in bytes.
const OBJECT: usize = 48;

type Object = Box<[u64; OBJECT / 8]>;

fn objects(plan: &Plan, bytes: usize) -> Vec<Object> {
    let mut rng = plan.rng(0);
    let mut objects: Vec<Object> =
        (0..plan.scaled(bytes / OBJECT)).map(|_| Box::new([rng.u64(..); _])).collect();
    rng.shuffle(&mut objects);
    objects
}

fn free(objects: Vec<Object>) -> Outcome {
    objects.into_iter().map(|object| Outcome::one(object[OBJECT / 8 - 1])).sum()
}

fn local(plan: &Plan, bytes: usize) -> Outcome {
    free(objects(plan, bytes))
}

fn remote(plan: &Plan, bytes: usize) -> Outcome {
    let objects = objects(plan, bytes);
    thread::spawn(|| free(objects)).join().expect("the freeing thread panicked")
}

fn alive(plan: &Plan) -> Outcome {
    let (ready, done) = (Barrier::new(plan.threads), Barrier::new(plan.threads));
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut blocks: Vec<Block> =
            (0..50).map(|_| Block::new(skewed_size(&mut rng, 3..10), rng.u64(..))).collect();
        ready.wait();
        if index == 0 {
            for _ in 0..plan.scaled(4_000_000) {
                blocks[rng.usize(..50)] = Block::new(skewed_size(&mut rng, 3..10), rng.u64(..));
            }
        }
        done.wait();
        blocks.iter().map(|block| Outcome::one(block.tag())).sum()
    })
}
