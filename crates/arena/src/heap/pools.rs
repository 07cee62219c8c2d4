//! A heap's pools: the areas, arenas and slabs that one lock guards.

mod admitted;
mod idle;
pub(crate) mod magazines;
mod reset;
mod rest;
mod segments;
mod tallies;
mod validation;

use core::ptr::null_mut;

use crate::{
    books::{
        area::{Appetite, Area, Books, Refusal},
        arena::{Arena, ArenaIndex},
        owner::Owner,
        poison,
        reference::{AreaRef, ArenaRef, SegmentRef},
        report,
        slab::{Segment, Slab},
        slab_list::SlabList,
        windows,
    },
    heap::{
        figures::Figures,
        pools::{magazines::Magazines, tallies::Tallies},
    },
    plan::{
        bins::{BINS, Bin, SHAPES},
        geometry::PARTITIONS,
    },
    policy::{Slabs, grant::Grant, huge_pages, keep},
    thresholds::WORTH_LOOKING,
};

const _: () = {
    let (mut bin, mut halves) = (1, [0; PARTITIONS]);
    while bin < BINS {
        let shape = &SHAPES[bin];
        let half = &mut halves[shape.partition.number()];
        *half += shape.stack as usize / 2 * shape.block_size as usize;
        assert!(*half < WORTH_LOOKING);
        bin += 1;
    }
};

/// What a heap's lock guards. All zero is pools without areas.
///
/// # Invariants
///
/// - [POOLS-1: areas] `newest` and the older ones behind it are every area whose owner is this heap; their books are
///   touched only through `&mut Pools`. The references to areas, arenas and segments in its methods are of these.
/// - [POOLS-2: slabs] A slab that has blocks to hand out is in the list of its bin, or its `current`; no other is.
/// - [POOLS-3: arenas] An arena of [`Use::SEGMENTS`](crate::books::arena::Use::SEGMENTS) with a vacant segment is in the list of its partition.
/// - [POOLS-4: dirty] The `dirty` of `figures` is the sum of `touched` over vacant segments, and of `idle` over slabs.
/// - [POOLS-5: used] The `used` of `figures` is the sum of all blocks that aren't free; the `tallies` have as many.
/// - [POOLS-6: granted] Between visits, no more is held than granted.
pub(crate) struct Pools {
    /// The slab that each bin is refilled from, by its first byte; null where there is none.
    current: [*mut u8; BINS],
    /// The other slabs of each bin with blocks to hand out.
    slabs: [SlabList; BINS],
    /// The arenas of each partition with segments to offer.
    arenas: [ArenaIndex; PARTITIONS],
    /// The newest area.
    newest: Option<AreaRef>,
    /// Whether a segment was made a slab, and the bytes of blocks that were taken, since idle stacks were
    /// last looked for.
    grown: bool,
    taken: usize,
    /// Whether a place for a large block was left out, since something stands there that isn't ours.
    pub(crate) displaced: bool,
    pub(crate) figures: Figures,
    pub(crate) grant: Grant,
    pub(crate) tallies: Tallies,
    pub(crate) magazines: Magazines,
    /// The heap that these are the pools of, once it has an area.
    owner: Option<Owner>,
}

// SAFETY: the books that it points at belong to no thread; the lock around it keeps them apart.
unsafe impl Send for Pools {}

impl Pools {
    /// Notes whose pools these are.
    pub(crate) fn set_owner(&mut self, owner: Owner) {
        self.owner = Some(owner);
    }

    /// One more area, if there is one to be had.
    pub(crate) fn claim_area(&mut self) -> Option<()> {
        let area = windows::extend(self.owner?)?;
        self.add_area(area);
        Some(())
    }

    /// Makes a new area, which is this heap's, one of these.
    pub(crate) fn add_area(&mut self, area: AreaRef) {
        area.set_older(self.newest);
        self.newest = Some(area);
    }

    /// The areas, newest first.
    pub(crate) fn areas(&self) -> impl Iterator<Item = AreaRef> + Clone + use<> {
        core::iter::successors(self.newest, |area| area.older())
    }

    /// Looks at the books of every area.
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

