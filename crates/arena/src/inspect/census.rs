//! Figures of each size class and partition.

mod changes;

pub use changes::{Changes, ClassChanges};

use crate::{
    books::{area::Books, slab::Segment},
    cache::slot,
    heap::pools::Pools,
    inspect::stats::Stats,
    plan::{
        bins::{BINS, Bin, SHAPES},
        geometry::{ARENAS, ArenaPlace, PARTITIONS, Partition, SEGMENTS},
    },
    process::arena_heaps,
    sys,
};

/// Size classes.
pub(super) const CLASSES: usize = BINS - 1;

/// The memory of the process's heaps, arena heaps among them, by size class and by partition, and the events so far.
///
/// *Live* are blocks that are handed out, to the program or to a thread's stock of free blocks: the stocks, up to 64 KiB
/// of each class, 32 or 8 blocks above 1 KiB, aren't counted on their own, since that would cost each allocation. The sizes that the
/// program asked for aren't known, for the same reason.
///
/// ```
/// use stratalloc_arena::{Census, global};
///
/// let block = global::allocate(100, 8);
/// let census = Census::take();
/// // The hardened build adds a seal of eight bytes.
/// let class = census.classes.iter().find(|class| class.block_size >= 100 && class.live > 0).unwrap();
/// assert!(class.block_size <= 112 && class.bytes() >= 100);
/// # // SAFETY: just allocated.
/// # unsafe { global::deallocate(block) };
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Census {
    /// Sums over all of them.
    pub totals: Stats,
    /// Each size class, smallest first.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_sequence"))]
    pub classes: [ClassFigures; CLASSES],
    /// Each partition.
    pub partitions: [PartitionFigures; PARTITIONS],
    /// Events so far.
    pub events: Events,
}

/// Figures of one size class, of blocks but where said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ClassFigures {
    /// Bytes of a block.
    pub block_size: usize,
    /// Live ones.
    pub live: usize,
    /// The most that were live: the sum of the peaks of all heaps, which need not have been at the same
    /// time. Arena heaps that have ended don't count.
    pub peak: usize,
    /// Free ones in segments that serve the class, and were handed out before.
    pub free: usize,
    /// Freed by threads that don't own them, and taken in by the owner; none of arena heaps.
    pub remote_frees: u64,
    /// Segments that serve the class.
    pub segments: usize,
    /// Bytes of these that may have memory behind them.
    pub touched: usize,
}

impl ClassFigures {
    /// Bytes of the live blocks.
    pub const fn bytes(&self) -> usize {
        self.live * self.block_size
    }
}

/// Figures of one partition, over all areas, in bytes but where said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PartitionFigures {
    /// Arenas that serve something.
    pub arenas: usize,
    /// Segments that serve something.
    pub segments: usize,
    /// Memory that may have pages behind it.
    pub touched: usize,
    /// Of that, live blocks; a large block counts where it starts.
    pub in_use: usize,
    /// Of that, whole segments that serve nothing.
    pub vacant: usize,
}

/// Events so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Events {
    /// The most bytes of live blocks, as the sum of the heaps' peaks.
    pub peak_in_use: usize,
    /// The number of times that a heap gave memory back to the system.
    pub purges: u64,
    /// The bytes given back, at most.
    pub purged: u64,
    /// Page faults of the process, of any cause, that the system served from memory.
    pub minor_faults: u64,
    /// Page faults of the process that the system served from a disk.
    pub major_faults: u64,
}

impl Default for Census {
    /// Nothing counted.
    #[inline]
    fn default() -> Self {
        Self {
            totals: Stats::default(),
            classes: [ClassFigures::default(); CLASSES],
            partitions: [PartitionFigures::default(); PARTITIONS],
            events: Events::default(),
        }
    }
}

impl Census {
    /// Counts. O(arenas and segments in use) of all heaps.
    ///
    /// One heap after another, under its lock: no thread stops, but one that needs its heap's lock waits
    /// for its turn, and the figures of two heaps are of two moments.
    pub fn take() -> Self {
        let mut census = Self::default();
        census.retake();
        census
    }

    /// As [`take`](Self::take), in place of these figures: for threads with small stacks, since the figures take some
    /// 5 KiB.
    pub fn retake(&mut self) {
        self.clear();
        let mark = slot::mark();
        arena_heaps::each_heap(mark, |heap| self.add(&mut heap.pools(mark)));
        self.finish();
    }

    /// Adds what isn't any heap's.
    pub(super) fn finish(&mut self) {
        self.totals.add_huge();
        self.totals.add_balance();
        (self.events.minor_faults, self.events.major_faults) = sys::page_faults();
    }

    /// Clears the figures, piece by piece: a whole new value would be made on the stack, and copied.
    pub(super) fn clear(&mut self) {
        self.totals = Stats::default();
        self.events = Events::default();
        self.partitions.fill(PartitionFigures::default());
        for (class, shape) in self.classes.iter_mut().zip(&SHAPES[1..]) {
            *class = ClassFigures { block_size: shape.block_size as usize, ..Default::default() };
        }
    }

    /// Adds a heap.
    pub(super) fn add(&mut self, pools: &mut Pools) {
        let tallies = &pools.tallies;
        for (class, tally) in self.classes.iter_mut().zip(&tallies.bins[1..]) {
            class.peak += tally.peak as usize;
            class.remote_frees += tally.remote;
        }
        self.events.peak_in_use += pools.figures.peak();
        self.events.purges += tallies.purges;
        self.events.purged += tallies.purged;
        pools.each_area(|books| {
            self.totals.areas += 1;
            for partition in Partition::all() {
                for arena in 0..ARENAS {
                    self.add_arena(books, ArenaPlace { partition, arena });
                }
            }
        });
    }

    fn add_arena(&mut self, books: &mut Books, place: ArenaPlace) {
        let mut stats = Stats::default();
        stats.add_arena(books, place);
        self.totals.touched += stats.touched;
        self.totals.in_use += stats.in_use;
        self.totals.vacant += stats.vacant;
        self.totals.trimmable += stats.trimmable;
        let used = books.arena(place).used;
        let partition = &mut self.partitions[place.partition.number()];
        partition.arenas += usize::from(used != 0);
        partition.segments += used.count_ones() as usize;
        partition.touched += stats.touched;
        partition.in_use += stats.in_use;
        partition.vacant += stats.vacant;
        for number in (0..SEGMENTS).filter(|number| used >> number & 1 == 1) {
            let segment = books.segment(place.segment(number));
            if segment.bin != Bin::NONE {
                self.classes[segment.bin.index() - 1].add(segment);
            }
        }
    }
}

impl ClassFigures {
    /// Adds one of the class's slabs.
    fn add(&mut self, slab: &Segment) {
        self.segments += 1;
        self.touched += slab.touched as usize;
        self.live += (slab.carved - slab.free) as usize;
        self.free += slab.free as usize;
    }
}

/// Serde's arrays end at 32.
#[cfg(feature = "serde")]
fn as_sequence<T: serde::Serialize, S: serde::Serializer>(
    classes: &[T; CLASSES],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(classes)
}
