//! Giving an area's memory back to the system.

use crate::books::area::Books;
use crate::{
    books::{
        arena::{Arena, Use, run_mask, stretches},
        slab::{Segment, Slab},
    },
    plan::{bins::Bin, geometry::ArenaPlace},
    policy, sys,
};

/// Gives the pages back that lie wholly within a stretch of free blocks, if they are `least` bytes or more; returns the
/// bytes of the stretch that need not be looked at again.
///
/// # Safety
///
/// Nobody has a block in the stretch, which is usable.
unsafe fn purge_inner_pages(start: *mut u8, size: usize, least: usize) -> usize {
    let lead = sys::round_to_pages(start.addr()) - start.addr();
    let page = sys::round_to_pages(1);
    let pages = size.saturating_sub(lead) / page * page;
    // SAFETY: the pages lie in the stretch, which is usable and in nobody's use, by this function's contract.
    let purged = pages >= least && unsafe { sys::purge(start.wrapping_add(lead), pages) };
    if purged { size } else { 0 }
}

/// Gives the pages back behind the last block that a slab ever handed out; returns by how many bytes less are idle.
///
/// Where any page is to go, all that is usable is purged: a huge page may have brought pages that were never touched.
fn purge_tail(slab: &mut Slab<'_>, rested: bool) -> usize {
    let used = sys::round_to_pages(slab.carved_bytes());
    let tail = (slab.segment.touched as usize).saturating_sub(used);
    let end = slab.segment.usable as usize;
    let (least, size) =
        if rested { (policy::least_stretch(true), tail) } else { (1, end.saturating_sub(used)) };
    // SAFETY: [BOOKS-2: committed] so much of the segment is usable; [SEGMENT-1: carved] no block behind `used` was ever
    // handed out.
    let purged = size >= least && unsafe { sys::purge(slab.base.wrapping_add(used), size) };
    if !purged || tail == 0 {
        return 0;
    }
    slab.segment.touched = used as u32;
    tail
}

/// Gives the memory of a slab back that serves nothing; returns by how many bytes less are idle. Where only `rested`
/// slabs are looked at, one that is being emptied is left alone.
fn purge_slab(slab: &mut Slab<'_>, rested: bool) -> usize {
    let (idle, start, partition) = (slab.idle(), slab.base, slab.shape.partition);
    let seen = core::mem::replace(&mut slab.segment.seen, idle as u32) as usize;
    let may =
        policy::is_worth_purging_slab(idle, partition) && policy::has_rested(seen, idle, partition);
    if rested && !may {
        return 0;
    }
    let tail = purge_tail(slab, rested);
    let least = policy::least_stretch(rested);
    if idle - tail < least {
        return tail;
    }
    tail + slab.purge_stretches(least, |offset, size| {
        // SAFETY: [SEGMENT-4: usable] the blocks of a stretch are usable, and [SEGMENT-2: free] nobody has them.
        unsafe { purge_inner_pages(start.wrapping_add(offset), size, least) }
    })
}

impl Books {
    /// Gives the memory of vacant segments back until that was `wanted` bytes, or more by what one segment had; returns
    /// the bytes given back, at most.
    ///
    /// It begins with the memory of whole blocks, which can serve nobody else, and with the arenas that are used last.
    /// Memory of whole blocks that were freed a moment ago stays, if it is to `spare` them.
    pub(crate) fn purge(&mut self, wanted: usize, spare: bool) -> usize {
        let now = sys::milliseconds() as u32;
        let mut purged = 0;
        for purposes in [[Use::WHOLE, Use::VACANT], [Use::SEGMENTS, Use::FIRST_SLABS]] {
            purged += self.purge_last(wanted.saturating_sub(purged), |books, place| {
                let &mut Arena { purpose, freed_at, .. } = books.arena(place);
                let spared = spare && policy::will_serve_again(freed_at, now);
                !spared && purposes.contains(&purpose)
            });
        }
        purged
    }

