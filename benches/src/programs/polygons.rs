//! Unions and differences of polygons (`i_overlay`).

use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay_rule::OverlayRule;
use i_overlay::float::single::SingleFloatOverlay;

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// Stars laid over each other.
pub const ALL: &[Workload] =
    &[Workload::program("polygons", "unite fields of stars and cut others out of them", run)];

type Polygon = Vec<[f64; 2]>;

fn run(plan: &Plan) -> Outcome {
    plan.on_pool(80, field)
}

fn star(rng: &mut fastrand::Rng) -> Polygon {
    let (x, y, size, corners) =
        (rng.f64(), rng.f64(), 0.02 + 0.1 * rng.f64(), 2 * rng.usize(4..12));
    let corner = |index: usize| {
        let radius = if index.is_multiple_of(2) { size } else { size / 2.0 };
        let (sin, cos) = (index as f64 / corners as f64 * std::f64::consts::TAU).sin_cos();
        [x + radius * cos, y + radius * sin]
    };
    (0..corners).map(corner).collect()
}

fn field(rng: &mut fastrand::Rng) -> Outcome {
    let mut stars = || (0..60).map(|_| star(rng)).collect::<Vec<Polygon>>();
    let (subject, clip) = (stars(), stars());
    let united = subject.overlay(&clip, OverlayRule::Union, FillRule::NonZero);
    let cut = united.overlay(&stars(), OverlayRule::Difference, FillRule::NonZero);
    let corners: Vec<[f64; 2]> = united.into_iter().chain(cut).flatten().flatten().collect();
    let sum: f64 = corners.iter().map(|[x, y]| x * y).sum();
    Outcome { ops: corners.len() as u64, checksum: hash(&sum.to_ne_bytes()) }
}
