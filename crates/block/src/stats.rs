//! What a block allocator can say of itself.

use crate::BlockLayout;

/// The figures of one moment; counts are blocks, everything named `bytes` is bytes.
///
/// `capacity == used + free + fresh`, and external fragmentation is zero: every block that isn't used
/// serves every request that any block could serve (S2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockStats {
    /// Size and alignment of the blocks.
    pub blocks: BlockLayout,
    /// Chunks held.
    pub chunks: usize,
    /// Blocks in all chunks.
    pub capacity: usize,
    /// Blocks handed out and not freed.
    pub used: usize,
    /// The most blocks that were ever used at once.
    pub peak: usize,
    /// Blocks freed and waiting for reuse.
    pub free: usize,
    /// Blocks never handed out, so never touched by the allocator.
    pub fresh: usize,
    /// Memory of all chunks, their links included.
    pub reserved_bytes: usize,
}

impl BlockStats {
    /// Internal fragmentation: the bytes of used blocks beyond the size that the allocator was made
    /// for, by rounding to the link and the alignment.
    pub const fn padding_bytes(&self) -> usize {
        self.used * self.blocks.padding()
    }

    /// Memory of all chunks that can never be part of a block.
    pub const fn overhead_bytes(&self) -> usize {
        self.reserved_bytes - self.capacity * self.blocks.size()
    }
}
