//! Regions: stretches of memory, each with its own tags.

use core::marker::PhantomData;

use crate::{policy::Policy, tags::Tags};

/// A stretch of memory that blocks are cut from.
///
/// # Invariants
///
/// - [REGION-1: tiled] The `span` bytes from `start` on are memory of the heap, tiled by its blocks; both are
///   multiples of the granule.
/// - [REGION-2: tagged] `tags` cover these bytes as [TAGS-1] to [TAGS-4] say.
pub(crate) struct Region<P> {
    start: usize,
    span: usize,
    pub(crate) tags: Tags<P>,
    policy: PhantomData<P>,
}

impl<P> Clone for Region<P> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Region<P> {}

impl<P: Policy> Region<P> {
    /// No memory at all: it contains no address.
    pub(crate) const NONE: Self = Self { start: 0, span: 0, tags: Tags::NONE, policy: PhantomData };

    /// Returns the region of the blocks within `start..end`.
    pub(crate) const fn new(start: usize, end: usize, tags: Tags<P>) -> Self {
        Self { start, span: end - start, tags, policy: PhantomData }
    }

    /// Returns whether an address lies among the blocks.
    #[inline(always)]
    pub(crate) const fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.start) < self.span
    }

    /// Returns where the first block starts.
    pub(crate) const fn start(&self) -> usize {
        self.start
    }

    /// Returns where the last block ends.
    pub(crate) const fn end(&self) -> usize {
        self.start + self.span
    }

    /// Bytes for blocks.
    #[inline(always)]
    pub(crate) const fn span(&self) -> usize {
        self.span
    }
}
