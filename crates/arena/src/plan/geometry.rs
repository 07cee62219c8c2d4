//! The geometry of an area: the places of its parts, by arithmetic alone (S4.1, S4.6).
//!
//! ```text
//! area       64 GiB of address space, aligned to 64 GiB
//!   0                       the books: all that the allocator knows of the area
//!   256 MiB << p            partition p of 8
//!     + a · (4 MiB << p)      arena a of 64
//!       + s · (64 KiB << p)     segment s of 64
//! ```
//!
//! A partition is as large as the offset at which it starts, so the highest set bit of an offset
//! names the partition, and the twelve bits below it the arena and the segment.

/// Bytes of a line of the processors' caches, on most of them.
pub(crate) const LINE: usize = 64;

/// log2 of the size of an area, and of its alignment.
pub(crate) const AREA_SHIFT: u32 = 36;
/// The size of an area in bytes: 64 GiB.
pub const AREA_SIZE: usize = 1 << AREA_SHIFT;
/// An address that no area has.
pub(crate) const NOWHERE: usize = usize::MAX;
/// Partitions in an area.
pub const PARTITIONS: usize = 8;
/// Arenas in a partition.
pub const ARENAS: usize = 64;
/// Segments in an arena.
pub const SEGMENTS: usize = 64;

/// Segments of one arena whose books are neighbours.
pub(crate) const GROUP: usize = 16;

/// log2 of a segment's size in partition 0.
pub(crate) const SEGMENT_SHIFT: u32 = 16;
/// log2 of an arena's size in partition 0.
const ARENA_SHIFT: u32 = SEGMENT_SHIFT + 6;
/// log2 of the offset at which partition 0 starts.
pub(crate) const PARTITION_SHIFT: u32 = ARENA_SHIFT + 6;

/// log2 of the size of a *tile*, the smallest segment: the table of bins has an entry for each.
pub(crate) const TILE_SHIFT: u32 = SEGMENT_SHIFT;
/// Tiles in which slabs may lie: all but those of the last partition, which is half of the area.
pub(crate) const TILES: usize = Partition::SPECIAL.offset() >> TILE_SHIFT;
/// The size of the half of an area in which all of these tiles are.
pub(crate) const TILED: usize = TILES << TILE_SHIFT;
/// The bytes at the start of an area that its home may take, a multiple of the largest page: the cache and the
/// heap that are at home there.
pub(crate) const HOME_LIMIT: usize = 64 << 10;
/// The bytes that the books may take between the home and the partitions.
pub(crate) const BOOKS_LIMIT: usize = SPARES_AT - HOME_LIMIT;
/// The offset of the mappings in reserve, between the books and the partitions of the first area of all.
pub(crate) const SPARES_AT: usize = (1 << PARTITION_SHIFT) - (1 << 20);

/// The window that an address lies in.
#[inline(always)]
pub(crate) fn window_of(address: *mut u8) -> usize {
    address.addr() >> AREA_SHIFT
}

/// The start of the area that an address lies in, if it is in the half of it where slabs are; else an address that starts none.
#[inline(always)]
pub(crate) fn area_with_slab(address: *mut u8) -> usize {
    address.addr() & !(TILED - 1)
}

/// One of the 8 partitions of an area; its segments are 64 KiB to 8 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Partition(u8);

impl Partition {
    /// The first partition, with the smallest segments, in which classes begin: see [`FIRST_MOST`](crate::thresholds::FIRST_MOST).
    pub(crate) const FIRST: Self = Self(0);
    /// The last partition, kept for special allocations: blocks that grow.
    pub const SPECIAL: Self = Self(PARTITIONS as u8 - 1);

    /// The partition of this number, if there is one.
    pub const fn new(number: usize) -> Option<Self> {
        if number < PARTITIONS { Some(Self(number as u8)) } else { None }
    }

    /// The first partition whose segments hold `size` bytes.
    pub const fn for_segment(size: usize) -> Option<Self> {
        Self::fitting(size, SEGMENT_SHIFT)
    }

    /// The first partition whose arenas hold `size` bytes.
    pub const fn for_arena(size: usize) -> Option<Self> {
        Self::fitting(size, ARENA_SHIFT)
    }

    const fn fitting(size: usize, shift: u32) -> Option<Self> {
        if size <= 1 << shift {
            return Some(Self(0));
        }
        Self::new(((size - 1).ilog2() + 1 - shift) as usize)
    }

    /// Its number, `0..8`.
    pub const fn number(self) -> usize {
        self.0 as usize
    }

