//! What can be seen of the heaps: figures, a census, a picture.

mod census;
mod map;
pub(crate) mod stats;

pub use census::{Census, ClassFigures, Events, PartitionFigures};
pub use map::map;
pub use stats::Stats;
