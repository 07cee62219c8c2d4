//! Where the books lie, for a debugger that has nothing but a core dump.

use core::mem::offset_of;

use crate::{
    books::{
        area::Area,
        arena::{Arena, Use},
        slab::{BITMAP_WORDS, Segment},
        windows,
    },
    cache::Cache,
    heap::Heap,
    plan::{
        bins::{BINS, SHAPES, SlabShape},
        geometry::{AREA_SHIFT, GROUP, HOME_LIMIT, PARTITION_SHIFT, SEGMENT_SHIFT},
    },
    process::samples,
};

/// Where the books lie, as words: what a reader needs that has the memory of a process, and can't call a function of it.
/// `crates/malloc/gdb/what.py` is one.
///
/// The order is that of [`Layout::VERSION`], which changes with it and with all that the reader knows besides: the kinds of
/// windows, and in which order the books of segments lie.
#[derive(Debug)]
#[repr(C)]
pub struct Layout {
    version: usize,
    /// The table of windows, and how many there are.
    windows: Place,
    window_count: usize,
    area_shift: usize,
    partition_shift: usize,
    segment_shift: usize,
    /// Segments of one arena whose books are neighbours.
    group: usize,
    /// In an area: the books of arenas and segments, each a line of 64 bytes, and the lines of bit maps.
    arenas: usize,
    segments: usize,
    lines: usize,
    line_size: usize,
    arena_used: usize,
    arena_purpose: usize,
    arena_span: usize,
    /// The purpose of an arena that a block has for itself.
    whole: usize,
    segment_carved: usize,
    segment_pages: usize,
    segment_bitmap: usize,
    segment_bin: usize,
    /// The shapes of slabs by their bins, and in one of them the bytes of a block.
    shapes: Place,
    bins: usize,
    shape_size: usize,
    shape_block_size: usize,
    /// In a heap: the book of its tag, or null.
    heap_tag: usize,
    /// In the cache that an area starts with: the tops, limits and sizes of its stacks.
    cache_tops: usize,
    cache_limits: usize,
    cache_sizes: usize,
    /// Where the address of the heap of samples stands.
    samples: Place,
}

/// The address of a static, which nobody reads by it in this process.
#[derive(Debug)]
#[repr(transparent)]
struct Place(*const ());

// SAFETY: it is an address, by which nothing is read.
unsafe impl Sync for Place {}

impl Layout {
    /// The version of this order.
    pub const VERSION: usize = 3;

    /// The layout of this build.
    pub const HERE: Self = Self {
        version: Self::VERSION,
        windows: Place(windows::PLACE),
        window_count: windows::WINDOWS,
        area_shift: AREA_SHIFT as usize,
        partition_shift: PARTITION_SHIFT as usize,
        segment_shift: SEGMENT_SHIFT as usize,
        group: GROUP,
        arenas: HOME_LIMIT + Area::ARENAS_AT,
        segments: HOME_LIMIT + Area::SEGMENTS_AT,
        lines: HOME_LIMIT + Area::LINES_AT,
        line_size: BITMAP_WORDS * size_of::<u64>(),
        arena_used: offset_of!(Arena, used),
        arena_purpose: offset_of!(Arena, purpose),
        arena_span: offset_of!(Arena, span),
        whole: Use::WHOLE.byte() as usize,
        segment_carved: offset_of!(Segment, carved),
        segment_pages: offset_of!(Segment, pages),
        segment_bitmap: offset_of!(Segment, bitmap),
        segment_bin: offset_of!(Segment, bin),
        shapes: Place((&raw const SHAPES).cast()),
        bins: BINS,
        shape_size: size_of::<SlabShape>(),
        shape_block_size: offset_of!(SlabShape, block_size),
        heap_tag: Heap::TAG_AT,
        cache_tops: Cache::STACKS_AT[0],
        cache_limits: Cache::STACKS_AT[1],
        cache_sizes: Cache::STACKS_AT[2],
        samples: Place(samples::PLACE),
    };
}