    /// log2 of the size of its segments.
    pub(crate) const fn segment_shift(self) -> u32 {
        SEGMENT_SHIFT + self.0 as u32
    }

    /// The size of its segments in bytes: 64 KiB to 8 MiB.
    pub const fn segment_size(self) -> usize {
        1 << self.segment_shift()
    }

    /// The size of its arenas in bytes: 4 MiB to 512 MiB.
    pub const fn arena_size(self) -> usize {
        self.segment_size() * SEGMENTS
    }

    /// Its offset in the area, in bytes, which is also its size.
    pub const fn offset(self) -> usize {
        1 << (PARTITION_SHIFT + self.0 as u32)
    }

    /// Whether an address of an area's partitions that have slabs lies in the first: by its tile, which those have at hand that
    /// ask for a block's bin.
    #[inline(always)]
    pub(crate) const fn is_in_first(address: usize) -> bool {
        (address >> TILE_SHIFT) % TILES < (2 * Self::FIRST.offset()) >> TILE_SHIFT
    }

    /// All partitions, smallest segments first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..PARTITIONS as u8).map(Self)
    }
}

/// The place of an arena in its area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaPlace {
    /// The partition that it lies in.
    pub partition: Partition,
    /// Its number in the partition, `0..64`.
    pub arena: usize,
}

impl ArenaPlace {
    /// The arena with this index; the inverse of [`index`](Self::index).
    pub(crate) const fn from_index(index: usize) -> Self {
        Self { partition: Partition((index % PARTITIONS) as u8), arena: index / PARTITIONS }
    }

    /// Its index in the books. The first arenas of all partitions are neighbours, so that the books
    /// of a small program share few pages.
    pub(crate) const fn index(self) -> usize {
        self.arena * PARTITIONS + self.partition.number()
    }

    /// Its offset in the area in bytes.
    pub const fn offset(self) -> usize {
        self.partition.offset() + self.arena * self.partition.arena_size()
    }

    /// The segment that is its first slab; the others follow it in turn.
    ///
    /// If slabs began at segment 0 everywhere, the first blocks of all classes would agree in the middle bits of their
    /// addresses. Processors predict the place of a line in the first-level cache by these (AMD's by bits 12 to 27), so
    /// that the blocks would keep evicting each other.
    pub(crate) const fn first_slab(self) -> usize {
        (self.arena * 11 + self.partition.number() * 23 + 5) % SEGMENTS
    }

    /// Segment number `segment` of it.
    pub const fn segment(self, segment: usize) -> SegmentPlace {
        SegmentPlace { arena: self, segment }
    }
}

/// The place of a segment in its area.
///
/// ```
/// use stratalloc_arena::SegmentPlace;
///
/// // The third segment of the second arena of partition 1: 512 MiB + 8 MiB + 2 · 128 KiB.
/// let place = SegmentPlace::of_offset((512 << 20) + (8 << 20) + (256 << 10) + 5).unwrap();
/// assert_eq!((place.arena.partition.number(), place.arena.arena, place.segment), (1, 1, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentPlace {
    /// The arena that it lies in.
    pub arena: ArenaPlace,
    /// Its number in the arena, `0..64`.
    pub segment: usize,
}

impl SegmentPlace {
    /// The segment that an offset within an area lies in; `None` among the books or past the area.
    #[inline]
    pub const fn of_offset(offset: usize) -> Option<Self> {
        if offset < 1 << PARTITION_SHIFT || offset >= AREA_SIZE {
            return None;
        }
        let partition = Partition((offset.ilog2() - PARTITION_SHIFT) as u8);
        Some(Self::in_partition(offset, partition))
    }

    /// The segment that an offset within a partition lies in, without a look at which partition.
    #[inline]
    pub(crate) const fn in_partition(offset: usize, partition: Partition) -> Self {
        let segments = offset >> partition.segment_shift();
        Self {
            arena: ArenaPlace { partition, arena: (segments / SEGMENTS) % ARENAS },
            segment: segments % SEGMENTS,
        }
    }

    /// Its index in the books: the first few segments of each partition's first arena are neighbours, then
    /// the next few, then those of the second arenas. So the books of small programs share few pages, and
    /// those of arenas that were never used are the last.
    #[inline]
    pub(crate) const fn index(self) -> usize {
        let turn = self.segment.wrapping_sub(self.arena.first_slab()) % SEGMENTS;
        let (group, number) = (turn / GROUP, turn % GROUP);
        let row = self.arena.arena * (SEGMENTS / GROUP) + group;
        (row * PARTITIONS + self.arena.partition.number()) * GROUP + number
    }

