//! How much of the library a server uses.

/// How much of the library a server uses: each row adds to the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layers {
    /// The system's allocator for everything.
    System,
    /// A heap for each shard.
    ShardHeaps,
    /// Entries in blocks of one size, in chunks cut from the shard's heap.
    Blocks,
    /// A heap for each request.
    RequestHeaps,
    /// A limit for the shard's heap: tiles go when it refuses, rather than by what the server counts.
    Limit,
}

impl Layers {
    pub(crate) const ALL: [Self; 5] =
        [Self::System, Self::ShardHeaps, Self::Blocks, Self::RequestHeaps, Self::Limit];

    /// What this one adds.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::System => "the system's allocator",
            Self::ShardHeaps => "+ a heap for each shard",
            Self::Blocks => "+ blocks for entries",
            Self::RequestHeaps => "+ a heap for each request",
            Self::Limit => "+ a limit for the shard",
        }
    }
}
