//! Where all threads meet: the free blocks in several stacks, and behind them the fresh ones.

use core::ptr::NonNull;

use super::{
    frontier::{ChunkSource, Claim, Frontier},
    index::Index,
    stack::{Links, Stack},
};

/// Keeps what it holds from sharing a cache line, or the pair of lines that is fetched together,
/// with anything else.
#[derive(Debug)]
#[repr(align(128))]
struct Padded<T>(T);

/// Free and fresh blocks.
///
/// Each thread has a *home* among the stacks, so that threads seldom meet at one; it pops from the
/// others when that is empty, before it takes fresh blocks. So no free block is out of reach of any
/// thread, and memory doesn't [`grow`](Self::grow) while there are free blocks.
#[derive(Debug)]
pub(super) struct Depot<const SHARDS: usize, const CHUNKS: usize> {
    shards: [Padded<Stack>; SHARDS],
    frontier: Frontier<CHUNKS>,
}

impl<const SHARDS: usize, const CHUNKS: usize> Depot<SHARDS, CHUNKS> {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self { shards: [const { Padded(Stack::new()) }; SHARDS], frontier: Frontier::new() }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self { shards: core::array::from_fn(|_| Padded(Stack::new())), frontier: Frontier::new() }
    }

    /// With the first chunk there already.
    pub(super) fn of(first: NonNull<u8>) -> Self {
        Self { frontier: Frontier::of(first), ..Self::new() }
    }

    /// The chunks.
    #[inline]
    pub(super) fn frontier(&self) -> &Frontier<CHUNKS> {
        &self.frontier
    }

    /// The stacks of free blocks.
    pub(super) fn shards(&self) -> impl Iterator<Item = &Stack> {
        self.shards.iter().map(|Padded(shard)| shard)
    }

    /// Takes at least one block and at most as many as `out` holds, into its front; returns their
    /// number. Zero if there are none in any stack, and no fresh ones in the chunks that are opened.
    #[inline]
    pub(super) fn take<S: Links + ChunkSource>(
        &self,
        home: usize,
        source: &S,
        out: &mut [Index],
    ) -> usize {
        match self.shards[home % SHARDS].0.pop(source, out) {
            0 => self.take_elsewhere(home, source, out),
            count => count,
        }
    }

    /// Puts blocks, which the caller alone has, into the stack at home.
    #[inline]
    pub(super) fn put(&self, home: usize, links: &impl Links, blocks: &[Index]) {
        self.shards[home % SHARDS].0.push(links, blocks);
    }

    #[cold]
    #[inline(never)]
    fn take_elsewhere<S: Links + ChunkSource>(
        &self,
        home: usize,
        source: &S,
        out: &mut [Index],
    ) -> usize {
        match self.steal(home, source, out) {
            0 => Self::fill(out, self.frontier.claim_opened(out.len(), source)),
            count => count,
        }
    }

    /// As [`take`](Self::take), from a new chunk; zero if the source has no more.
    #[cold]
    pub(super) fn grow<S: Links + ChunkSource>(
        &self,
        home: usize,
        source: &S,
        out: &mut [Index],
    ) -> usize {
        match Self::fill(out, self.frontier.claim(out.len(), source)) {
            // While the base was asked, another thread may have freed what we could have.
            0 => self.steal(home, source, out),
            count => count,
        }
    }

    /// Writes what was claimed into the front of `out`, and returns its number.
    fn fill(out: &mut [Index], claim: Option<Claim>) -> usize {
        let blocks = claim.into_iter().flat_map(Claim::iter);
        out.iter_mut().zip(blocks).map(|(place, block)| *place = block).count()
    }

    /// Pops from the first stack that has a block, from the one after home around to home.
    fn steal(&self, home: usize, links: &impl Links, out: &mut [Index]) -> usize {
        (1..=SHARDS)
            .map(|step| self.shards[(home + step) % SHARDS].0.pop(links, out))
            .find(|&count| count > 0)
            .unwrap_or(0)
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{
        cell::UnsafeCell,
        sync::{
            Arc,
            atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
        },
        thread,
    };

    use super::*;

    /// One chunk of so many blocks at most, and two stacks.
    struct Model {
        depot: Depot<2, 1>,
        links: std::vec::Vec<AtomicU32>,
        blocks: std::vec::Vec<UnsafeCell<u32>>,
        live: AtomicUsize,
    }

    impl Links for Model {
        fn next(&self, of: Index) -> Index {
            Index::from_bits(self.links[of.position()].load(Relaxed))
        }

        fn set_next(&self, of: Index, next: Index) {
            self.links[of.position()].store(next.bits(), Relaxed);
        }
    }

    impl ChunkSource for Model {
        fn blocks_in(&self, _: usize) -> usize {
            self.blocks.len()
        }

        fn take_chunk(&self, _: usize) -> Option<NonNull<u8>> {
            self.live.fetch_add(1, Relaxed);
            Some(NonNull::dangling())
        }

        fn give_back(&self, _: usize, _: NonNull<u8>) {
            self.live.fetch_sub(1, Relaxed);
        }
    }

    impl Model {
        fn with(blocks: usize) -> Arc<Self> {
            Arc::new(Self {
                depot: Depot::new(),
                links: (0..blocks).map(|_| AtomicU32::new(0)).collect(),
                blocks: (0..blocks).map(|_| UnsafeCell::new(0)).collect(),
                live: AtomicUsize::new(0),
            })
        }

        fn take(&self, home: usize) -> Option<Index> {
            let mut out = [Index::NIL];
            let taken = match self.depot.take(home, self, &mut out) {
                0 => self.depot.grow(home, self, &mut out),
                count => count,
            };
            let block = (taken > 0).then_some(out[0])?;
            // SAFETY: loom checks that nobody else has the cell.
            self.blocks[block.position()].with_mut(|uses| unsafe { *uses += 1 });
            Some(block)
        }
    }

    #[test]
    fn loom_fresh_freed_and_stolen_blocks_have_one_owner() {
        loom::model(|| {
            let model = Model::with(2);
            let other = {
                let model = Arc::clone(&model);
                thread::spawn(move || {
                    let block = model.take(1).expect("there are two for two");
                    model.depot.put(1, &*model, &[block]);
                })
            };
            let mine = model.take(0).expect("there are two for two");
            model.depot.put(0, &*model, &[mine]);
            other.join().unwrap();
            assert!(model.take(0).is_some(), "no block is lost");
            assert_eq!(model.live.load(Relaxed), 1);
        });
    }

    #[test]
    fn loom_a_freed_block_is_within_reach_of_the_other_thread() {
        loom::model(|| {
            let model = Model::with(1);
            let only = model.take(0).unwrap();
            model.depot.put(0, &*model, &[only]);
            let other = {
                let model = Arc::clone(&model);
                thread::spawn(move || model.take(1).is_some())
            };
            let mine = model.take(0).is_some();
            assert!(mine ^ other.join().unwrap(), "just one of both gets it");
        });
    }
}
