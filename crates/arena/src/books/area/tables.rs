//! The tables that follow an area's books, and grow with use: of segments, and of bit maps.
//!
//! ```text
//! 0                the area's struct
//! SEGMENTS_AT      books of segments, arena number by arena number of all partitions
//! LINES_AT         lines of bit maps, in the order in which segments first served as slabs
//! HELD_AT          which blocks the program holds, in the checked and the hardened build
//! ```
//!
//! Each is usable from its start to where it is needed. The struct and the first table are one mapping.

use core::ptr::NonNull;

use stratalloc_core::ProviderError;

use crate::{
    books::{
        area::Area,
        slab::{BITMAP_WORDS, BITMAP_WORDS_SMALLEST, Segment},
    },
    plan::{
        bins::SlabShape,
        geometry::{
            ARENAS, ArenaPlace, BOOKS_LIMIT, HOME_LIMIT, PARTITIONS, Partition, SEGMENTS,
            SegmentPlace,
        },
    },
    sys::{self, mappings},
};

/// Words in which space for bit maps is given out.
pub(super) const LINE: usize = BITMAP_WORDS;
const LINE_BYTES: usize = LINE * size_of::<u64>();
/// Lines of a bit map of the smallest blocks.
const LINES_SMALLEST: usize = BITMAP_WORDS_SMALLEST / LINE;
/// Lines for the bit maps of every segment: in partition 0 four, after one that was too short for small blocks, and one in each
/// other that has slabs.
const LINES: usize = SEGMENTS * ARENAS * (1 + LINES_SMALLEST + PARTITIONS - 2);
/// Bytes of bit maps that are made usable at least.
const LINES_STEP: usize = 16 << 10;

/// Books of segments for the arenas of one number, in all partitions.
const SEGMENTS_OF_NUMBER: usize = SEGMENTS * PARTITIONS * size_of::<Segment>();
/// Whether a table says which blocks the program holds: in the checked and the hardened build.
pub(crate) const KNOWS_HELD: bool = cfg!(feature = "checked");

/// Bytes of a block at least, where there is such a table: it has a byte for each so many of partition 0.
pub(crate) const HELD_SIZE: usize = 16;
/// log2 of that table's bytes for an arena, in any partition.
pub(super) const HELD_ARENA_BYTES: u32 =
    (Partition::SPECIAL.arena_size() / (HELD_SIZE * 128)).ilog2();
/// Its bytes for the arenas of one number in all partitions.
const HELD_OF_NUMBER: usize = PARTITIONS << HELD_ARENA_BYTES;

/// The largest pages that a system may have: tables begin at multiples of it.
const PAGE_LIMIT: usize = 64 << 10;
pub(super) const SEGMENTS_AT: usize = size_of::<Area>();
pub(super) const LINES_AT: usize =
    (SEGMENTS_AT + ARENAS * SEGMENTS_OF_NUMBER).next_multiple_of(PAGE_LIMIT);
pub(super) const HELD_AT: usize = (LINES_AT + LINES * LINE_BYTES).next_multiple_of(PAGE_LIMIT);

const _: () = assert!(Partition::SPECIAL.number() == 7);
const _: () = assert!(SEGMENTS_AT % align_of::<Segment>() == 0);
const _: () = assert!(HELD_AT + ARENAS * HELD_OF_NUMBER <= BOOKS_LIMIT || !KNOWS_HELD);
// What `strip` purges begins at a page, and has the books of all segments, however large pages are.
const _: () =
    assert!(core::mem::offset_of!(Area, bins).next_multiple_of(PAGE_LIMIT) <= SEGMENTS_AT);

/// Lines of the bit map of a slab.
#[inline]
pub(super) const fn bitmap_lines(shape: &SlabShape) -> usize {
    if shape.capacity as usize > LINE * u64::BITS as usize { LINES_SMALLEST } else { 1 }
}

/// Where the book of a segment lies in the area.
#[inline]
pub(super) const fn segment_offset(place: SegmentPlace) -> usize {
    SEGMENTS_AT + place.index() * size_of::<Segment>()
}

/// The segment whose book lies there; the inverse of [`segment_offset`].
pub(super) const fn place_of(offset: usize) -> SegmentPlace {
    SegmentPlace::from_index((offset - SEGMENTS_AT) / size_of::<Segment>())
}

