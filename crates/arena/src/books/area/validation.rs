//! Checks that an area's books agree with each other and with its table of bins.

use core::sync::atomic::Ordering;

use crate::{
    books::{
        area::{Books, tables::bitmap_lines},
        arena::{Arena, Use},
        broken::{Broken, expect},
        slab::Segment,
    },
    plan::{
        bins::Bin,
        geometry::{ArenaPlace, SEGMENTS, SegmentPlace, TILES},
    },
};

/// What a heap's figures must be by the books of its areas.
#[derive(Default)]
pub(crate) struct Sums {
    /// Bytes of blocks that aren't free, but for large ones.
    pub(crate) small: usize,
    /// Pages of 4 KiB of large blocks.
    pub(crate) pages: usize,
    /// Bytes that serve nothing.
    pub(crate) dirty: usize,
    /// Listed slabs, and those that aren't and have free blocks.
    pub(crate) slabs: usize,
    pub(crate) unlisted: usize,
    /// Listed arenas.
    pub(crate) arenas: usize,
}

impl Books {
    /// Checks the invariants of an area, and adds its part of the heap's figures to `sums`. O(tiles of arenas in use).
    pub(crate) fn validate(&mut self, sums: &mut Sums) -> Result<(), Broken> {
        let mut lines = 0;
        for index in 0..self.arenas.len() {
            let place = ArenaPlace::from_index(index);
            let taken = self.taken[place.partition.number()] & (1 << place.arena) != 0;
            expect(taken == (self.arena(place).purpose != Use::VACANT), "BOOKS-1: taken")?;
            if self.tables.has_segments_of(place) {
                lines += self.validate_arena(place, sums)?;
            }
        }
        expect(lines == self.tables.lines_given(), "BOOKS-3: bitmaps")
    }

    /// Checks an arena and its segments; returns how many lines of bit maps these have.
    fn validate_arena(&mut self, place: ArenaPlace, sums: &mut Sums) -> Result<usize, Broken> {
        let &mut Arena { used, dirty, committed, whole, huge, purpose, listed, .. } =
            self.arena(place);
        expect(used & dirty == 0, "ARENA-1: dirty")?;
        expect(whole & !committed == 0 && huge & !whole == 0, "ARENA-2: usable")?;
        expect(listed == 0 || purpose.is_of_segments(), "ARENA-3: listed")?;
        expect(listed != 0 || !purpose.is_of_segments() || used == u64::MAX, "ARENA-3: listed")?;
        sums.arenas += usize::from(listed != 0);
        let mut lines = 0;
        for number in 0..SEGMENTS {
            self.validate_segment(place.segment(number), sums)?;
            lines += self.segment(place.segment(number)).lines as usize;
        }
        Ok(lines)
    }

    /// Checks a segment, and the slab that it serves as.
    fn validate_segment(&mut self, place: SegmentPlace, sums: &mut Sums) -> Result<(), Broken> {
        self.validate_memory(place)?;
        let bit = 1 << place.segment;
        let used = self.arena(place.arena).used & bit != 0;
        let &mut Segment { bin, pages, touched, bitmap, lines, .. } = self.segment(place);
        expect(used || (bin == Bin::NONE && pages == 0), "AREA-2: tiles")?;
        expect(self.has_tiles(place, bin), "AREA-2: tiles")?;
        expect(bin == Bin::NONE || bitmap != 0, "BOOKS-5: slabs")?;
        sums.pages += pages as usize;
        sums.dirty += if used { 0 } else { touched as usize };
        expect((bitmap == 0) == (lines == 0), "BOOKS-3: bitmaps")?;
        let Some(slab) = self.slab_of(place) else { return Ok(()) };
        expect(lines as usize >= bitmap_lines(slab.shape), "BOOKS-3: bitmaps")?;
        sums.slabs += usize::from(slab.segment.listed);
        sums.unlisted += usize::from(!slab.segment.listed && slab.segment.free != 0);
        sums.small += slab.carved_bytes() - (slab.segment.free * slab.shape.block_size) as usize;
        sums.dirty += slab.idle();
        slab.validate()
    }

    /// Checks what is known of the memory behind a segment.
    fn validate_memory(&mut self, place: SegmentPlace) -> Result<(), Broken> {
        let (bit, size) = (1 << place.segment, place.arena.partition.segment_size());
        let &mut Arena { dirty, committed, whole, .. } = self.arena(place.arena);
        let segment = self.segment(place);
        let (usable, touched) = (segment.usable as usize, segment.touched as usize);
        let least = if whole & bit != 0 { size } else { usize::from(committed & bit != 0) };
        expect(usable >= least && usable <= size, "ARENA-2: usable")?;
        expect(committed & bit != 0 || usable == 0, "BOOKS-2: committed")?;
        expect(touched <= size, "SEGMENT-5: touched")?;
        let is_slab = segment.bin != Bin::NONE;
        let most_locked = if is_slab { 0 } else { usable };
        expect(segment.locked as usize <= most_locked, "SEGMENT-6: locked")?;
        expect(dirty & bit == 0 || touched != 0, "ARENA-1: dirty")
    }

    /// Whether the tiles of a segment have this bin.
    fn has_tiles(&self, place: SegmentPlace, bin: Bin) -> bool {
        let tiles = place.tiles();
        tiles.end > TILES
            || self.bins()[tiles].iter().all(|tile| tile.load(Ordering::Relaxed) == bin.byte())
    }
}
