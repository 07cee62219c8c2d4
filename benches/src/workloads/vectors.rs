//! Vectors that grow by doubling: what `realloc` is for.

use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

/// Many that grow side by side, and one that grows large.
pub const ALL: &[Workload] = &[
    Workload {
        name: "growing-vectors",
        level: Level::Kind,
        about: "64 vectors pushed to in turn at random, up to 512 KiB each, then dropped",
        threads: &[1, 2, 8],
        size: Size::Quick,
        run: side_by_side,
    },
    Workload {
        name: "growing-large",
        level: Level::Kind,
        about: "one vector a thread pushed to 64 MiB",
        threads: &[1, 2],
        size: Size::Quick,
        run: one_large,
    },
];

fn side_by_side(plan: &Plan) -> Outcome {
    const VECTORS: usize = 64;
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut vectors: Vec<Vec<u64>> = (0..VECTORS).map(|_| Vec::new()).collect();
        let mut outcome = Outcome::default();
        for _ in 0..plan.share(1_500_000) {
            let vector = &mut vectors[rng.usize(..VECTORS)];
            vector.extend([rng.u64(..); 16]);
            if vector.len() >= 1 << 16 {
                outcome += sum(&std::mem::take(vector));
            }
        }
        outcome + vectors.iter().map(|vector| sum(vector)).sum()
    })
}

fn one_large(plan: &Plan) -> Outcome {
    const LENGTH: u64 = 8 << 20;
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut outcome = Outcome::default();
        for _ in 0..plan.share(6) {
            let mut vector = Vec::new();
            let seed = rng.u64(..);
            // Not `extend`, which would reserve the whole length at once.
            for value in 0..LENGTH * plan.scale.min(100) as u64 / 100 {
                vector.push(value ^ seed);
            }
            outcome += sum(&vector);
        }
        outcome
    })
}

fn sum(vector: &[u64]) -> Outcome {
    Outcome {
        ops: vector.len() as u64,
        checksum: vector.iter().fold(0, |sum, value| sum.wrapping_add(*value)),
    }
}
