//! Pools: the areas, arenas and slabs of a heap, which one lock guards.

mod admitted;
mod idle;
mod kept_runs;
mod last_freed;
pub(crate) mod magazines;
mod purge;
mod reset;
mod rest;
mod segments;
mod slabs;
pub(crate) mod spot;
mod tallies;
mod validation;
mod warmth;

pub(crate) use crate::heap::pools::admitted::Admission;

use crate::{
    books::{
        area::{Area, Books},
        arena::{Arena, ArenaIndex},
        owner::Owner,
        reference::{AreaRef, ArenaRef, SegmentRef},
        slab::{Segment, Slab},
        slab_list::SlabList,
        windows,
    },
    heap::{
        figures::Figures,
        pools::{
            kept_runs::KeptRuns, last_freed::LastFreed, magazines::Magazines, tallies::Tallies,
        },
    },
    plan::{
        bins::{BINS, Bin, Bins},
        geometry::PARTITIONS,
    },
    policy::{grant::Grant, huge_pages::Filling},
};

/// The state that a heap's lock guards. All zero is pools without areas.
///
/// # Invariants
///
/// - [POOLS-1: areas] `newest` and the older ones behind it are every area whose owner is this heap; their books are
///   touched only through `&mut Pools`. The references to areas, arenas and segments in its methods are of these.
/// - [POOLS-2: slabs] A slab that has blocks to hand out is in the list of its bin, or its `current`; no other is.
/// - [POOLS-3: arenas] An arena of [`Use::SEGMENTS`](crate::books::arena::Use::SEGMENTS) with a vacant segment is in the
///   index of its partition, and one of [`Use::FIRST_SLABS`](crate::books::arena::Use::FIRST_SLABS) in the last.
/// - [POOLS-4: dirty] The `dirty` of `figures` is the sum of `touched` over vacant segments, and of `idle` over slabs.
/// - [POOLS-5: used] The `used` of `figures` is the sum of all blocks that aren't free; the `tallies` have as many.
/// - [POOLS-6: granted] Between visits, no more is held than granted.
/// - [POOLS-7: kept] The `kept_runs` lie in areas of this heap.
/// - [POOLS-8: freed] The `last_freed` lie in areas of this heap.
pub(crate) struct Pools {
    /// The slab that each bin is refilled from, by its first byte; null where there is none.
    current: [*mut u8; BINS],
    /// The other slabs of each bin with blocks to hand out.
    slabs: [SlabList; BINS],
    /// The bins that ever had a slab with so much memory that vacating it was worth while.
    pub(crate) grown_bins: Bins,
    /// The arenas of each partition with segments to offer, and those with segments for first slabs.
    arenas: [ArenaIndex; PARTITIONS + 1],
    /// The newest area.
    newest: Option<AreaRef>,
    /// Whether a segment was made a slab since idle stacks were last looked for, and the bytes of blocks taken since.
    grown: bool,
    taken: usize,
    /// Whether a place for a large block was left out, since a mapping stands there that isn't ours.
    pub(crate) displaced: bool,
    /// Whether nobody holds the heap: it ends with its last block.
    abandoned: bool,
    /// Bytes that slabs took and that had no memory, since as much of others was last given back for it.
    grown_by: u32,
    pub(crate) figures: Figures,
    pub(crate) grant: Grant,
    pub(crate) tallies: Tallies,
    pub(crate) magazines: Magazines,
    /// Where large blocks may find memory of their size, in the hardened build.
    pub(crate) kept_runs: KeptRuns,
    /// Where large blocks of the same sizes are likely to fit, in all others.
    pub(crate) last_freed: LastFreed,
    /// Whether large blocks are filled.
    pub(crate) filling: Filling,
    /// The heap that these are the pools of, once it has an area.
    owner: Option<Owner>,
}

// SAFETY: [POOLS-1: areas] the books that it points at belong to no thread, and are touched through `&mut Pools` alone.
unsafe impl Send for Pools {}

impl Pools {
    /// Sets the heap that these are the pools of.
    pub(crate) fn set_owner(&mut self, owner: Owner) {
        self.owner = Some(owner);
    }

    /// Adds a new area; `None` if there is none to be had.
    pub(crate) fn claim_area(&mut self) -> Option<()> {
        let area = windows::extend(self.owner?)?;
        self.add_area(area);
        Some(())
    }

    /// Adds an area that was created for this heap.
    pub(crate) fn add_area(&mut self, area: AreaRef) {
        area.set_older(self.newest);
        self.newest = Some(area);
    }

    /// The areas, newest first.
    pub(crate) fn areas(&self) -> impl Iterator<Item = AreaRef> + Clone + use<> {
        core::iter::successors(self.newest, |area| area.older())
    }

    /// Calls `look` with the books of every area.
    pub(crate) fn each_area(&mut self, mut look: impl FnMut(&mut Books)) {
        for area in self.areas() {
            look(self.books(area));
        }
    }

    /// Whether an address lies in an area of this heap. O(areas).
    pub(crate) fn has(&self, address: *mut u8) -> bool {
        self.areas().any(|area| area.as_ptr() == Area::containing(address))
    }

    /// The books of one of this heap's areas.
    #[expect(clippy::unused_self, reason = "the borrow of the pools is what keeps others out")]
    pub(crate) fn books(&mut self, area: AreaRef) -> &mut Books {
        // SAFETY: [POOLS-1: areas] it is one of these, and the borrow of the pools keeps others out.
        unsafe { area.books() }
    }

    /// The book of one of this heap's arenas.
    pub(crate) fn arena(&mut self, arena: ArenaRef) -> &mut Arena {
        self.books(arena.area).arena(arena.place)
    }

    /// The book of one of this heap's segments.
    pub(crate) fn segment(&mut self, segment: SegmentRef) -> &mut Segment {
        self.books(segment.area).segment(segment.place)
    }

    /// The slab that one of this heap's segments serves as, if it serves as one.
    pub(crate) fn slab_of(&mut self, segment: SegmentRef) -> Option<Slab<'_>> {
        self.books(segment.area).slab_of(segment.place)
    }

    /// The slab of a bin that an address lies in.
    ///
    /// # Safety
    ///
    /// The address lies in a segment of this heap that serves as a slab of the bin.
    #[inline]
    unsafe fn slab(&mut self, address: *mut u8, bin: Bin) -> Slab<'_> {
        // SAFETY: the address lies in a slab of the bin in an area of this heap, by this function's contract.
        unsafe { self.books(AreaRef::containing(address)).slab(address, bin) }
    }
}
