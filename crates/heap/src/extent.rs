//! Stretches of a heap's memory, as a walk shows them.

/// What a stretch of the heap's memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A block or cell in use.
    Live,
    /// A block or cell that waits in a quick list for a request of its length.
    Quick,
    /// Free memory.
    Free,
    /// The heap's own: tables, and the first cell of each slab.
    Overhead,
}

/// A stretch of the heap's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its first byte.
    pub address: usize,
    /// Its bytes.
    pub size: usize,
    /// What it is.
    pub kind: Kind,
}
