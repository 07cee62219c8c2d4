//! The layout of a gauges file: words of 64 bits in the machine's order of bytes.

use core::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

use crate::{
    inspect::{
        census::{CLASSES, ClassFigures, PartitionFigures},
        gauges::sequence,
    },
    plan::geometry::{ARENAS, PARTITIONS},
};

/// The first word of a file: `STRATGAU` as bytes, on machines whose lowest byte is the first.
pub const MAGIC: u64 = u64::from_le_bytes(*b"STRATGAU");
/// The version of the layout.
pub const VERSION: u64 = 1;
/// Heaps that have gauges of their own; more are counted.
pub const HEAPS: usize = 128;
/// Words of a heap's map: a byte for each arena of its first area.
pub const MAP: usize = PARTITIONS * ARENAS / 8;

/// A gauges file as it lies in memory, `W` being its words: a header, and room for two frames, which are written in
/// turn.
#[derive(Debug)]
#[repr(C)]
pub struct Gauges<W = u64> {
    /// [`MAGIC`].
    pub magic: W,
    /// [`VERSION`].
    pub version: W,
    /// Bytes of the file.
    pub size: W,
    /// The number of the process.
    pub process: W,
    /// Milliseconds between two frames, at least.
    pub period: W,
    /// Twice the number of frames that were written, and one more while one is being written.
    pub sequence: W,
    /// Room for two frames: frame `n` is at `n % 2`.
    pub frames: [Frame<W>; 2],
}

/// The figures of a process at one moment. Sizes are in bytes.
///
/// Those of [`Stats`](crate::Stats) and of [`Events`](crate::Events), then those of each partition, class and heap.
#[derive(Debug)]
#[repr(C)]
pub struct Frame<W = u64> {
    /// The moment, in milliseconds of `CLOCK_MONOTONIC`.
    pub at: W,
    /// How many heaps there are; the first [`HEAPS`] have gauges of their own.
    pub heaps: W,
    /// Memory in the areas that may have pages behind it, all but the books.
    pub touched: W,
    /// Of that, blocks that are handed out: to the program, or to a thread's stock.
    pub in_use: W,
    /// Of that, whole segments that serve nothing.
    pub vacant: W,
    /// Memory that a trim gives back, beside stocks.
    pub trimmable: W,
    /// Huge blocks, each with a mapping of its own.
    pub huge: W,
    /// How many huge blocks there are.
    pub huge_blocks: W,
    /// How many areas there are.
    pub areas: W,
    /// What counts for the limit.
    pub held: W,
    /// The limit; all bits are set if there is none.
    pub limit: W,
    /// The most bytes in use, as the sum of the heaps' peaks.
    pub peak_in_use: W,
    /// The number of times that a heap gave memory back to the system.
    pub purges: W,
    /// The bytes given back, at most.
    pub purged: W,
    /// Page faults of the process that the system served from memory.
    pub minor_faults: W,
    /// Page faults of the process that the system served from a disk.
    pub major_faults: W,
    /// Each partition.
    pub of_partitions: [PartitionGauges<W>; PARTITIONS],
    /// Each size class, smallest first.
    pub of_classes: [ClassGauges<W>; CLASSES],
    /// The first heaps: those of threads, then arena heaps.
    pub of_heaps: [HeapGauges<W>; HEAPS],
}

/// The figures of a partition, as in [`PartitionFigures`].
#[derive(Debug)]
#[repr(C)]
pub struct PartitionGauges<W = u64> {
    /// Arenas that serve something.
    pub arenas: W,
    /// Segments that serve something.
    pub segments: W,
    /// Memory that may have pages behind it.
    pub touched: W,
    /// Of that, live blocks.
    pub in_use: W,
    /// Of that, whole segments that serve nothing.
    pub vacant: W,
}

/// The figures of a size class, as in [`ClassFigures`].
#[derive(Debug)]
#[repr(C)]
pub struct ClassGauges<W = u64> {
    /// Bytes of a block.
    pub block_size: W,
    /// Live blocks, those in stocks among them.
    pub live: W,
    /// The most that were live.
    pub peak: W,
    /// Free blocks in segments that serve the class, handed out before.
    pub free: W,
    /// Blocks that other threads freed.
    pub remote_frees: W,
    /// Segments that serve the class.
    pub segments: W,
    /// Bytes of these that may have memory behind them.
    pub touched: W,
}