    /// The segment with this index; the inverse of [`index`](Self::index).
    pub(crate) const fn from_index(index: usize) -> Self {
        let (row, partition) = (index / GROUP / PARTITIONS, index / GROUP % PARTITIONS);
        let (arena, group) = (row / (SEGMENTS / GROUP), row % (SEGMENTS / GROUP));
        let arena = ArenaPlace { partition: Partition(partition as u8), arena };
        arena.segment((group * GROUP + index % GROUP + arena.first_slab()) % SEGMENTS)
    }

    /// How many segments of its arena from here on have books that are neighbours, as far as the arena goes on.
    #[inline]
    pub(crate) const fn in_row(self) -> usize {
        GROUP - self.segment.wrapping_sub(self.arena.first_slab()) % GROUP
    }

    /// The tiles that it covers; some are beyond [`TILES`] in the last partition.
    pub(crate) fn tiles(self) -> core::ops::Range<usize> {
        let first = self.offset() >> TILE_SHIFT;
        first..first + (1 << self.arena.partition.number())
    }

    /// Its offset in the area in bytes.
    pub const fn offset(self) -> usize {
        self.arena.offset() + self.segment * self.arena.partition.segment_size()
    }
}

const _: () = assert!(Partition::SPECIAL.offset() * 2 == AREA_SIZE);

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn no_address_outside_of_slabs_is_taken_for_one_among_them() {
        let start = 40 << AREA_SHIFT;
        let area_at = |offset| area_with_slab(core::ptr::without_provenance_mut(start + offset));
        let without_slabs = [TILED, TILED + 4096, 2 * TILED - 1, 2 * TILED, 1 << 46];
        assert!([0, 1 << 28, TILED - 1].iter().all(|&offset| area_at(offset) == start));
        assert!(without_slabs.iter().all(|&offset| area_at(offset) != start));
        assert_ne!(NOWHERE % TILED, 0);
    }

    #[test]
    fn the_seeds_table_holds() {
        // S4.1: part size and arena size of each row.
        let parts: [usize; 8] = [64, 128, 256, 512, 1024, 2048, 4096, 8192];
        let arenas: [usize; 8] = [4, 8, 16, 32, 64, 128, 256, 512];
        for partition in Partition::all() {
            assert_eq!(partition.segment_size(), parts[partition.number()] << 10);
            assert_eq!(partition.arena_size(), arenas[partition.number()] * MIB);
        }
    }

    #[test]
    fn every_segment_is_found_from_its_first_and_last_byte() {
        for partition in Partition::all() {
            for arena in 0..ARENAS {
                for segment in 0..SEGMENTS {
                    let place = ArenaPlace { partition, arena }.segment(segment);
                    let last = place.offset() + partition.segment_size() - 1;
                    assert_eq!(SegmentPlace::of_offset(place.offset()), Some(place));
                    assert_eq!(SegmentPlace::of_offset(last), Some(place));
                    assert_eq!(ArenaPlace::from_index(place.arena.index()), place.arena);
                    assert_eq!(SegmentPlace::from_index(place.index()), place);
                    let tiles = place.tiles();
                    assert_eq!(tiles.start << TILE_SHIFT, place.offset());
                    assert_eq!(tiles.len() << TILE_SHIFT, partition.segment_size());
                }
            }
        }
    }

    #[test]
    fn offsets_outside_the_partitions_have_no_segment() {
        for offset in [
            0,
            1,
            SPARES_AT,
            Partition::for_segment(1).unwrap().offset() - 1,
            AREA_SIZE,
            usize::MAX,
        ] {
            assert_eq!(SegmentPlace::of_offset(offset), None);
        }
    }

    #[test]
    fn the_smallest_fitting_partition_is_chosen() {
        for (size, number) in [(1, 0), (65536, 0), (65537, 1), (2 * MIB, 5), (8 * MIB, 7)] {
            assert_eq!(Partition::for_segment(size), Partition::new(number), "{size}");
        }
        assert_eq!(Partition::for_segment(8 * MIB + 1), None);
        for (size, number) in [(2 * MIB, 0), (4 * MIB, 0), (4 * MIB + 1, 1), (512 * MIB, 7)] {
            assert_eq!(Partition::for_arena(size), Partition::new(number), "{size}");
        }
        assert_eq!(Partition::for_arena(512 * MIB + 1), None);
    }
}
