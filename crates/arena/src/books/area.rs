//! An area's books: the struct that stands at its start.

mod arenas;
mod commit;
mod purge;
mod tables;
mod validation;

use core::{
    cell::UnsafeCell,
    ptr::NonNull,
    sync::atomic::{AtomicPtr, AtomicU8, Ordering},
};

use stratalloc_core::ProviderError;

use crate::{
    books::{
        area::tables::{LINE, Tables, bitmap_lines},
        arena::Arena,
        reference::{AreaRef, ArenaRef, SegmentRef},
        slab::{Segment, Slab},
    },
    plan::{
        bins::Bin,
        geometry::{
            AREA_SIZE, ARENAS, ArenaPlace, HOME_LIMIT, PARTITIONS, SegmentPlace, TILE_SHIFT, TILES,
        },
    },
};

pub(crate) use crate::books::area::{
    commit::{Appetite, Refusal},
    tables::{HAS_HELD, held_words},
    validation::Sums,
};

/// What every thread may look at of an area, and its books, behind the home at its start. All zero is an area in
/// which nothing was ever used.
///
/// The tables of segments and of bit maps follow it, and become usable as they grow.
///
/// # Invariants
///
/// - [AREA-1: place] It stands [`HOME_LIMIT`] behind a multiple of [`AREA_SIZE`]; the bytes before it and its own
///   are readable and writable.
/// - [AREA-6: tiles] The tiles of a slab have its [bin](Bin), and all others none. They change only under the lock of
///   the area's heap, and from or to a bin only while no block of the segment is live.
/// - [AREA-8: books] `books` is touched only by whoever holds the lock of the heap that the area belongs to, and by
///   its creator.
#[repr(C)]
pub(crate) struct Area {
    /// The area that its heap had before it, or null: set under the heap's lock before others see it, `Relaxed`.
    /// In front, beside the books of the first arenas: behind all of them it would touch a page more.
    older: AtomicPtr<Area>,
    books: UnsafeCell<Books>,
    /// For each tile of the area the bin of the slab there, or [`Bin::NONE`].
    ///
    /// `Relaxed` throughout: who frees a block has it from whoever allocated it, and with it the entry,
    /// by [AREA-6].
    bins: [AtomicU8; TILES],
}

/// What an area's heap notes of it, under its lock; a part of an [`Area`].
///
/// # Invariants
///
/// - [BOOKS-3: taken] An arena is in `taken` exactly if its `purpose` isn't vacant.
/// - [BOOKS-4: committed] A segment's memory is usable as far as its book says, if its arena's has it in
///   `committed`.
/// - [BOOKS-5: bitmaps] A segment whose book says so has the lines of bit maps from there on, as many as its
///   partition needs, for itself; they are usable.
/// - [BOOKS-7: tables] The books of segments are usable in all arenas whose number is below `arenas_booked`.
#[repr(C)]
pub(crate) struct Books {
    /// Arenas that serve something, for each partition.
    taken: [u64; PARTITIONS],
    /// For each partition, the offset at which usable memory ends; zero if there is none.
    reach: [usize; PARTITIONS],
    tables: Tables,
    arenas: [Arena; ARENAS * PARTITIONS],
}

impl Area {
    /// Makes `start`, an area's worth of address space that the caller has to himself, an area, whose home is zero.
    ///
    /// Nothing is reserved: each piece is mapped when it is first used. Fails with `EEXIST` if something
    /// stands there.
    pub(crate) fn create(start: NonNull<u8>) -> Result<AreaRef, ProviderError> {
        start.as_ptr().expose_provenance();
        let tables = Tables::map_first(start)?;
        let area = Self::containing(start.as_ptr());
        // SAFETY: [AREA-1] just made true; zeroed memory is a valid area, and nobody else knows of it.
        unsafe {
            Self::books(area).tables = tables;
            Ok(AreaRef::new(NonNull::new_unchecked(area)))
        }
    }

