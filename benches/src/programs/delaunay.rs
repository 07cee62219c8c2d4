//! Delaunay triangulations of point clouds, bulk loaded and refined by insertion (spade).

use spade::{DelaunayTriangulation, Point2, Triangulation};

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// Tiles of points, each triangulated on its own.
pub const ALL: &[Workload] =
    &[Workload::program("delaunay", "triangulate tiles of 2,000 points and insert 500 more", run)];

fn run(plan: &Plan) -> Outcome {
    plan.on_pool(60, tile)
}

fn point(rng: &mut fastrand::Rng) -> Point2<f64> {
    Point2::new(rng.f64(), rng.f64())
}

fn tile(rng: &mut fastrand::Rng) -> Outcome {
    let points = (0..2_000).map(|_| point(rng)).collect();
    let mut mesh: DelaunayTriangulation<Point2<f64>> =
        DelaunayTriangulation::bulk_load(points).expect("coordinates are finite");
    for _ in 0..500 {
        mesh.insert(point(rng)).expect("coordinates are finite");
    }
    let areas: Vec<f64> = mesh.inner_faces().map(|face| face.area()).collect();
    let corners = mesh
        .inner_faces()
        .flat_map(|face| face.vertices().map(|vertex| vertex.position().x))
        .sum::<f64>();
    let checksum = hash(&corners.to_ne_bytes()) ^ hash(&areas.iter().sum::<f64>().to_ne_bytes());
    Outcome { ops: areas.len() as u64, checksum }
}
