//! Real work on a pool of threads, most of it done by published crates, one program a file.

pub mod bvh;
pub mod channels;
pub mod delaunay;
pub mod json;
pub mod maps;
pub mod mesh;
pub mod polygons;
pub mod regexes;
pub mod rtree;
pub mod syntax;
pub mod tasks;

use rayon::prelude::*;

use crate::plan::{Outcome, Plan};
use crate::registry::{Level, Size, Workload};

/// A program that is run with 2 and with 8 threads.
const fn program(name: &'static str, about: &'static str, run: fn(&Plan) -> Outcome) -> Workload {
    Workload { name, level: Level::Program, about, threads: &[2, 8], size: Size::Quick, run }
}

/// Does `standard` pieces of work, scaled, on a rayon pool; each piece gets random numbers of its own.
fn on_pool(
    plan: &Plan,
    standard: usize,
    piece: impl Fn(&mut fastrand::Rng) -> Outcome + Sync,
) -> Outcome {
    let pieces = plan.scaled(standard);
    plan.pool()
        .install(|| (0..pieces).into_par_iter().map(|index| piece(&mut plan.rng(index))).sum())
}