    /// The slab of a bin that an address lies in.
    ///
    /// # Safety
    ///
    /// It lies in a segment of this heap that serves as a slab of the bin.
    #[inline]
    unsafe fn slab(&mut self, address: *mut u8, bin: Bin) -> Slab<'_> {
        // SAFETY: the caller's promise, of which that it lies in an area is a part.
        unsafe { self.books(AreaRef::containing(address)).slab(address, bin) }
    }

    /// Takes up to `slots.len()` blocks of a bin, at least half of that where there is memory; says
    /// how many. Zero: memory is out.
    pub(crate) fn take(&mut self, bin: Bin, slots: &mut [*mut u8]) -> usize {
        let enough = slots.len().div_ceil(2);
        let mut taken = 0;
        while taken < enough {
            if self.current[bin.index()].is_null() && !self.find_slab(bin) {
                break;
            }
            let room = self.make_room(bin, slots.len() - taken);
            let found = self.take_current(bin, &mut slots[taken..]);
            taken += found;
            match room {
                Err(Refusal::Occupied(_)) => self.current[bin.index()] = null_mut(),
                Err(Refusal::OutOfMemory) if found == 0 && !self.turn_to_free(bin) => break,
                _ => {}
            }
        }
        self.tallies.took(bin, taken);
        self.taken += taken * bin.shape().block_size as usize;
        self.figures.allocate(taken * bin.shape().block_size as usize);
        taken
    }

    /// Takes blocks of the slab that a bin is refilled from; says how many.
    fn take_current(&mut self, bin: Bin, slots: &mut [*mut u8]) -> usize {
        let start = self.current[bin.index()];
        // SAFETY: [POOLS-2: slabs] it is a slab of the bin.
        let mut slab = unsafe { self.slab(start, bin) };
        let idle = slab.idle();
        let taken = slab.take(slots);
        let reused = idle - slab.idle();
        let exhausted = slab.is_exhausted();
        self.figures.reuse(reused);
        if exhausted {
            self.current[bin.index()] = null_mut();
        }
        taken
    }

    /// Makes so much of the slab usable that a bin is refilled from that it has `count` blocks, or all it
    /// can ever have; or else one.
    fn make_room(&mut self, bin: Bin, count: usize) -> Result<(), Refusal> {
        let all = self.bytes_for(bin, count);
        let start = self.current[bin.index()];
        // SAFETY: [POOLS-2: slabs] it is a slab of the bin.
        let usable = unsafe { self.slab(start, bin) }.segment.usable;
        if all <= usable as usize {
            return Ok(());
        }
        // SAFETY: as above.
        let segment = unsafe { segment_of(start) };
        if self.commit_slab(segment, all).is_ok() {
            return Ok(());
        }
        let one = self.bytes_for(bin, 1);
        self.commit_slab(segment, one)
    }

    /// How much of the slab must be usable that a bin is refilled from, so that it has `count` blocks.
    fn bytes_for(&mut self, bin: Bin, count: usize) -> usize {
        let start = self.current[bin.index()];
        // SAFETY: [POOLS-2: slabs] it is a slab of the bin.
        unsafe { self.slab(start, bin) }.bytes_for(count)
    }

    /// Lets a bin be refilled from a slab with free blocks instead of one that can't grow; says whether
    /// there is one.
    fn turn_to_free(&mut self, bin: Bin) -> bool {
        // SAFETY: the books of slabs, all of which are in hand.
        let segment = unsafe { self.slabs[bin.index()].pop_free() };
        if segment.is_null() {
            return false;
        }
        // SAFETY: listed books are of slabs of this heap.
        let start = unsafe { Area::segment_of(segment) }.address();
        let grown_up = core::mem::replace(&mut self.current[bin.index()], start);
        self.place_slab(grown_up, bin);
        true
    }

    /// Takes blocks of a bin back. O(1) each, and the less the more of them lie together; besides, for
    /// a slab that becomes empty.
    ///
    /// # Safety
    ///
    /// Each lies in a slab of the bin of this heap, and nobody uses it any more.
    pub(crate) unsafe fn give(&mut self, bin: Bin, mut blocks: &[*mut u8]) {
        let bytes = blocks.len() * bin.shape().block_size as usize;
        self.tallies.gave(bin, blocks.len());
        self.figures.free(bytes);
        self.figures.soil(bytes);
        while let Some(&block) = blocks.first() {
            // SAFETY: the caller's promise.
            let mut slab = unsafe { self.slab(block, bin) };
            let had_none = slab.segment.free == 0;
            let given = slab.give(blocks).unwrap_or_else(|bad| report::bad_free(bin, bad));
            if had_none || slab.is_empty() {
                let start = slab.base;
                self.place_slab(start, bin);
            }
            blocks = &blocks[given..];
        }
    }

    /// Lets a slab be found that has blocks to hand out again, or makes it a vacant segment if nobody holds
    /// a block of it; unless its bin is refilled from it just now.
    #[inline(never)]
    fn place_slab(&mut self, start: *mut u8, bin: Bin) {
        if self.current[bin.index()] == start {
            return;
        }
        // SAFETY: all callers have it from a slab of the bin.
        let slab = unsafe { self.slab(start, bin) };
        if slab.is_empty() {
            self.vacate_slab(start, bin);
        } else {
            let segment: *mut Segment = slab.segment;
            // SAFETY: the books of a slab, all of which are in hand; it is listed here or nowhere.
            unsafe { self.slabs[bin.index()].add(segment) };
        }
    }

    /// Makes an empty slab a vacant segment.
    fn vacate_slab(&mut self, start: *mut u8, bin: Bin) {
        // SAFETY: all callers have it from a slab of the bin.
        let segment = unsafe { segment_of(start) };
        let book: *mut Segment = self.segment(segment);
        // SAFETY: the books of a slab, all of which are in hand; it is listed here or nowhere.
        unsafe { self.slabs[bin.index()].remove(book) };
        // SAFETY: all callers have it from a slab of the bin.
        let mut slab = unsafe { self.slab(start, bin) };
        let idle = slab.idle();
        slab.clear();
        self.figures.reuse(idle);
        self.books(segment.area).set_bin(segment.place, Bin::NONE);
        self.vacate_segment(segment);
        self.offer_segments(segment.arena());
    }

    /// Chooses the slab that a bin is refilled from next: a partly used one before a new one.
    fn find_slab(&mut self, bin: Bin) -> bool {
        // SAFETY: the books of slabs, all of which are in hand.
        let segment = unsafe { self.slabs[bin.index()].pop() };
        if segment.is_null() {
            return self.make_slab(bin);
        }
        // SAFETY: listed books are of slabs of this heap.
        self.current[bin.index()] = unsafe { Area::segment_of(segment) }.address();
        true
    }

    fn make_slab(&mut self, bin: Bin) -> bool {
        let Some(segment) = self.find_slab_segment(bin) else { return false };
        self.use_segment(segment);
        self.list_arena(segment.arena());
        self.grown = true;
        self.books(segment.area).set_bin(segment.place, bin);
        let start = segment.address();
        // SAFETY: it was made a slab of the bin.
        let idle = unsafe { self.slab(start, bin) }.idle();
        self.figures.soil(idle);
        poison::bytes_freed(start, bin.shape().partition.segment_size());
        self.current[bin.index()] = start;
        true
    }

    /// A vacant segment in which a bin's first blocks are usable, and its bit map.
    fn find_slab_segment(&mut self, bin: Bin) -> Option<SegmentRef> {
        let shape = bin.shape();
        loop {
            let found = self.find_segment(shape.partition)?;
            let SegmentRef { area, place } = found;
            match self.commit_slab(found, shape.block_size as usize) {
                Ok(()) if self.books(area).prepare_slab(place) => return Some(found),
                Err(Refusal::Occupied(number)) => self.leave_out(found.arena().segment(number)),
                _ => {
                    self.offer_segments(found.arena());
                    return None;
                }
            }
        }
    }

    /// Makes the first `bytes` of a slab usable, and more where that is worth it.
    fn commit_slab(&mut self, segment: SegmentRef, bytes: usize) -> Result<(), Refusal> {
        let held = self.figures.held();
        let huge = huge_pages::suit_segments(segment.place.arena.partition, held);
        self.books(segment.area).commit_slab(segment.place, bytes, Appetite { held, huge })
    }

    /// Gives memory back if the process holds too much that serves nothing; returns whether it still does, so
    /// that other heaps are to be asked.
    pub(crate) fn relieve(&mut self) -> bool {
        self.purge_excess();
        self.settle();
        keep::is_excess()
    }

    /// Gives memory back if the process holds too much that serves nothing; all of it if nobody works with
    /// these.
    fn purge_excess(&mut self) {
        if !self.figures.is_idle() {
            self.purge_if_told(self.figures.excess_to());
        } else if keep::is_over() {
            self.strip();
        }
    }

    /// Gives memory back that a heap keeps for working in rounds, where this round is of other sizes.
    pub(crate) fn purge_over_peak(&mut self) {
        self.purge_if_told(self.figures.over_peak_to());
    }

    fn purge_if_told(&mut self, keep: Option<usize>) {
        if let Some(keep) = keep {
            let spare = keep::may_wait();
            let slabs = self.figures.slabs_to_look_at();
            self.purge_but_for(keep, spare, slabs);
            self.figures.note_purge(keep, spare);
        }
    }

    /// Gives back memory that serves nothing until only `keep` bytes are left, or less by what one
    /// arena had: behind vacant segments first, then behind free blocks. Says how many bytes that were
    /// at most.
    pub(crate) fn purge_to(&mut self, keep: usize) -> usize {
        self.purge_but_for(keep, false, Slabs::All)
    }

    /// The same, but for what will serve again soon, if that is to be spared, and of `slabs` only those.
    fn purge_but_for(&mut self, keep: usize, spare: bool, slabs: Slabs) -> usize {
        let excess = self.figures.dirty().saturating_sub(keep);
        let mut purged = self.purge_areas(excess, |books, wanted| books.purge(wanted, spare));
        if slabs != Slabs::None {
            let rested = slabs == Slabs::Rested;
            let purge_slabs = |books: &mut Books, wanted| books.purge_slabs(wanted, rested);
            purged += self.purge_areas(excess.saturating_sub(purged), purge_slabs);
        }
        self.figures.reuse(purged);
        self.tallies.purged(purged);
        purged
    }

    /// Lets areas `purge` so many bytes, or as many as they have; says how many that were.
    fn purge_areas(&mut self, wanted: usize, purge: impl Fn(&mut Books, usize) -> usize) -> usize {
        let mut purged = 0;
        for area in self.areas() {
            if purged >= wanted {
                break;
            }
            purged += purge(self.books(area), wanted - purged);
        }
        purged
    }

    /// Makes memory unusable that serves nothing, as [`Books::decommit`] does.
    pub(crate) fn decommit(&mut self) {
        self.each_area(Books::decommit);
    }

    /// Makes empty slabs vacant that were kept for being current.
    pub(crate) fn retire_empty_slabs(&mut self) {
        Bin::all().for_each(|bin| self.retire_empty_slab(bin));
    }

    /// Makes the slab vacant that a bin is refilled from, if nobody holds a block of it.
    pub(crate) fn retire_empty_slab(&mut self, bin: Bin) {
        let start = self.current[bin.index()];
        if start.is_null() {
            return;
        }
        // SAFETY: [POOLS-2: slabs] it is a slab of the bin.
        if unsafe { self.slab(start, bin) }.is_empty() {
            self.current[bin.index()] = null_mut();
            self.vacate_slab(start, bin);
        }
    }

    /// Whether it is worth looking for segments that bins could do without: a segment was made a slab, and
    /// enough was taken since this was last the answer.
    pub(crate) fn has_grown(&mut self) -> bool {
        let grown = self.grown && self.taken >= WORTH_LOOKING;
        if grown {
            (self.grown, self.taken) = (false, 0);
        }
        grown
    }
}

/// The segment that a slab starts at.
///
/// # Safety
///
/// One does, of the pools that the caller has.
#[inline]
unsafe fn segment_of(slab: *mut u8) -> SegmentRef {
    // SAFETY: slabs lie in areas, and never among the books.
    unsafe { SegmentRef::containing(slab).unwrap_unchecked() }
}
