//! Statistics of the memory that the allocator holds, counted on request: nothing is counted meanwhile.

use crate::{
    books::{area::Books, arena::Arena, windows},
    cache::slot,
    heap::{large::PAGE, pools::Pools},
    plan::geometry::{ARENAS, ArenaPlace, PARTITIONS, SEGMENTS},
    policy::grant,
    process::arena_heaps,
};

/// Figures of one moment, in bytes but where said; other threads go on meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// Memory in the areas that may have pages behind it, all but the books.
    pub touched: usize,
    /// Of that, blocks that are handed out: to the program, or to a thread's stock of free blocks.
    pub in_use: usize,
    /// Of that, whole segments that serve nothing.
    pub vacant: usize,
    /// Memory that a trim gives back, beside the calling thread's stock: the `vacant` bytes, and whole pages of free blocks.
    pub trimmable: usize,
    /// Huge blocks, each with a mapping of its own.
    pub huge: usize,
    /// How many huge blocks there are.
    pub huge_blocks: usize,
    /// How many areas there are.
    pub areas: usize,
    /// What counts for the limit: the process's, or the arena heap's own.
    pub held: usize,
    /// That limit, if there is one.
    pub limit: Option<usize>,
}

/// Counts the memory of all heaps, of threads and arena heaps. O(arenas and segments in use). A thread that needs the
/// lock of a heap meanwhile waits for that heap's turn.
pub(crate) fn count() -> Stats {
    let mut stats = Stats::default();
    let mark = slot::mark();
    arena_heaps::each_heap(mark, |heap| stats.add(&mut heap.pools(mark)));
    stats.add_huge();
    stats.add_balance();
    stats
}

impl Stats {
    /// The figures of one heap. O(arenas and segments in use).
    pub(crate) fn of(pools: &mut Pools) -> Self {
        let mut stats = Self::default();
        stats.add(pools);
        (stats.held, stats.limit) = (pools.grant.bytes(), pools.grant.limit());
        stats
    }

    fn add(&mut self, pools: &mut Pools) {
        pools.each_area(|books| {
            self.areas += 1;
            for index in 0..ARENAS * PARTITIONS {
                self.add_arena(books, ArenaPlace::from_index(index));
            }
        });
    }

    /// Adds the huge blocks.
    pub(crate) fn add_huge(&mut self) {
        for size in windows::huge_sizes() {
            self.huge += size;
            self.huge_blocks += 1;
        }
    }

    /// Adds what the process's limit counts, and the limit.
    pub(crate) fn add_balance(&mut self) {
        let balance = grant::ACCOUNT.balance();
        (self.held, self.limit) = (balance.granted(), balance.limit());
    }

    /// Adds one arena.
    pub(crate) fn add_arena(&mut self, books: &mut Books, place: ArenaPlace) {
        let &mut Arena { used, dirty, .. } = books.arena(place);
        for number in (0..SEGMENTS).filter(|number| (used | dirty) >> number & 1 == 1) {
            let segment = books.segment(place.segment(number));
            let touched = segment.touched as usize;
            self.touched += touched;
            if used >> number & 1 == 0 {
                self.vacant += touched;
                self.trimmable += touched;
                continue;
            }
            // A large block counts where it starts, as a whole.
            self.in_use += segment.pages as usize * PAGE;
            if let Some(slab) = books.slab_of(place.segment(number)) {
                let live = (slab.segment.carved - slab.segment.free) as usize;
                self.in_use += live * slab.shape.block_size as usize;
                self.trimmable += slab.idle_in_pages(PAGE);
            }
        }
    }
}
