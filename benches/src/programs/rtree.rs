//! Spatial indexes: bulk loaded, searched, and changed (rstar).

use rstar::RTree;

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// One R-tree for each tile of a map.
pub const ALL: &[Workload] =
    &[Workload::program("rtree", "load, query and update R-trees of 5,000 points", run)];

fn run(plan: &Plan) -> Outcome {
    plan.on_pool(40, tile)
}

fn tile(rng: &mut fastrand::Rng) -> Outcome {
    let mut point = || [rng.f64(), rng.f64()];
    let points: Vec<[f64; 2]> = (0..5_000).map(|_| point()).collect();
    let mut tree = RTree::bulk_load(points.clone());
    let mut outcome = Outcome::default();
    for old in points.iter().step_by(4) {
        tree.remove(old);
        tree.insert(point());
        let near: Vec<[f64; 2]> = tree.nearest_neighbor_iter(*old).take(8).copied().collect();
        let sum: f64 = near.iter().map(|[x, y]| x + y).sum();
        outcome.count(hash(&sum.to_ne_bytes()));
    }
    outcome
}