/// Where a line of bit maps lies in the area.
#[inline]
pub(super) const fn line_offset(line: u32) -> usize {
    LINES_AT + line as usize * LINE_BYTES
}

/// How far the tables are usable. All zero is none of them.
///
/// # Invariants
///
/// - [TABLES-1: usable] The tables of segments and of held blocks are usable for the arenas whose number is below
///   `arenas_booked`, and those of bit maps for `lines_usable` bytes. `lines_given` lines lie within these.
#[derive(Default)]
pub(super) struct Tables {
    /// Numbers of arenas whose segments have books.
    arenas_booked: usize,
    /// Bytes of bit maps that are usable.
    lines_usable: usize,
    /// Lines that are given out. A segment gets its lines when it first serves as a slab, and keeps them: so the lines in
    /// use lie together.
    lines_given: usize,
}

/// The end of the mapping that the area begins with.
fn books_end(arenas: usize) -> usize {
    sys::round_to_pages(SEGMENTS_AT + arenas * SEGMENTS_OF_NUMBER)
}

impl Tables {
    /// Maps an area's home, its struct, and the tables as far as its first arenas need them.
    pub(super) fn map_first(start: NonNull<u8>) -> Result<Self, ProviderError> {
        let size = HOME_LIMIT + books_end(1);
        sys::map_at(start, size)?;
        let area = start.as_ptr().wrapping_add(HOME_LIMIT);
        if KNOWS_HELD && !extend(area, HELD_AT, HELD_OF_NUMBER) {
            // SAFETY: mapped by this function, and nobody else knows of it.
            unsafe { sys::unmap(start, size) };
            return Err(ProviderError::OutOfMemory { size: HELD_OF_NUMBER, align: 1 });
        }
        mappings::change(0, 1);
        Ok(Self { arenas_booked: 1, ..Self::default() })
    }

    /// The numbers of arenas whose segments have books.
    pub(super) fn arenas_booked(&self) -> usize {
        self.arenas_booked
    }

    /// Whether a segment of the arena has its book.
    pub(super) fn has_segments_of(&self, place: ArenaPlace) -> bool {
        place.arena < self.arenas_booked
    }

    /// Makes the books of arenas usable whose number is below `end`; returns whether it could.
    pub(super) fn book_arenas(&mut self, area: *mut u8, end: usize) -> bool {
        while self.arenas_booked < end {
            let number = self.arenas_booked;
            let (from, to) = (books_end(number), books_end(number + 1));
            let held = HELD_AT + number * HELD_OF_NUMBER;
            let held_too = !KNOWS_HELD || extend(area, held, HELD_OF_NUMBER);
            if !held_too || !extend(area, from, to - from) {
                return false;
            }
            self.arenas_booked += 1;
        }
        true
    }

    /// Gives out `count` lines for a bit map; returns the first.
    pub(super) fn give_lines(&mut self, area: *mut u8, count: usize) -> Option<u32> {
        let first = self.lines_given;
        let end = first + count;
        if end * LINE_BYTES > self.lines_usable && !self.extend_lines(area, end * LINE_BYTES) {
            return None;
        }
        self.lines_given = end;
        Some(first as u32)
    }

    /// Makes `bytes` of bit maps usable, and as many again where the system grants it.
    fn extend_lines(&mut self, area: *mut u8, bytes: usize) -> bool {
        let doubled = bytes.max(self.lines_usable * 2).clamp(LINES_STEP, LINES * LINE_BYTES);
        let from = self.lines_usable;
        let found = [doubled, bytes]
            .map(sys::round_to_pages)
            .into_iter()
            .find(|&end| extend(area, LINES_AT + from, end - from));
        mappings::change(0, u32::from(from == 0 && found.is_some()));
        self.lines_usable = found.unwrap_or(from);
        found.is_some()
    }

    /// Lines of bit maps that segments have.
    pub(super) fn lines_given(&self) -> usize {
        self.lines_given
    }

    /// Whether [`strip`](Self::strip) would give nothing back.
    pub(super) fn are_bare(&self) -> bool {
        self.lines_given == 0 && self.arenas_booked == 1
    }

