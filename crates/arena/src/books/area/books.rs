//! The books of an area: what its heap notes of its arenas and segments.

use core::sync::atomic::{AtomicU8, Ordering};

use crate::{
    books::{
        area::{
            Area,
            tables::{self, LINE, Tables, bitmap_lines},
        },
        arena::Arena,
        fetch::fetch,
        slab::{Segment, Slab},
    },
    plan::{
        bins::Bin,
        geometry::{AREA_SIZE, ARENAS, ArenaPlace, HOME_LIMIT, PARTITIONS, SegmentPlace, TILES},
    },
};

/// What an area's heap notes of it, under its lock; a part of an [`Area`].
///
/// # Invariants
///
/// - [BOOKS-1: taken] An arena is in `taken` exactly if its `purpose` isn't vacant.
/// - [BOOKS-2: committed] A segment in its arena's `committed` is usable from its start, for as many bytes as the
///   `usable` of its book.
/// - [BOOKS-3: bitmaps] A segment whose book has a `bitmap` has the lines of bit maps from there on for itself, as
///   many as blocks of its bin need; they are usable.
/// - [BOOKS-4: tables] The books of segments are usable in all arenas whose number is below `arenas_booked`.
/// - [BOOKS-5: slabs] A segment whose book has a bin serves as a slab of it, and has a bit map.
#[repr(C)]
pub(crate) struct Books {
    /// Arenas that serve something, for each partition.
    pub(super) taken: [u64; PARTITIONS],
    /// For each partition, the offset at which usable memory ends; zero if there is none.
    pub(super) reach: [usize; PARTITIONS],
    pub(super) tables: Tables,
    pub(super) arenas: [Arena; ARENAS * PARTITIONS],
}

impl Books {
    /// Notes the bin that a segment serves as a slab of, or none.
    pub(crate) fn set_bin(&mut self, place: SegmentPlace, bin: Bin) {
        let segment = self.segment(place);
        debug_assert!(bin == Bin::NONE || segment.bitmap != 0, "a slab has a bit map");
        segment.bin = bin;
        for entry in &self.bins()[place.tiles()] {
            entry.store(bin.byte(), Ordering::Relaxed);
        }
    }

    /// The area's table of bins.
    pub(super) fn bins(&self) -> &[AtomicU8; TILES] {
        let area: *const Area = self.start().cast_const().cast();
        // SAFETY: books lie in an area, in which the table stands beside them; it consists of atomics.
        unsafe { &(*area).bins }
    }

    /// The book of an arena.
    pub(crate) fn arena(&mut self, place: ArenaPlace) -> &mut Arena {
        &mut self.arenas[place.index()]
    }

    /// The book of a segment, in an arena that was in use at least once.
    #[inline]
    pub(crate) fn segment(&mut self, place: SegmentPlace) -> &mut Segment {
        // SAFETY: [BOOKS-4: tables] the book is usable; all zero is a segment's book; the borrow of the area keeps
        // others out.
        unsafe { &mut *self.book_of(place) }
    }

    /// Where the book of a segment lies.
    #[inline]
    fn book_of(&self, place: SegmentPlace) -> *mut Segment {
        debug_assert!(self.tables.has_segments_of(place.arena));
        let book = self.start().wrapping_add(tables::segment_offset(place));
        core::ptr::with_exposed_provenance_mut(book.expose_provenance())
    }

    /// Calls `look` with the books of `count` segments of an arena, from the first on.
    #[inline]
    pub(crate) fn each_segment(
        &mut self,
        first: SegmentPlace,
        count: usize,
        mut look: impl FnMut(&mut Segment),
    ) {
        let (mut number, end) = (first.segment, first.segment + count);
        while number < end {
            let place = first.arena.segment(number);
            let row = place.in_row().min(end - number);
            // SAFETY: [BOOKS-4: tables] these books are usable, and neighbours; all zero is a segment's book; the borrow of
            // the area keeps others out.
            let books = unsafe { core::slice::from_raw_parts_mut(self.book_of(place), row) };
            books.iter_mut().for_each(&mut look);
            number += row;
        }
    }

    /// Whether a segment serves something. It may be one that was never in use.
    pub(crate) fn is_used(&self, place: SegmentPlace) -> bool {
        self.arenas[place.arena.index()].used & (1 << place.segment) != 0
    }

    /// The address of a segment's first byte.
    #[inline]
    pub(crate) fn address(&mut self, place: SegmentPlace) -> *mut u8 {
        self.first_byte().wrapping_add(place.offset())
    }

