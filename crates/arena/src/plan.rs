//! Where things stand, by arithmetic alone: partitions, arenas, segments, and the bins of the size classes.

pub(crate) mod bins;
pub(crate) mod geometry;

pub use geometry::{AREA_SIZE, ARENAS, ArenaPlace, PARTITIONS, Partition, SEGMENTS, SegmentPlace};