    /// Gives the memory of the tables back, and of the tiles' bins, except for what an area begins with; returns whether
    /// the system took it.
    ///
    /// # Safety
    ///
    /// No segment serves anything, or has usable memory: all zero is right for all books and tiles.
    pub(super) unsafe fn strip(&mut self, area: *mut u8) -> bool {
        let held = (self.arenas_booked - 1) * HELD_OF_NUMBER;
        let more = books_end(self.arenas_booked) - books_end(1);
        // SAFETY: no segment serves anything or is usable, by this function's contract: books that aren't there say the
        // same, and no block is held.
        let unmapped = unsafe {
            unmap(area, HELD_AT + HELD_OF_NUMBER, held) && unmap(area, books_end(1), more)
        };
        if !unmapped {
            return false;
        }
        self.arenas_booked = 1;
        // SAFETY: all zero is right for all books and tiles, by this function's contract.
        unsafe { clear_first(area) };
        self.lines_given = 0;
        // SAFETY: the books of all segments are zero by now, so that none has a bit map.
        if self.lines_usable != 0 && unsafe { unmap(area, LINES_AT, self.lines_usable) } {
            mappings::change(1, 0);
            self.lines_usable = 0;
        }
        true
    }

    /// Gives the tables back to the system, the area's struct, and its home.
    ///
    /// # Safety
    ///
    /// They are those of this area, and nobody touches it any more.
    pub(super) unsafe fn unmap(self, area: *mut u8) {
        mappings::change(1 + u32::from(self.lines_usable != 0), 0);
        let home = area.wrapping_sub(HOME_LIMIT);
        // SAFETY: [TABLES-1: usable] they are so large; nobody touches the area any more, by this function's contract.
        unsafe {
            unmap(area, HELD_AT, self.arenas_booked * HELD_OF_NUMBER);
            unmap(area, LINES_AT, self.lines_usable);
            unmap(home, 0, HOME_LIMIT + books_end(self.arenas_booked));
        }
    }
}

/// Zeroes the books of segments that an area begins with, and the bins of all tiles.
///
/// # Safety
///
/// No segment of the area serves anything, or has usable memory.
unsafe fn clear_first(area: *mut u8) {
    let end = area.wrapping_add(books_end(1));
    let tiles = area.wrapping_add(core::mem::offset_of!(Area, bins));
    let first = tiles.map_addr(sys::round_to_pages);
    // SAFETY: [TABLES-1: usable] the bytes are usable; all of them may be zero, by this function's contract.
    if !unsafe { sys::purge(first, end.addr() - first.addr()) } {
        let segments = area.wrapping_add(SEGMENTS_AT);
        // SAFETY: the same bytes, but for tiles, which are zero already: [AREA-2: tiles] none has a bin.
        unsafe { segments.write_bytes(0, end.addr() - segments.addr()) };
    }
}

/// Gives a piece at an offset of an area back, if it has any bytes; returns whether it is gone.
///
/// # Safety
///
/// As for [`sys::unmap`].
unsafe fn unmap(area: *mut u8, offset: usize, size: usize) -> bool {
    let start = NonNull::new(area.wrapping_add(offset));
    // SAFETY: the piece is the caller's, and nothing live lies in it, by this function's contract.
    size == 0 || start.is_some_and(|start| unsafe { sys::unmap(start, size) })
}

/// Makes a piece of a table usable that is at an offset of an area: its first, or the one that follows those usable.
/// Where pages are large, what was rounded up to them may have no bytes.
fn extend(area: *mut u8, offset: usize, size: usize) -> bool {
    if size == 0 {
        return true;
    }
    let is_first = offset == LINES_AT || offset == HELD_AT;
    let Some(start) = NonNull::new(area.wrapping_add(offset)) else { return false };
    let mapped = if is_first {
        sys::map_at(start, size)
    } else {
        // SAFETY: [TABLES-1: usable] the piece before is usable, and of the same table.
        unsafe { sys::map_after(start, size) }
    };
    mapped.is_ok()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_piece_without_bytes_is_usable() {
        let mut page = [0_u8; 16];
        assert!(extend(page.as_mut_ptr(), 16, 0));
    }
}
