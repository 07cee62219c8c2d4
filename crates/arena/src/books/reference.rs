//! References to areas, arenas and segments of a heap: names of books, apart from the books themselves.

use core::ptr::NonNull;

use stratalloc_core::ProviderError;

use crate::{
    books::{
        area::{Area, Books},
        arena::Arena,
        slab::Segment,
    },
    plan::geometry::{AREA_SIZE, ArenaPlace, HOME_LIMIT, SegmentPlace},
};

/// A reference to an area of a heap. It is copied freely, since it gives no access to the books.
///
/// # Invariants
///
/// - [AREA_REF-1: area] It points at an area, which stays as long as its heap has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct AreaRef(NonNull<Area>);

/// A reference to an arena of a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArenaRef {
    pub(crate) area: AreaRef,
    pub(crate) place: ArenaPlace,
}

/// A reference to a segment of a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentRef {
    pub(crate) area: AreaRef,
    pub(crate) place: SegmentPlace,
}

impl AreaRef {
    /// Creates an area at the first address of a window that the caller has claimed.
    ///
    /// Fails with `EEXIST` where another mapping stands.
    pub(crate) fn create(start: NonNull<u8>) -> Result<Self, ProviderError> {
        // [AREA_REF-1: area] it stays until its heap gives it up: nobody else knows of it.
        Area::create(start).map(Self)
    }

    /// The area that an address lies in.
    ///
    /// # Safety
    ///
    /// The address lies in an area, which isn't given back before its heap gives it up.
    #[inline]
    pub(crate) unsafe fn containing(address: *mut u8) -> Self {
        // SAFETY: areas begin at multiples of their size, with a home: their books don't stand at zero.
        Self(unsafe { NonNull::new_unchecked(Area::containing(address)) })
    }

    /// The address of the area.
    pub(crate) fn as_ptr(self) -> *mut Area {
        self.0.as_ptr()
    }

    /// Its books.
    ///
    /// # Safety
    ///
    /// The caller may touch them [AREA-3: books], and has no other reference to them.
    #[inline]
    pub(crate) unsafe fn books<'a>(self) -> &'a mut Books {
        // SAFETY: [AREA_REF-1: area] an area stands there; the caller may touch its books and has no other reference to
        // them, by this function's contract.
        unsafe { Area::books(self.0.as_ptr()) }
    }

    /// The area that its heap had before it.
    pub(crate) fn older(self) -> Option<Self> {
        // SAFETY: [AREA_REF-1: area] an area stands there.
        unsafe { Area::older(self.0) }.map(Self)
    }

    /// Notes which area its heap had before it.
    pub(crate) fn set_older(self, older: Option<Self>) {
        // SAFETY: [AREA_REF-1: area] an area stands there.
        unsafe { Area::set_older(self.0, older.map(|area| area.0)) };
    }
}

impl ArenaRef {
    /// The arena that a book is about.
    ///
    /// # Safety
    ///
    /// It is one of the books of an area, which isn't given back before its heap gives it up.
    pub(crate) unsafe fn of_book(book: *mut Arena) -> Self {
        // SAFETY: the books lie within their area, which stays, by this function's contract.
        Self { area: unsafe { AreaRef::containing(book.cast()) }, place: Area::arena_of(book) }
    }

    /// A segment of it.
    pub(crate) const fn segment(self, number: usize) -> SegmentRef {
        SegmentRef { area: self.area, place: self.place.segment(number) }
    }

    /// The arena of this number in the same partition.
    pub(crate) const fn neighbour(self, arena: usize) -> Self {
        Self { place: ArenaPlace { arena, ..self.place }, ..self }
    }
}

impl SegmentRef {
    /// The segment that a book is about.
    ///
    /// # Safety
    ///
    /// It is a book of an area's table, and the area isn't given back before its heap gives it up.
    pub(crate) unsafe fn of_book(book: *mut Segment) -> Self {
        // SAFETY: the tables lie within their area, which stays, by this function's contract.
        Self { area: unsafe { AreaRef::containing(book.cast()) }, place: Area::segment_of(book) }
    }

    /// The segment that an address lies in; `None` among the books.
    ///
    /// # Safety
    ///
    /// As for [`AreaRef::containing`].
    #[inline]
    pub(crate) unsafe fn containing(address: *mut u8) -> Option<Self> {
        let place = SegmentPlace::of_offset(address.addr() % AREA_SIZE)?;
        // SAFETY: the address lies in an area that stays, by this function's contract.
        Some(Self { area: unsafe { AreaRef::containing(address) }, place })
    }

    /// Its arena.
    pub(crate) const fn arena(self) -> ArenaRef {
        ArenaRef { area: self.area, place: self.place.arena }
    }

    /// The address of its first byte.
    #[inline]
    pub(crate) fn address(self) -> *mut u8 {
        let first = self.area.as_ptr().addr() - HOME_LIMIT;
        core::ptr::with_exposed_provenance_mut(first + self.place.offset())
    }
}
