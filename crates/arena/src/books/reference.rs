//! Which area, arena or segment of a heap something is: names of books, apart from the books themselves.

use core::ptr::NonNull;

use crate::{
    books::area::{Area, Books},
    plan::geometry::{AREA_SIZE, ArenaPlace, HOME_LIMIT, SegmentPlace},
};

/// An area of a heap. It is copied freely, since it gives nobody the books.
///
/// # Invariants
///
/// - [AREA_REF-1: area] It points at an area, which stays as long as its heap has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct AreaRef(NonNull<Area>);

/// An arena of a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArenaRef {
    pub(crate) area: AreaRef,
    pub(crate) place: ArenaPlace,
}

/// A segment of a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentRef {
    pub(crate) area: AreaRef,
    pub(crate) place: SegmentPlace,
}

impl AreaRef {
    /// The area that stands there.
    ///
    /// # Safety
    ///
    /// One does, and it isn't given back before its heap gives it up.
    pub(crate) const unsafe fn new(area: NonNull<Area>) -> Self {
        Self(area)
    }

    /// The area that an address lies in.
    ///
    /// # Safety
    ///
    /// It lies in one, and that isn't given back before its heap gives it up.
    #[inline]
    pub(crate) unsafe fn containing(address: *mut u8) -> Self {
        // SAFETY: areas begin at multiples of their size, with a home: their books don't stand at zero.
        Self(unsafe { NonNull::new_unchecked(Area::containing(address)) })
    }

    /// Where the area stands.
    pub(crate) fn as_ptr(self) -> *mut Area {
        self.0.as_ptr()
    }

    /// Its books.
    ///
    /// # Safety
    ///
    /// The caller may touch them [AREA-8: books], and has no other reference to them.
    #[inline]
    pub(crate) unsafe fn books<'a>(self) -> &'a mut Books {
        // SAFETY: [AREA_REF-1: area]; the caller's part is what is asked for here too.
        unsafe { Area::books(self.0.as_ptr()) }
    }

    /// The area that its heap had before it.
    pub(crate) fn older(self) -> Option<Self> {
        // SAFETY: [AREA_REF-1: area].
        unsafe { Area::older(self.0) }.map(Self)
    }

    /// Notes which area its heap had before it.
    pub(crate) fn set_older(self, older: Option<Self>) {
        // SAFETY: [AREA_REF-1: area].
        unsafe { Area::set_older(self.0, older.map(|area| area.0)) };
    }
}

impl ArenaRef {
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
    /// The segment that an address lies in; `None` among the books.
    ///
    /// # Safety
    ///
    /// As for [`AreaRef::containing`].
    #[inline]
    pub(crate) unsafe fn containing(address: *mut u8) -> Option<Self> {
        let place = SegmentPlace::of_offset(address.addr() % AREA_SIZE)?;
        // SAFETY: the caller's promise is the same.
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
