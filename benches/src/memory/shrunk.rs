//! Vectors that give back what they have too much.

use crate::phases::Phases;
use crate::workload::{MemoryWorkload, Size};

/// One large vector step by step, and many small ones at once.
pub const ALL: &[MemoryWorkload] = &[
    MemoryWorkload {
        name: "shrunk-vector",
        about: "a vector of 512 MiB, truncated by sixteenths and shrunk to fit each time",
        size: Size::Quick,
        run: one,
    },
    MemoryWorkload {
        name: "shrunk-vectors",
        about: "vectors of 64 KiB to 1 MiB, 256 MiB in all, each shrunk to a tenth as soon as it is filled",
        size: Size::Quick,
        run: many,
    },
];

fn one(phases: &mut Phases) -> u64 {
    let size = phases.plan.scaled(512 << 20).max(32 << 20);
    let fill = phases.plan.rng(0).u8(1..);
    let mut vector = vec![fill; size];
    phases.end("filled", size);
    for sixteenths in (1..16).rev() {
        vector.truncate(size / 16 * sixteenths);
        vector.shrink_to_fit();
        phases.worst("shrinking", vector.len());
        match sixteenths {
            12 => phases.end("at 12/16", vector.len()),
            3 => phases.end("at 3/16", vector.len()),
            _ => {}
        }
    }
    vector.truncate(1 << 20);
    vector.shrink_to_fit();
    phases.end("at 1 MiB", vector.len());
    vector.iter().map(|&byte| u64::from(byte)).sum()
}

fn many(phases: &mut Phases) -> u64 {
    let (mut rng, mut left) = (phases.plan.rng(0), phases.plan.scaled(256 << 20));
    let (mut vectors, mut live) = (Vec::new(), 0);
    while left > 1 << 20 {
        let size = rng.usize(64 << 10..1 << 20);
        let mut vector = vec![rng.u8(1..); size];
        vector.truncate(size / 10);
        vector.shrink_to_fit();
        live += vector.len();
        left -= size;
        vectors.push(vector);
    }
    phases.end("shrunk", live);
    phases.rest(live, 1, None);
    phases.trim(live);
    vectors.iter().map(|vector| u64::from(vector[vector.len() - 1])).sum()
}