    /// The slab that a segment serves as, if it serves as one.
    pub(crate) fn slab_of(&mut self, place: SegmentPlace) -> Option<Slab<'_>> {
        let bin = self.segment(place).bin;
        let start = self.address(place);
        // SAFETY: [BOOKS-5: slabs] the segment serves as a slab of the bin that its book has.
        (bin != Bin::NONE).then(|| unsafe { self.slab(start, bin) })
    }

    /// The slab of `bin` that a block lies in, or starts with.
    ///
    /// # Safety
    ///
    /// The block, or address, lies in a segment of this area that serves as a slab of this bin.
    #[inline]
    pub(crate) unsafe fn slab(&mut self, block: *mut u8, bin: Bin) -> Slab<'_> {
        // SAFETY: this function's contract is the same; the book is the slab's.
        unsafe { self.slab_of_book(self.book_around(block, bin), block, bin) }
    }

    /// Where the book of the slab of `bin` lies that a block lies in.
    #[inline(always)]
    pub(crate) fn book_around(&self, block: *mut u8, bin: Bin) -> *mut Segment {
        let partition = bin.shape_at(block).partition;
        self.book_of(SegmentPlace::in_partition(block.addr(), partition))
    }

    /// The same slab as [`slab`](Self::slab), where its book is known.
    ///
    /// # Safety
    ///
    /// As for [`slab`](Self::slab), and the book is that [around](Self::book_around) the block.
    #[inline]
    pub(crate) unsafe fn slab_of_book(
        &mut self,
        book: *mut Segment,
        block: *mut u8,
        bin: Bin,
    ) -> Slab<'_> {
        let shape = bin.shape_at(block);
        let base = block.map_addr(|addr| addr & !(shape.partition.segment_size() - 1));
        // SAFETY: [BOOKS-4: tables] the book is usable; the borrow of the area keeps others out.
        let segment = unsafe { &mut *book };
        let words = bitmap_lines(shape) * LINE;
        // SAFETY: [BOOKS-5: slabs] the segment has a bit map, and [BOOKS-3: bitmaps] its lines are its own.
        let bitmap =
            unsafe { core::slice::from_raw_parts_mut(self.bitmap_of(segment).cast(), words) };
        Slab { segment, bitmap, base, shape }
    }

    /// Where the bit map of a segment lies that has one.
    #[inline(always)]
    fn bitmap_of(&self, segment: &Segment) -> *mut u8 {
        debug_assert!(segment.bitmap != 0);
        let bitmap = self.start().wrapping_add(tables::line_offset(segment.bitmap - 1));
        core::ptr::with_exposed_provenance_mut(bitmap.expose_provenance())
    }

    /// Has the processor fetch the word of a bit map that a block has its bit in.
    ///
    /// # Safety
    ///
    /// As for [`slab_of_book`](Self::slab_of_book).
    #[inline(always)]
    pub(crate) unsafe fn fetch_bit(&self, book: *const Segment, block: *mut u8, bin: Bin) {
        let word = bin.shape_at(block).block_around(block) / 64;
        // SAFETY: [BOOKS-4: tables] the book is usable; the borrow of the area keeps others out.
        fetch(self.bitmap_of(unsafe { &*book }).wrapping_add(word * size_of::<u64>()));
    }

    /// Gives a segment a bit map for blocks of a bin if it has none, or one that is too short for them; returns whether it has
    /// one then.
    pub(crate) fn prepare_slab(&mut self, place: SegmentPlace, bin: Bin) -> bool {
        let wanted = bitmap_lines(bin.shape_at(self.address(place)));
        if self.segment(place).lines as usize >= wanted {
            return true;
        }
        let start = self.start();
        let Some(line) = self.tables.give_lines(start, wanted) else { return false };
        let segment = self.segment(place);
        segment.bitmap = line + 1;
        segment.lines += wanted as u8;
        true
    }

    /// Gives all segments back to the system, and returns the tables, which the caller unmaps.
    ///
    /// # Safety
    ///
    /// No block of the area is live.
    pub(super) unsafe fn give_up(&mut self) -> Tables {
        for place in self.booked() {
            let committed = self.arena(place).committed;
            // SAFETY: no block of the area is live, by this function's contract, so that no segment serves anything.
            unsafe { self.unmap_segments(place, committed) };
        }
        core::mem::take(&mut self.tables)
    }

    /// The address of the area's struct.
    pub(super) fn start(&self) -> *mut u8 {
        let first = core::ptr::from_ref(self).addr() & !(AREA_SIZE - 1);
        core::ptr::with_exposed_provenance_mut(first + HOME_LIMIT)
    }

    /// The address of the area's first byte, which is its home's.
    fn first_byte(&mut self) -> *mut u8 {
        self.start().wrapping_sub(HOME_LIMIT)
    }
}
