//! Where chunks that were never used begin: claiming fresh blocks, and growing.

use core::{array, ptr::NonNull};

use stratalloc_core::sync::atomic::{
    AtomicPtr, AtomicU64,
    Ordering::{AcqRel, Acquire},
};

use super::index::Index;

/// Where chunks come from.
pub(super) trait ChunkSource {
    /// Returns the number of blocks in the chunk with this number; the same at every call, and not zero.
    fn blocks_in(&self, chunk: usize) -> usize;

    /// Takes memory for the chunk with this number from the base.
    fn take_chunk(&self, chunk: usize) -> Option<NonNull<u8>>;

    /// Gives back what [`take_chunk`](Self::take_chunk) gave for the same number; nothing in it was used.
    fn give_back(&self, chunk: usize, memory: NonNull<u8>);
}

/// The chunks, and how far into the newest one blocks were handed out.
///
/// Nobody waits for anybody here. Threads that find the newest chunk used up each ask the base; the
/// first to file its chunk under the next number wins, the others give theirs back and go on with
/// the winner's. A thread that stops half-way, or whose base fails, holds nothing that another needs.
///
/// # Invariants
///
/// - [FRONTIER-1: filed] A chunk filed under a number stays there until the frontier is dropped.
/// - [FRONTIER-2: opened] Chunks are *opened*, the next one when the last is used up, after they are filed:
///   who sees a chunk opened sees it filed.
/// - [FRONTIER-3: claimed] `fresh` only ever moves forward, so each fresh block is claimed once.
#[derive(Debug)]
pub(super) struct Frontier<const CHUNKS: usize> {
    /// The chunks that were filed, by number; null from the first that wasn't.
    chunks: [AtomicPtr<u8>; CHUNKS],
    /// How many chunks are opened in the upper half, how many blocks of the last one of them were
    /// claimed in the lower.
    fresh: AtomicU64,
}

/// Fresh blocks claimed in a row: the first one, and how many follow, at positions downward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    chunk: usize,
    position: usize,
    count: usize,
}

impl Claim {
    /// Returns the first block, and how many there are; the others lie behind it, in the order of addresses.
    #[inline]
    pub(super) const fn first(self) -> (Index, usize) {
        (Index::new(self.chunk, self.position), self.count)
    }

    /// Returns the blocks, in the order of addresses.
    pub(super) fn iter(self) -> impl Iterator<Item = Index> {
        (0..self.count).map(move |step| Index::new(self.chunk, self.position - step))
    }
}

/// `fresh`, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fresh {
    opened: usize,
    claimed: usize,
}

impl Fresh {
    #[inline]
    const fn decode(bits: u64) -> Self {
        Self { opened: (bits >> 32) as usize, claimed: bits as u32 as usize }
    }

    /// Returns the blocks that are left in the last chunk opened.
    #[inline]
    fn room(self, source: &impl ChunkSource) -> usize {
        match self.opened {
            0 => 0,
            opened => source.blocks_in(opened - 1) - self.claimed,
        }
    }

    #[inline]
    const fn encode(self) -> u64 {
        (self.opened as u64) << 32 | self.claimed as u64
    }
}

impl<const CHUNKS: usize> Frontier<CHUNKS> {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self {
            chunks: [const { AtomicPtr::new(core::ptr::null_mut()) }; CHUNKS],
            fresh: AtomicU64::new(0),
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self {
            chunks: array::from_fn(|_| AtomicPtr::new(core::ptr::null_mut())),
            fresh: AtomicU64::new(0),
        }
    }

    /// Returns a frontier whose first chunk is there already.
    pub(super) fn of(first: NonNull<u8>) -> Self {
        let chunk = |number| if number == 0 { first.as_ptr() } else { core::ptr::null_mut() };
        Self {
            chunks: array::from_fn(|number| AtomicPtr::new(chunk(number))),
            fresh: AtomicU64::new(Fresh { opened: 1, claimed: 0 }.encode()),
        }
    }

    /// Returns what was filed under a number.
    #[inline]
    pub(super) fn chunk(&self, number: usize) -> Option<NonNull<u8>> {
        // Acquire: partner of the filing compare-and-swap in `file_next`.
        NonNull::new(self.chunks.get(number)?.load(Acquire))
    }

