//! The books: what is known of an area's memory, apart from the blocks; and the samples.

pub(crate) mod area;
pub(crate) mod arena;
pub(crate) mod broken;
pub(crate) mod fenced;
pub(crate) mod fetch;
pub(crate) mod guard;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod owner;
pub(crate) mod poison;
pub(crate) mod reference;
pub(crate) mod report;
pub(crate) mod samples;
pub(crate) mod slab;
pub(crate) mod slab_list;
pub(crate) mod windows;
pub(crate) mod zero_sized;
