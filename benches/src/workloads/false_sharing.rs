//! Small objects that are written to over and over: slow where two threads' objects share a cache line.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

/// The kinds of cache-scratch and cache-thrash.
pub const ALL: &[Workload] = &[
    Workload {
        name: "scratch",
        level: Level::Kind,
        about: "threads free an object that neighbours others', then write to their own (cache-scratch)",
        threads: &[2, 8],
        size: Size::Quick,
        run: scratch,
    },
    Workload {
        name: "thrash",
        level: Level::Kind,
        about: "threads allocate an object, write to it and free it (cache-thrash)",
        threads: &[2, 8],
        size: Size::Quick,
        run: |plan| plan.on_threads(|index| write(plan, index)),
    },
];

const WRITES: u64 = 1_000;

fn scratch(plan: &Plan) -> Outcome {
    // Neighbours in memory, allocated by one thread and freed by the others.
    let objects: Vec<_> =
        (0..plan.threads as u64).map(AtomicU64::new).map(Box::new).map(Some).collect();
    let objects = std::sync::Mutex::new(objects);
    plan.on_threads(|index| {
        let object = objects.lock().expect("no thread panicked")[index].take();
        let given = object.map_or(0, |object| object.load(Ordering::Relaxed));
        write(plan, index) + Outcome::one(given)
    })
}

/// Allocates an object, writes to it and frees it, many times.
fn write(plan: &Plan, index: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let mut rng = plan.rng(index);
    for _ in 0..plan.share(400_000) {
        let object = Box::new(AtomicU64::new(rng.u64(..)));
        for _ in 0..WRITES {
            // An atomic of no ordering is how safe code says that each write must reach memory.
            object.store(object.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
        outcome.count(object.load(Ordering::Relaxed));
    }
    outcome
}
