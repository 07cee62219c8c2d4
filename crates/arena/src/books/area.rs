//! An area's books: the struct that stands at its start.

mod arenas;
mod books;
mod commit;
mod guard_pages;
mod held;
mod huge_pages;
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
    books::{area::tables::Tables, arena::Arena, slab::Segment},
    plan::{
        bins::Bin,
        geometry::{AREA_SIZE, ArenaPlace, HOME_LIMIT, SegmentPlace, TILE_SHIFT, TILES},
    },
};

pub(crate) use crate::books::area::{
    books::Books,
    commit::{Appetite, Refusal},
    held::{held_block, held_of_segment},
    huge_pages::in_huge_page,
    tables::{HELD_SIZE, KNOWS_HELD},
    validation::Sums,
};

/// An area behind the home at its start: the table of bins, which every thread may read, and the books. All zero is an
/// area in which nothing was ever used.
///
/// The tables of segments and of bit maps follow it, and become usable as they grow.
///
/// # Invariants
///
/// - [AREA-1: place] It stands [`HOME_LIMIT`] behind a multiple of [`AREA_SIZE`]; the bytes before it and its own
///   are readable and writable.
/// - [AREA-2: tiles] The tiles of a slab have its [bin](Bin), and all others none. They change only under the lock of
///   the area's heap, and from or to a bin only while no block of the segment is live.
/// - [AREA-3: books] Only the holder of the lock of the area's heap, and its creator before others know of it, touches
///   `books`.
#[repr(C)]
pub(crate) struct Area {
    /// The area that its heap had before it, or null. `Relaxed`: the heap's lock orders it.
    /// It stands in front, beside the books of the first arenas: behind all of them it would touch a page more.
    older: AtomicPtr<Area>,
    books: UnsafeCell<Books>,
    /// For each tile of the area the bin of the slab there, or [`Bin::NONE`].
    ///
    /// `Relaxed` throughout: a thread that frees a block has it from the thread that allocated it, and with it the
    /// entry, by [AREA-2: tiles].
    bins: [AtomicU8; TILES],
}

impl Area {
    /// Where the books of its arenas lie in it, and those of segments and the lines of bit maps behind it.
    pub(crate) const ARENAS_AT: usize =
        core::mem::offset_of!(Self, books) + core::mem::offset_of!(Books, arenas);
    pub(crate) const SEGMENTS_AT: usize = tables::SEGMENTS_AT;
    pub(crate) const LINES_AT: usize = tables::LINES_AT;

    /// Creates an area with a zero home at `start`, the first address of a window that the caller has claimed.
    ///
    /// Nothing is reserved: each piece is mapped when it is first used. Fails with `EEXIST` where another mapping
    /// stands.
    pub(super) fn create(start: NonNull<u8>) -> Result<NonNull<Self>, ProviderError> {
        start.as_ptr().expose_provenance();
        let tables = Tables::map_first(start)?;
        let area = Self::containing(start.as_ptr());
        // SAFETY: `map_first` made [AREA-1: place] true; zeroed memory is an area, and this is its creator
        // [AREA-3: books].
        unsafe {
            Self::books(area).tables = tables;
            Ok(NonNull::new_unchecked(area))
        }
    }

    /// The place of the area that an address lies in, whether or not there is one.
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
            // SAFETY: an area starts at `start`, by this function's contract, and `tile` is one of its tiles.
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
        // SAFETY: the entry lies in an area, by this function's contract and [AREA-1: place]; [AREA-2: tiles] nobody
        // writes it while a block of the segment is live. (A relaxed load would cost one more instruction.)
        unsafe { core::ptr::with_exposed_provenance::<Bin>(entry).read() }
    }

    /// The place of the segment that a book of an area's table is about.
    pub(super) fn segment_of(book: *mut Segment) -> SegmentPlace {
        tables::place_of(book.addr() - Self::containing(book.cast()).addr())
    }

    /// The place of the arena that one of an area's books is about.
    pub(super) fn arena_of(book: *mut Arena) -> ArenaPlace {
        let first = Self::containing(book.cast()).addr() + Self::ARENAS_AT;
        ArenaPlace::from_index((book.addr() - first) / size_of::<Arena>())
    }

    /// The area that its heap had before this one.
    ///
    /// # Safety
    ///
    /// `this` is an area.
    pub(crate) unsafe fn older(this: NonNull<Self>) -> Option<NonNull<Self>> {
        // SAFETY: `this` is an area, by this function's contract, and the field is an atomic.
        NonNull::new(unsafe { (*this.as_ptr()).older.load(Ordering::Relaxed) })
    }

    /// Notes which area its heap had before this one.
    ///
    /// # Safety
    ///
    /// `this` is an area.
    pub(crate) unsafe fn set_older(this: NonNull<Self>, older: Option<NonNull<Self>>) {
        let older = older.map_or(core::ptr::null_mut(), NonNull::as_ptr);
        // SAFETY: `this` is an area, by this function's contract, and the field is an atomic.
        unsafe { (*this.as_ptr()).older.store(older, Ordering::Relaxed) };
    }

    /// The books of an area.
    ///
    /// # Safety
    ///
    /// `this` is an area that isn't given back meanwhile. The caller may touch its books [AREA-3: books], and has no
    /// other reference to them.
    #[inline]
    pub(crate) unsafe fn books<'a>(this: *mut Self) -> &'a mut Books {
        // SAFETY: `this` is an area whose books the caller alone refers to, by this function's contract.
        unsafe { &mut *UnsafeCell::raw_get(&raw const (*this).books) }
    }

    /// Gives all of it back to the system, the books as well.
    ///
    /// # Safety
    ///
    /// No block of it is live, and nobody touches it any more.
    pub(crate) unsafe fn unmap(this: *mut Self) {
        // SAFETY: nobody else touches the area and no block of it is live, by this function's contract; the reference
        // to the books ends before these do.
        unsafe {
            let tables = Self::books(this).give_up();
            tables.unmap(this.cast());
        }
    }
}