    /// Gives the memory behind free blocks back, where one slab has enough of it, until that was `wanted` bytes; returns
    /// the bytes given back, at most. Slabs that are being emptied stay as they are, if only `rested` ones are looked
    /// at.
    pub(crate) fn purge_slabs(&mut self, wanted: usize, rested: bool) -> usize {
        let mut purged = 0;
        for arena in self.booked().rev() {
            let mut used = self.arena(arena).used;
            while used != 0 && purged < wanted {
                let place = arena.segment(used.trailing_zeros() as usize);
                used &= used - 1;
                if let Some(mut slab) = self.slab_of(place) {
                    let here = purge_slab(&mut slab, rested);
                    if here != 0 {
                        self.avoid_huge_beside(arena, 1 << place.segment);
                    }
                    purged += here;
                }
            }
        }
        purged
    }

    /// Unmaps the memory of all segments, if none is used; returns the bytes that were touched of what the system took.
    ///
    /// To purge it first would be a call more for each stretch, and one more interruption of all processors that run the process.
    pub(crate) fn unmap_unused(&mut self) -> usize {
        if self.booked().any(|place| self.arena(place).used != 0) {
            return 0;
        }
        self.booked().map(|place| self.unmap_vacant(place)).sum()
    }

    /// Unmaps the memory behind an arena without used segments; returns as [`unmap_unused`](Self::unmap_unused).
    fn unmap_vacant(&mut self, place: ArenaPlace) -> usize {
        let &mut Arena { committed, dirty, .. } = self.arena(place);
        // SAFETY: no segment of the arena serves anything.
        unsafe { self.unmap_segments(place, committed) };
        let gone = dirty & !self.arena(place).committed;
        stretches(gone, gone).map(|(first, count)| self.note_purged(place, first, count)).sum()
    }

    /// Gives the books of segments back, if no segment is used or has memory behind it: once none is usable, its book
    /// says nothing. Returns whether it did.
    pub(crate) fn purge_books(&mut self) -> bool {
        let is_needed = |arena: &Arena| arena.used | arena.dirty != 0;
        if self.tables.are_bare() || self.booked().any(|place| is_needed(self.arena(place))) {
            return false;
        }
        self.decommit();
        if self.booked().any(|place| self.arena(place).committed != 0) {
            return false;
        }
        let start = self.start();
        // SAFETY: no arena has a used or a committed segment: none serves anything, or has usable memory.
        unsafe { self.tables.strip(start) }
    }

    /// Unmaps memory that serves nothing and was purged or never touched: of vacant segments, and behind the blocks of
    /// slabs. A limit of the process no longer counts it then.
    pub(crate) fn decommit(&mut self) {
        let mut tails = true;
        for place in self.booked() {
            tails = self.decommit_arena(place, tails);
        }
    }

    /// The same of one arena, with the `tails` of slabs or without; returns whether those of others are worth a call.
    ///
    /// If the system refuses one, the process has all its mappings, and memory between two slabs can't go.
    fn decommit_arena(&mut self, place: ArenaPlace, mut tails: bool) -> bool {
        let &mut Arena { committed, mut used, dirty, .. } = self.arena(place);
        // SAFETY: the segments aren't used, so that they serve nothing.
        unsafe { self.unmap_segments(place, committed & !used & !dirty) };
        while used != 0 && tails {
            let place = place.segment(used.trailing_zeros() as usize);
            used &= used - 1;
            let &mut Segment { bin, touched, .. } = self.segment(place);
            if bin != Bin::NONE {
                // SAFETY: [SEGMENT-5: touched] the blocks ever handed out lie within the touched bytes.
                tails = unsafe { self.unmap_tail(place, touched as usize) };
            }
        }
        tails
    }

    /// Gives the memory of an arena's last vacant segments back, `wanted` bytes, or all that there is; returns the bytes given
    /// back, at most.
    ///
    /// Huge pages may have brought memory behind segments that were never touched: these are purged with those between
    /// which they lie.
    fn purge_arena(&mut self, place: ArenaPlace, wanted: usize) -> usize {
        let last = self.last_dirty(place, wanted);
        let is_all = last == self.arena(place).dirty;
        let from = if is_all { 0 } else { last.trailing_zeros() };
        let purged = self.purge_vacant(place, u64::MAX << from);
        self.mend(place);
        purged
    }