    /// The books of the area that an address lies in, whether or not there is one.
    #[inline]
    pub(crate) fn containing(address: *mut u8) -> *mut Self {
        address.map_addr(|addr| (addr & !(AREA_SIZE - 1)) + HOME_LIMIT).cast()
    }

    /// The bin of the slab that an address of the area lies in.
    ///
    /// # Safety
    ///
    /// `address` lies in an area that its [window](crate::books::windows) announces.
    #[inline(always)]
    pub(crate) unsafe fn bin_of(address: *mut u8) -> Bin {
        let (start, offset) = (address.addr() & !(AREA_SIZE - 1), address.addr() % AREA_SIZE);
        match offset >> TILE_SHIFT {
            // SAFETY: the caller's promise.
            tile if tile < TILES => unsafe { Self::bin_at(start, tile) },
            _ => Bin::NONE,
        }
    }

    /// The bin of the slab that a tile lies in.
    ///
    /// # Safety
    ///
    /// An area starts at `start`, and has the tile.
    #[inline(always)]
    pub(crate) unsafe fn bin_at(start: usize, tile: usize) -> Bin {
        let entry = start + HOME_LIMIT + core::mem::offset_of!(Self, bins) + tile;
        // SAFETY: the caller's promise. [AREA-6] nobody writes the entry while a block of the segment is live.
        // (A relaxed load would do as well, for one instruction more.)
        unsafe { core::ptr::with_exposed_provenance::<Bin>(entry).read() }
    }

    /// The segment that a book is about.
    ///
    /// # Safety
    ///
    /// It is a book of an area's table.
    pub(crate) unsafe fn segment_of(book: *mut Segment) -> SegmentRef {
        // SAFETY: the tables of an area lie within it.
        let area = unsafe { AreaRef::containing(book.cast()) };
        SegmentRef { area, place: tables::place_of(book.addr() - area.as_ptr().addr()) }
    }

    /// The arena that a book is about.
    ///
    /// # Safety
    ///
    /// It is one of an area's books.
    pub(crate) unsafe fn arena_of(book: *mut Arena) -> ArenaRef {
        // SAFETY: the books of an area lie within it.
        let area = unsafe { AreaRef::containing(book.cast()) };
        let first = area.as_ptr().addr()
            + core::mem::offset_of!(Self, books)
            + core::mem::offset_of!(Books, arenas);
        let index = (book.addr() - first) / size_of::<Arena>();
        ArenaRef { area, place: ArenaPlace::from_index(index) }
    }

    /// The area that its heap had before this one.
    ///
    /// # Safety
    ///
    /// `this` is an area.
    pub(crate) unsafe fn older(this: NonNull<Self>) -> Option<NonNull<Self>> {
        // SAFETY: the caller's promise; the field is an atomic.
        NonNull::new(unsafe { (*this.as_ptr()).older.load(Ordering::Relaxed) })
    }

    /// Notes which area its heap had before this one.
    ///
    /// # Safety
    ///
    /// `this` is an area.
    pub(crate) unsafe fn set_older(this: NonNull<Self>, older: Option<NonNull<Self>>) {
        let older = older.map_or(core::ptr::null_mut(), NonNull::as_ptr);
        // SAFETY: the caller's promise; the field is an atomic.
        unsafe { (*this.as_ptr()).older.store(older, Ordering::Relaxed) };
    }

    /// The books of an area.
    ///
    /// # Safety
    ///
    /// `this` is an area that isn't given back meanwhile, and the caller may touch its books [AREA-8] and has no
    /// other reference to them.
    #[inline]
    pub(crate) unsafe fn books<'a>(this: *mut Self) -> &'a mut Books {
        // SAFETY: the caller's promise.
        unsafe { &mut *UnsafeCell::raw_get(&raw const (*this).books) }
    }

    /// Gives all of it back to the system, the books as well.
    ///
    /// # Safety
    ///
    /// No block of it is live, and nobody touches it any more.
    pub(crate) unsafe fn unmap(this: *mut Self) {
        // SAFETY: the caller's promise; the reference ends before the books do.
        unsafe {
            let tables = Self::books(this).give_up();
            tables.unmap(this.cast());
        }
    }
}