/// The figures of a heap. Sizes are in bytes.
#[derive(Debug)]
#[repr(C)]
pub struct HeapGauges<W = u64> {
    /// The address of its first area.
    pub address: W,
    /// 1 for a thread's heap, 2 for an arena heap.
    pub kind: W,
    /// Blocks that are handed out, those in the thread's stock among them.
    pub in_use: W,
    /// Memory that serves nothing.
    pub kept: W,
    /// Free blocks in the stock of its thread, as it last came to a slow path.
    pub stock: W,
    /// What may have memory behind it, and what is in use of that, in each partition.
    pub touched_of: [W; PARTITIONS],
    /// The latter.
    pub in_use_of: [W; PARTITIONS],
    /// A byte for each arena of its first area, eight of them a word, the lowest byte first; the arenas of a partition are
    /// neighbours. Zero where there is no memory, else one more than the 254ths of it that are in use.
    pub map: [W; MAP],
}

/// Why words aren't those of a gauges file.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotGauges {
    /// They don't begin with [`MAGIC`].
    #[error("no gauges file")]
    Magic,
    /// The file has another layout.
    #[error("a gauges file of version {found}, and not {VERSION}")]
    Version {
        /// Its version.
        found: u64,
    },
    /// The file is shorter, or other things are counted in it.
    #[error("a gauges file of {found} bytes, and not {}", size_of::<Gauges>())]
    Size {
        /// Its bytes.
        found: u64,
    },
}

impl Gauges {
    /// Words of a file.
    pub const WORDS: usize = size_of::<Self>() / size_of::<u64>();

    /// Returns the words of a file as what they mean.
    ///
    /// # Errors
    ///
    /// If they aren't those of a file with this layout.
    pub fn from_words(words: &[u64]) -> Result<&Self, NotGauges> {
        let header = |number: usize| words.get(number).copied().unwrap_or(0);
        let [magic, version, size] = [0, 1, 2].map(header);
        if magic != MAGIC {
            return Err(NotGauges::Magic);
        }
        if version != VERSION {
            return Err(NotGauges::Version { found: version });
        }
        if size != size_of::<Self>() as u64 || words.len() < Self::WORDS {
            return Err(NotGauges::Size { found: size.min(size_of_val(words) as u64) });
        }
        // SAFETY: there are as many words, and each field is one or an array of them, whose every value is valid.
        Ok(unsafe { &*words.as_ptr().cast() })
    }

    /// Returns the newest frame, if there is one yet.
    pub fn newest(&self) -> Option<&Frame> {
        Some(&self.frames[sequence::room(sequence::newest(self.sequence)?)])
    }

    /// Whether the [newest](Self::newest) frame was whole as it was copied: `later` is the [`sequence`](Self::sequence)
    /// after that.
    pub fn was_whole(&self, later: u64) -> bool {
        sequence::newest(self.sequence).is_none_or(|frame| sequence::is_still_whole(frame, later))
    }
}

/// Sets a word.
pub(super) fn put(word: &AtomicU64, value: usize) {
    word.store(value as u64, Ordering::Relaxed);
}

impl PartitionGauges<AtomicU64> {
    pub(super) fn set(&self, figures: &PartitionFigures) {
        put(&self.arenas, figures.arenas);
        put(&self.segments, figures.segments);
        put(&self.touched, figures.touched);
        put(&self.in_use, figures.in_use);
        put(&self.vacant, figures.vacant);
    }
}

impl ClassGauges<AtomicU64> {
    pub(super) fn set(&self, figures: &ClassFigures) {
        put(&self.block_size, figures.block_size);
        put(&self.live, figures.live);
        put(&self.peak, figures.peak);
        put(&self.free, figures.free);
        self.remote_frees.store(figures.remote_frees, Ordering::Relaxed);
        put(&self.segments, figures.segments);
        put(&self.touched, figures.touched);
    }
}
