//! The slabs of each bin: where blocks come from, and where they go back to.

use core::ptr::null_mut;

use crate::{
    books::{
        area::{Appetite, Refusal},
        poison,
        reference::SegmentRef,
        report,
        slab::Segment,
    },
    heap::pools::Pools,
    plan::{
        bins::{BINS, Bin, SHAPES},
        geometry::PARTITIONS,
    },
    policy::huge_pages,
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

impl Pools {
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
        let start = unsafe { SegmentRef::of_book(segment) }.address();
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
    pub(super) fn vacate_slab(&mut self, start: *mut u8, bin: Bin) {
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
        self.current[bin.index()] = unsafe { SegmentRef::of_book(segment) }.address();
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