impl Books {
    /// Notes which bin a segment serves as a slab, if any.
    pub(crate) fn set_bin(&mut self, place: SegmentPlace, bin: Bin) {
        self.segment(place).bin = bin;
        let area: *const Area = self.start().cast_const().cast();
        // SAFETY: the books lie in an area, whose table of bins all threads share.
        for entry in unsafe { &(&(*area).bins)[place.tiles()] } {
            entry.store(bin.byte(), Ordering::Relaxed);
        }
    }

    pub(crate) fn arena(&mut self, place: ArenaPlace) -> &mut Arena {
        &mut self.arenas[place.index()]
    }

    /// The book of a segment, in an arena that isn't vacant or wasn't always.
    #[inline]
    pub(crate) fn segment(&mut self, place: SegmentPlace) -> &mut Segment {
        debug_assert!(self.tables.has_segments_of(place.arena));
        let book = self.start().wrapping_add(tables::segment_offset(place));
        // SAFETY: [BOOKS-7]; all zero is a segment's book; the borrow of the area keeps others out.
        unsafe { &mut *core::ptr::with_exposed_provenance_mut(book.expose_provenance()) }
    }

    /// Whether a segment serves something, by an address that may be anybody's.
    pub(crate) fn is_used(&self, place: SegmentPlace) -> bool {
        self.arenas[place.arena.index()].used & (1 << place.segment) != 0
    }

    /// The address of a segment's first byte.
    #[inline]
    pub(crate) fn address(&mut self, place: SegmentPlace) -> *mut u8 {
        self.first_byte().wrapping_add(place.offset())
    }

    /// The slab of `bin` that a block lies in, or starts with.
    ///
    /// # Safety
    ///
    /// The block, or address, lies in a segment of this area that serves as a slab of this bin.
    #[inline]
    pub(crate) unsafe fn slab(&mut self, block: *mut u8, bin: Bin) -> Slab<'_> {
        let shape = bin.shape();
        let place = SegmentPlace::in_partition(block.addr(), shape.partition);
        let base = block.map_addr(|addr| addr & !(shape.partition.segment_size() - 1));
        let start = self.start();
        let segment = self.segment(place);
        debug_assert!(segment.bitmap != 0);
        let words = bitmap_lines(place.arena.partition) * LINE;
        let bitmap = start.wrapping_add(tables::line_offset(segment.bitmap - 1));
        // SAFETY: [BOOKS-5] the segment has these lines, and no other has.
        let bitmap = unsafe {
            let first = core::ptr::with_exposed_provenance_mut(bitmap.expose_provenance());
            core::slice::from_raw_parts_mut(first, words)
        };
        Slab { segment, bitmap, base, shape }
    }

    /// Gives a segment a bit map if it has none; says whether it has one.
    pub(crate) fn prepare_slab(&mut self, place: SegmentPlace) -> bool {
        if self.segment(place).bitmap != 0 {
            return true;
        }
        let start = self.start();
        let Some(line) = self.tables.give_lines(start, place.arena.partition) else { return false };
        self.segment(place).bitmap = line + 1;
        true
    }

    /// Gives all segments back to the system, before the books go too: they are the caller's to unmap.
    ///
    /// # Safety
    ///
    /// No block of the area is live.
    unsafe fn give_up(&mut self) -> Tables {
        for index in 0..self.arenas.len() {
            let place = ArenaPlace::from_index(index);
            let committed = self.arena(place).committed;
            // SAFETY: the caller's promise.
            unsafe { self.unmap_segments(place, committed) };
        }
        core::mem::take(&mut self.tables)
    }

    /// Where the area's struct stands.
    fn start(&self) -> *mut u8 {
        let first = core::ptr::from_ref(self).addr() & !(AREA_SIZE - 1);
        core::ptr::with_exposed_provenance_mut(first + HOME_LIMIT)
    }

    /// Where the area begins: with its home.
    fn first_byte(&mut self) -> *mut u8 {
        self.start().wrapping_sub(HOME_LIMIT)
    }
}
