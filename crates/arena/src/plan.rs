//! The plan: the places of partitions, arenas and segments by arithmetic alone, and the bins of the size classes.

pub(crate) mod bins;
pub(crate) mod geometry;

pub use geometry::{AREA_SIZE, ARENAS, ArenaPlace, PARTITIONS, Partition, SEGMENTS, SegmentPlace};
