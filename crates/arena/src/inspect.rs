//! Views of the heaps: figures, a census, a picture, a profile, the blocks of a tag, what an address is.

pub mod address;
pub(crate) mod blocks;
mod census;
pub(crate) mod gauges;
mod map;
mod profile;
pub(crate) mod stats;
mod validation;

pub use census::{Census, Changes, ClassChanges, ClassFigures, Events, PartitionFigures};
pub use map::map;
pub use profile::{Estimate, SiteFigures, Snapshot};
pub use stats::Stats;
pub use validation::validate;
