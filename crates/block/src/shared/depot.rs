//! Where all threads meet: the free blocks in several stacks, and behind them the fresh ones.

use core::ptr::NonNull;

use stratalloc_core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{
    frontier::{ChunkSource, Claim, Frontier},
    index::Index,
    stack::{Links, Stack},
};

/// One of the stacks, kept from sharing a cache line, or the pair of lines that is fetched together,
/// with anything else.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    stack: Stack,
    /// Blocks put here less those taken from here; the sum over all shards is what the stacks hold, and
    /// each may be below zero. Relaxed: a figure, which orders nothing.
    blocks: AtomicUsize,
}

impl Shard {
    #[cfg(not(loom))]
    const fn new() -> Self {
        Self { stack: Stack::new(), blocks: AtomicUsize::new(0) }
    }

    #[cfg(loom)]
    fn new() -> Self {
        Self { stack: Stack::new(), blocks: AtomicUsize::new(0) }
    }
}

/// What is taken at once.
#[derive(Clone, Copy, Debug)]
pub(super) enum Taken {
    /// The batch with this first block.
    Batch(Index),
    /// Blocks that nobody had before.
    Fresh(Claim),
}

/// Free and fresh blocks.
///
/// Each thread has a *home* among the stacks, so that threads seldom meet at one; it pops from the
/// others when that is empty, before it takes fresh blocks. So no free block is out of reach of any
/// thread, and memory doesn't [`grow`](Self::grow) while there are free blocks.
#[derive(Debug)]
pub(super) struct Depot<const SHARDS: usize, const CHUNKS: usize> {
    shards: [Shard; SHARDS],
    frontier: Frontier<CHUNKS>,
}

impl<const SHARDS: usize, const CHUNKS: usize> Depot<SHARDS, CHUNKS> {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self { shards: [const { Shard::new() }; SHARDS], frontier: Frontier::new() }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self { shards: core::array::from_fn(|_| Shard::new()), frontier: Frontier::new() }
    }

    /// With the first chunk there already.
    pub(super) fn of(first: NonNull<u8>) -> Self {
        Self { frontier: Frontier::of(first), ..Self::new() }
    }

    /// Returns the chunks.
    #[inline]
    pub(super) fn frontier(&self) -> &Frontier<CHUNKS> {
        &self.frontier
    }

    /// Returns the stacks of batches.
    pub(super) fn stacks(&self) -> impl Iterator<Item = &Stack> {
        self.shards.iter().map(|shard| &shard.stack)
    }

    /// Returns the blocks that the stacks hold: about so many while threads work.
    pub(super) fn count(&self) -> usize {
        let sum = |sum: isize, shard: &Shard| sum.wrapping_add_unsigned(shard.blocks.load(Relaxed));
        0_usize.saturating_add_signed(self.shards.iter().fold(0, sum))
    }

    /// Takes a batch, whose blocks the caller is to [count](Self::note_taken), or at most `fresh` blocks that
    /// nobody had. `None` if there is no batch in any stack, and no fresh block in the chunks that are
    /// opened.
    #[inline]
    pub(super) fn take<S: Links + ChunkSource>(
        &self,
        home: usize,
        source: &S,
        fresh: usize,
    ) -> Option<Taken> {
        match self.shards[home % SHARDS].stack.pop(source) {
            Some(batch) => Some(Taken::Batch(batch)),
            None => self.take_elsewhere(home, source, fresh),
        }
    }

    /// Notes that so many blocks of a batch were taken for good.
    #[inline]
    pub(super) fn note_taken(&self, home: usize, blocks: usize) {
        self.shards[home % SHARDS].blocks.fetch_sub(blocks, Relaxed);
    }

    /// Puts a batch of so many blocks, which the caller alone has, into the stack at home.
    #[inline]
    pub(super) fn put(&self, home: usize, links: &impl Links, batch: Index, blocks: usize) {
        self.shards[home % SHARDS].blocks.fetch_add(blocks, Relaxed);
        self.put_back(home, links, batch);
    }

    /// Puts back what is left of a batch: its blocks are counted still.
    #[inline]
    pub(super) fn put_back(&self, home: usize, links: &impl Links, batch: Index) {
        self.shards[home % SHARDS].stack.push(links, batch);
    }

    #[cold]
    #[inline(never)]
    fn take_elsewhere<S: Links + ChunkSource>(
        &self,
        home: usize,
        source: &S,
        fresh: usize,
    ) -> Option<Taken> {
        let claim = || self.frontier.claim_opened(fresh, source).map(Taken::Fresh);
        self.steal(home, source).or_else(claim)
    }

    /// As [`take`](Self::take), from a new chunk; `None` if the source has no more.
    #[cold]
    pub(super) fn grow<S: Links + ChunkSource>(
        &self,
        home: usize,
        source: &S,
        fresh: usize,
    ) -> Option<Taken> {
        let claim = self.frontier.claim(fresh, source).map(Taken::Fresh);
        // While the base was asked, another thread may have freed what we could have.
        claim.or_else(|| self.steal(home, source))
    }

    /// Pops from the first stack that has a batch, from the one after home around to home.
    fn steal(&self, home: usize, links: &impl Links) -> Option<Taken> {
        (1..=SHARDS)
            .find_map(|step| self.shards[(home + step) % SHARDS].stack.pop(links))
            .map(Taken::Batch)
    }
}

#[cfg(all(test, loom))]
mod loom_tests;

#[cfg(all(test, not(loom)))]
mod tests {
    use core::sync::atomic::AtomicU32;

    use super::*;

    /// A base that has no more, and while it is asked another thread frees a block at its home.
    struct FreedMeanwhile<'a> {
        depot: &'a Depot<4, 1>,
        home: usize,
        link: AtomicU32,
    }

    impl Links for FreedMeanwhile<'_> {
        fn next(&self, _: Index) -> Index {
            Index::from_bits(self.link.load(Relaxed))
        }

        fn set_next(&self, _: Index, next: Index) {
            self.link.store(next.bits(), Relaxed);
        }
    }

    impl ChunkSource for FreedMeanwhile<'_> {
        fn blocks_in(&self, _: usize) -> usize {
            1
        }

        fn take_chunk(&self, _: usize) -> Option<NonNull<u8>> {
            self.depot.put(self.home, self, Index::new(0, 0), 1);
            None
        }

        fn give_back(&self, _: usize, _: NonNull<u8>) {}
    }

    #[test]
    fn what_lies_at_another_home_is_taken_before_fresh_blocks() {
        for home in 0..4 {
            let depot = Depot::of(NonNull::dangling());
            let source = FreedMeanwhile { depot: &depot, home, link: AtomicU32::new(0) };
            depot.put(home, &source, Index::new(0, 0), 1);
            let found = depot.take(0, &source, 1);
            assert!(matches!(found, Some(Taken::Batch(_))), "at home {home}: {found:?}");
        }
    }

    #[test]
    fn what_is_freed_while_the_base_is_asked_is_found() {
        for home in 0..4 {
            let depot = Depot::new();
            let source = FreedMeanwhile { depot: &depot, home, link: AtomicU32::new(0) };
            assert!(depot.take(0, &source, 1).is_none());
            let found = depot.grow(0, &source, 1);
            assert!(matches!(found, Some(Taken::Batch(_))), "at home {home}: {found:?}");
        }
    }
}
