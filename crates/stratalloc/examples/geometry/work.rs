//! Terrain tiles on a rayon pool: a Delaunay triangulation of each, and the parcels on it united and
//! cut by roads.

use i_overlay::{
    core::{fill_rule::FillRule, overlay_rule::OverlayRule},
    float::single::SingleFloatOverlay,
};
use rayon::prelude::*;
use spade::{DelaunayTriangulation, Point2, Triangulation};

const TILES: u64 = 160;
const POINTS: usize = 4000;
const PARCELS: usize = 150;
const ROADS: usize = 30;

type Polygon = Vec<[f64; 2]>;

/// Works on all tiles, and prints a line for each tenth.
pub(crate) fn run() {
    let reports: Vec<String> = (0..TILES).into_par_iter().map(tile).collect();
    for report in reports.iter().step_by(10) {
        println!("{report}");
    }
    println!("{TILES} tiles, {} bytes of reports", reports.concat().len());
}

/// Surveys a tile and returns what it found; the same for the same number.
fn tile(number: u64) -> String {
    let mut random = Random(number + 1);
    let (triangles, surface) = triangulate(&mut random);
    let (pieces, area) = cut(&mut random);
    format!(
        "tile {number}: {triangles} triangles, {surface:.6} covered; {pieces} parcels, {area:.6} left"
    )
}

/// Triangulates points and refines by insertion: the number of triangles, and their area.
fn triangulate(random: &mut Random) -> (usize, f64) {
    let points = (0..POINTS).map(|_| Point2::new(random.unit(), random.unit())).collect();
    let mut mesh: DelaunayTriangulation<Point2<f64>> =
        DelaunayTriangulation::bulk_load(points).expect("coordinates are finite");
    for _ in 0..POINTS / 4 {
        mesh.insert(Point2::new(random.unit(), random.unit())).expect("coordinates are finite");
    }
    (mesh.num_inner_faces(), mesh.inner_faces().map(|face| face.area()).sum())
}

/// Unites parcels and cuts roads out of them: the number of pieces, and their area.
fn cut(random: &mut Random) -> (usize, f64) {
    let parcels: Vec<Polygon> = (0..PARCELS).map(|_| parcel(random)).collect();
    let roads: Vec<Polygon> = (0..ROADS).map(|_| road(random)).collect();
    let united = parcels.overlay(&roads, OverlayRule::Union, FillRule::NonZero);
    let pieces = united.overlay(&roads, OverlayRule::Difference, FillRule::NonZero);
    let area = pieces.iter().flatten().map(|contour| signed_area(contour)).sum();
    (pieces.len(), area)
}

/// Returns a polygon about a random place, its corners at random distances.
fn parcel(random: &mut Random) -> Polygon {
    let (x, y, corners) = (random.unit(), random.unit(), 5 + random.below(20));
    let corner = |index: usize| {
        let radius = 0.02 + 0.05 * random.unit();
        let (sin, cos) = (index as f64 / corners as f64 * std::f64::consts::TAU).sin_cos();
        [x + radius * cos, y + radius * sin]
    };
    (0..corners).map(corner).collect()
}

/// Returns a narrow strip across the tile.
fn road(random: &mut Random) -> Polygon {
    let (left, right, width) = (random.unit(), random.unit(), 0.002 + 0.004 * random.unit());
    vec![[0.0, left], [1.0, right], [1.0, right + width], [0.0, left + width]]
}

fn signed_area(contour: &[[f64; 2]]) -> f64 {
    let next = contour.iter().cycle().skip(1);
    contour.iter().zip(next).map(|([ax, ay], [bx, by])| (ax * by - bx * ay) / 2.0).sum()
}

/// Marsaglia's xorshift: the same numbers on every machine.
struct Random(u64);

impl Random {
    /// Returns a number from 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a number below `limit`.
    fn below(&mut self, limit: u64) -> usize {
        (self.next() % limit) as usize
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