    /// Returns how many chunks are opened, and how many blocks of the last one of them were claimed.
    #[inline]
    pub(super) fn opened_and_claimed(&self) -> (usize, usize) {
        let Fresh { opened, claimed } = Fresh::decode(self.fresh.load(Acquire));
        (opened, claimed)
    }

    /// Claims fresh blocks: as many as `want`, which isn't zero, or what is left of a chunk. `None` if
    /// there are no more and the source has no more.
    pub(super) fn claim(&self, want: usize, source: &impl ChunkSource) -> Option<Claim> {
        self.claim_after(want, source, |opened| self.file(opened, source).is_some())
    }

    /// As [`claim`](Self::claim), from the chunk that is opened: the source isn't asked.
    #[inline]
    pub(super) fn claim_opened(&self, want: usize, source: &impl ChunkSource) -> Option<Claim> {
        self.claim_after(want, source, |_| false)
    }

    /// Claims fresh blocks; where the last chunk opened has none, `file` returns whether the next one is
    /// filed, so that it can be opened.
    #[inline]
    fn claim_after(
        &self,
        want: usize,
        source: &impl ChunkSource,
        file: impl Fn(usize) -> bool,
    ) -> Option<Claim> {
        // Acquire, here and on failure below: partner of the AcqRel that opens a chunk [FRONTIER-2].
        let mut bits = self.fresh.load(Acquire);
        loop {
            let mut fresh = Fresh::decode(bits);
            if fresh.room(source) == 0 {
                if !file(fresh.opened) {
                    return None;
                }
                fresh = Fresh { opened: fresh.opened + 1, claimed: 0 };
            }
            let count = want.min(fresh.room(source));
            let next = Fresh { claimed: fresh.claimed + count, ..fresh };
            match self.fresh.compare_exchange_weak(bits, next.encode(), AcqRel, Acquire) {
                Ok(_) => {
                    let position = fresh.room(source) - 1;
                    return Some(Claim { chunk: fresh.opened - 1, position, count });
                }
                Err(now) => bits = now,
            }
        }
    }

    /// Files a chunk under the number unless one is; returns it, or `None` if the source has no more.
    #[cold]
    fn file(&self, number: usize, source: &impl ChunkSource) -> Option<NonNull<u8>> {
        if number >= CHUNKS {
            return None;
        }
        if let Some(filed) = self.chunk(number) {
            return Some(filed);
        }
        let Some(memory) = source.take_chunk(number) else {
            // Another thread may have had more luck meanwhile.
            return self.chunk(number);
        };
        // AcqRel: partner of the Acquire in `chunk`, on both sides.
        let filed = self.chunks[number].compare_exchange(
            core::ptr::null_mut(),
            memory.as_ptr(),
            AcqRel,
            Acquire,
        );
        match filed {
            Ok(_) => Some(memory),
            Err(winner) => {
                source.give_back(number, memory);
                NonNull::new(winner)
            }
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests;

#[cfg(all(test, not(loom)))]
mod tests {
    use core::cell::Cell;

    use super::*;

    /// A base that has one chunk, which another thread gets while this one is asked.
    struct OthersLuck {
        frontier: Frontier<1>,
        asked: Cell<usize>,
    }

    impl ChunkSource for OthersLuck {
        fn blocks_in(&self, _: usize) -> usize {
            2
        }

        fn take_chunk(&self, _: usize) -> Option<NonNull<u8>> {
            self.asked.set(self.asked.get() + 1);
            if self.asked.get() > 1 {
                return Some(NonNull::dangling());
            }
            assert!(self.frontier.claim(1, self).is_some());
            None
        }

        fn give_back(&self, _: usize, _: NonNull<u8>) {}
    }

    #[test]
    fn what_is_filed_while_the_base_refuses_is_used() {
        let source = OthersLuck { frontier: Frontier::new(), asked: Cell::new(0) };
        let claim = source.frontier.claim(1, &source);
        assert_eq!(claim, Some(Claim { chunk: 0, position: 0, count: 1 }));
        assert_eq!(source.asked.get(), 2);
    }
}