    /// Unmaps a vacant arena without memory to which some was brought: it will be one mapping again.
    pub(crate) fn mend(&mut self, place: ArenaPlace) {
        let &mut Arena { committed, used, dirty, brought, purpose, .. } = self.arena(place);
        if brought != 0 && used | dirty == 0 && purpose == Use::VACANT {
            // SAFETY: no segment of the arena serves anything.
            unsafe { self.unmap_segments(place, committed) };
        }
    }

    /// Gives memory back behind vacant arenas and beside whole blocks, until that was `wanted` bytes, or more by what one
    /// segment had; returns the bytes given back, at most.
    pub(crate) fn purge_whole(&mut self, wanted: usize) -> usize {
        self.purge_last(wanted, |books, place| !books.arena(place).purpose.is_of_segments())
    }

    /// The same behind vacant arenas in which large blocks lay, and no slab ever.
    pub(crate) fn purge_left_by_large(&mut self, wanted: usize) -> usize {
        self.purge_last(wanted, |books, place| {
            let &mut Arena { purpose, dirty, .. } = books.arena(place);
            let first = place.segment(dirty.trailing_zeros() as usize);
            purpose == Use::VACANT && books.segment(first).bitmap == 0
        })
    }

    /// The same of the arenas that `may` be asked.
    fn purge_last(&mut self, wanted: usize, may: impl Fn(&mut Self, ArenaPlace) -> bool) -> usize {
        let mut purged = 0;
        for place in self.booked().rev() {
            if purged < wanted && self.arena(place).dirty != 0 && may(self, place) {
                purged += self.purge_arena(place, wanted - purged);
            }
        }
        purged
    }

    /// The last vacant segments of an arena that have so many bytes of memory, or all that have any.
    fn last_dirty(&mut self, place: ArenaPlace, wanted: usize) -> u64 {
        let (mut left, mut segments, mut bytes) = (self.arena(place).dirty, 0, 0);
        while left != 0 && bytes < wanted {
            let last = left.ilog2() as usize;
            left &= !(1 << last);
            segments |= 1 << last;
            bytes += self.segment(place.segment(last)).touched as usize;
        }
        segments
    }

    /// The bytes behind vacant arenas and beside whole blocks.
    pub(crate) fn dirty_of_whole(&mut self) -> usize {
        let mut bytes = 0;
        for place in self.booked() {
            let &mut Arena { dirty, purpose, .. } = self.arena(place);
            if !purpose.is_of_segments() {
                bytes += dirty.count_ones() as usize * place.partition.segment_size();
            }
        }
        bytes
    }

    /// The same of some of these.
    pub(crate) fn purge_vacant(&mut self, place: ArenaPlace, segments: u64) -> usize {
        let &mut Arena { committed, whole, used, dirty, .. } = self.arena(place);
        let (mut purged, mut gone) = (0, 0);
        for (first, count) in stretches(segments & committed & !used, whole) {
            let run = run_mask(first, count);
            if dirty & run == 0 {
                continue;
            }
            let bytes = self.bytes_usable(place, first, count);
            // SAFETY: [BOOKS-2: committed] so much is usable, and no segment of it serves anything. Pages that are
            // locked into memory can only be unmapped.
            let given = unsafe {
                sys::purge(self.address(place.segment(first)), bytes)
                    || self.unmap_segments(place, run) == bytes
            };
            if given {
                purged += self.note_purged(place, first, count);
                gone |= run;
            }
        }
        self.avoid_huge_beside(place, gone);
        purged
    }

    /// Notes that `count` vacant segments from `first` read as zero; returns the bytes that were touched.
    pub(super) fn note_purged(&mut self, place: ArenaPlace, first: usize, count: usize) -> usize {
        self.arena(place).dirty &= !run_mask(first, count);
        (first..first + count)
            .map(|segment| core::mem::take(&mut self.segment(place.segment(segment)).touched))
            .map(|touched| touched as usize)
            .sum()
    }
}
