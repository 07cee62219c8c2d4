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

use crate::workload::Workload;

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
