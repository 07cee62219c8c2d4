//! Real work on a pool of threads, most of it done by published crates, one program a file.

pub mod bvh;
pub mod cache;
pub mod channels;
pub mod delaunay;
pub mod images;
pub mod interpreter;
pub mod json;
pub mod maps;
pub mod mesh;
pub mod polygons;
pub mod regexes;
pub mod rtree;
pub mod syntax;
pub mod tables;
pub mod tasks;
pub mod versions;

use rayon::prelude::*;

use crate::plan::{Outcome, Plan};
use crate::registry::{Level, Size, Workload};

/// All of them, in the order of the tables.
pub const ALL: &[&[Workload]] = &[
    delaunay::ALL,
    polygons::ALL,
    rtree::ALL,
    bvh::ALL,
    mesh::ALL,
    json::ALL,
    regexes::ALL,
    maps::ALL,
    channels::ALL,
    tasks::ALL,
    syntax::ALL,
    interpreter::ALL,
    tables::ALL,
    images::ALL,
    versions::ALL,
    cache::ALL,
];

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
