//! A heap's pools: the areas, arenas and slabs that one lock guards.

mod admitted;
mod idle;
mod reset;
mod rest;
mod segments;
mod tallies;

use core::ptr::null_mut;

use crate::{
    books::{
        area::{Appetite, Area, Books, Refusal},
        arena::ArenaIndex,
        owner::Owner,
        poison, report,
        slab::{Segment, Slab},
        slab_list::SlabList,
        windows,
    },
    heap::{figures::Figures, pools::tallies::Tallies},
    plan::{
        bins::{BINS, Bin, SHAPES},
        geometry::{AREA_SIZE, PARTITIONS, SegmentPlace},
    },
    policy::{Slabs, grant::Grant, huge_pages, keep},
};

/// Bytes of blocks after which a thread may give back what it holds in idle stacks again: more than fills
/// the stacks of a partition by half, so that refilling those that weren't idle after all leads to no
/// further look.
const WORTH_LOOKING: usize = 2 << 20;

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
/// - [POOLS-1: areas] `areas` links every area whose owner is this heap; their books are touched only through
///   `&mut Pools`.
/// - [POOLS-2: slabs] A slab that has blocks to hand out is in the list of its bin, or its `current`; no other is.
/// - [POOLS-3: arenas] An arena of [`Use::SEGMENTS`](crate::books::arena::Use::SEGMENTS) with a vacant segment is in the list of its partition.
/// - [POOLS-4: dirty] The `dirty` of `figures` is the sum of `touched` over vacant segments, and of `idle` over slabs.
pub(crate) struct Pools {
    /// The slab that each bin is refilled from, by its first byte; null where there is none.
    current: [*mut u8; BINS],
    /// The other slabs of each bin with blocks to hand out.
    slabs: [SlabList; BINS],
    /// The arenas of each partition with segments to offer.
    arenas: [ArenaIndex; PARTITIONS],
    pub(crate) areas: *mut Area,
    /// Whether a segment was made a slab, and the bytes of blocks that were taken, since idle stacks were
    /// last looked for.
    grown: bool,
    taken: usize,
    /// Whether a place for a large block was left out, since something stands there that isn't ours.
    pub(crate) displaced: bool,
    pub(crate) figures: Figures,
    pub(crate) grant: Grant,
    pub(crate) tallies: Tallies,
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
        // SAFETY: the area was created for this heap just now.
        unsafe { self.add_area(area.as_ptr()) };
        Some(())
    }

    /// Makes an area one of this heap's.
    ///
    /// # Safety
    ///
    /// The area's owner is this heap, and it isn't linked yet.
    pub(crate) unsafe fn add_area(&mut self, area: *mut Area) {
        // SAFETY: the caller's promise; the books of a new area are this heap's alone.
        unsafe { Area::books(area).next = self.areas };
        self.areas = area;
    }

    /// Looks at the books of every area.
    pub(crate) fn each_area(&mut self, mut look: impl FnMut(&mut Books)) {
        let mut area = self.areas;
        while !area.is_null() {
            let books = self.books(area);
            look(books);
            area = books.next;
        }
    }

    /// Whether an area is one of this heap's. O(areas).
    pub(crate) fn has(&mut self, area: *mut Area) -> bool {
        let mut own = self.areas;
        while !own.is_null() && own != area {
            own = self.books(own).next;
        }
        !own.is_null()
    }

    /// The books of one of this heap's areas.
    #[expect(clippy::unused_self, reason = "the borrow of the pools is what keeps others out")]
    pub(crate) fn books(&mut self, area: *mut Area) -> &mut Books {
        // SAFETY: [POOLS-1] every caller has the pointer from `areas`, from the books, or from a block
        // whose owner is this heap; the borrow of the pools keeps others out.
        unsafe { Area::books(area) }
    }

    /// The slab of a bin that an address lies in.
    ///
    /// # Safety
    ///
    /// It lies in a segment of this heap that serves as a slab of the bin.
    #[inline]
    unsafe fn slab(&mut self, address: *mut u8, bin: Bin) -> Slab<'_> {
        // SAFETY: the caller's promise.
        unsafe { self.books(Area::containing(address)).slab(address, bin) }
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
        let (area, place) = locate(self.current[bin.index()]);
        let all = self.bytes_for(bin, count);
        if all <= self.books(area).segment(place).usable as usize {
            return Ok(());
        }
        let appetite = self.appetite(place);
        if self.books(area).commit_slab(place, all, appetite).is_ok() {
            return Ok(());
        }
        let one = self.bytes_for(bin, 1);
        self.books(area).commit_slab(place, one, appetite)
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
        let (area, place) = Area::place_of_segment(segment);
        let start = self.books(area).address(place);
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
        let (area, place) = locate(start);
        let segment: *mut Segment = self.books(area).segment(place);
        // SAFETY: the books of a slab, all of which are in hand; it is listed here or nowhere.
        unsafe { self.slabs[bin.index()].remove(segment) };
        // SAFETY: all callers have it from a slab of the bin.
        let mut slab = unsafe { self.slab(start, bin) };
        let idle = slab.idle();
        slab.clear();
        self.figures.reuse(idle);
        self.books(area).set_bin(place, Bin::NONE);
        self.vacate_segment(area, place);
        self.offer_segments(area, place.arena);
    }

    /// Chooses the slab that a bin is refilled from next: a partly used one before a new one.
    fn find_slab(&mut self, bin: Bin) -> bool {
        // SAFETY: the books of slabs, all of which are in hand.
        let segment = unsafe { self.slabs[bin.index()].pop() };
        if segment.is_null() {
            return self.make_slab(bin);
        }
        let (area, place) = Area::place_of_segment(segment);
        self.current[bin.index()] = self.books(area).address(place);
        true
    }

    fn make_slab(&mut self, bin: Bin) -> bool {
        let Some((area, place)) = self.find_slab_segment(bin) else { return false };
        self.use_segment(area, place);
        self.list_arena(area, place.arena);
        self.grown = true;
        self.books(area).set_bin(place, bin);
        let start = self.books(area).address(place);
        // SAFETY: it was made a slab of the bin.
        let idle = unsafe { self.slab(start, bin) }.idle();
        self.figures.soil(idle);
        poison::bytes_freed(start, place.arena.partition.segment_size());
        self.current[bin.index()] = start;
        true
    }

    /// A vacant segment in which a bin's first blocks are usable, and its bit map.
    fn find_slab_segment(&mut self, bin: Bin) -> Option<(*mut Area, SegmentPlace)> {
        let shape = bin.shape();
        loop {
            let (area, place) = self.find_segment(shape.partition)?;
            let appetite = self.appetite(place);
            let first = shape.block_size as usize;
            match self.books(area).commit_slab(place, first, appetite) {
                Ok(()) if self.books(area).prepare_slab(place) => return Some((area, place)),
                Err(Refusal::Occupied(segment)) => self.leave_out(area, place.arena, segment),
                _ => {
                    self.offer_segments(area, place.arena);
                    return None;
                }
            }
        }
    }

    fn appetite(&self, place: SegmentPlace) -> Appetite {
        let held = self.figures.held();
        Appetite { held, huge: huge_pages::suit_segments(place.arena.partition, held) }
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
        let mut area = self.areas;
        while !area.is_null() && purged < wanted {
            let books = self.books(area);
            purged += purge(books, wanted - purged);
            area = books.next;
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

/// The area and segment that a block lies in.
///
/// Its callers have blocks of arenas only, so that there is a segment.
#[inline]
pub(crate) fn locate(block: *mut u8) -> (*mut Area, SegmentPlace) {
    let place = SegmentPlace::of_offset(block.addr() & (AREA_SIZE - 1));
    // SAFETY: blocks lie in partitions, never among the books.
    (Area::containing(block), unsafe { place.unwrap_unchecked() })
}
