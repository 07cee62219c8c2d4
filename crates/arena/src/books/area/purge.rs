//! How an area's memory goes back to the system.

use crate::books::area::Books;
use crate::{
    books::{
        arena::{Arena, Use, run_mask, stretches},
        slab::{Segment, Slab},
    },
    plan::{bins::Bin, geometry::ArenaPlace},
    policy, sys,
};

/// Gives the pages back that lie wholly within a stretch of free blocks; says how many bytes of it need
/// not be looked at again.
///
/// # Safety
///
/// Nobody has a block in the stretch, which is usable.
unsafe fn purge_inner_pages(start: *mut u8, size: usize, least: usize) -> usize {
    let lead = sys::round_to_pages(start.addr()) - start.addr();
    let page = sys::round_to_pages(1);
    let pages = size.saturating_sub(lead) / page * page;
    // SAFETY: the caller's promise.
    let purged = pages >= least && unsafe { sys::purge(start.wrapping_add(lead), pages) };
    if purged { size } else { 0 }
}

/// Gives the pages back beyond the blocks that a slab ever handed out; says how many bytes less are idle. Where any page
/// is to go, some may be there that were never touched, of a huge one.
fn purge_tail(slab: &mut Slab<'_>, rested: bool) -> usize {
    let used = sys::round_to_pages(slab.carved_bytes());
    let tail = (slab.segment.touched as usize).saturating_sub(used);
    let end = slab.segment.usable as usize;
    let (least, size) =
        if rested { (policy::least_stretch(true), tail) } else { (1, end.saturating_sub(used)) };
    // SAFETY: [BOOKS-4] so much of the segment is usable, and no block beyond was ever handed out.
    let purged = size >= least && unsafe { sys::purge(slab.base.wrapping_add(used), size) };
    if !purged || tail == 0 {
        return 0;
    }
    slab.segment.touched = used as u32;
    tail
}

/// Gives the memory of a slab back that serves nothing, if it has `rested` where that is asked; says how many bytes
/// less are idle.
fn purge_slab(slab: &mut Slab<'_>, rested: bool) -> usize {
    let (idle, start, partition) = (slab.idle(), slab.base, slab.shape.partition);
    let seen = core::mem::replace(&mut slab.segment.seen, idle as u32) as usize;
    let may =
        policy::is_worth_settling(idle, partition) && policy::has_rested(seen, idle, partition);
    if rested && !may {
        return 0;
    }
    let tail = purge_tail(slab, rested);
    let least = policy::least_stretch(rested);
    if idle - tail < least {
        return tail;
    }
    tail + slab.settle(least, |offset, size| {
        // SAFETY: [SEGMENT-1, SEGMENT-2] blocks that were handed out once, and that nobody has.
        unsafe { purge_inner_pages(start.wrapping_add(offset), size, least) }
    })
}

impl Books {
    /// Gives the memory of vacant segments back until that was `wanted` bytes, or more by what one arena
    /// had; says how many bytes that were at most.
    ///
    /// Begins with what lies behind whole blocks, since it can serve nobody else, and with the arenas
    /// that are used last. Leaves that of whole blocks which were freed a moment ago, if it is to `spare` them.
    pub(crate) fn purge(&mut self, wanted: usize, spare: bool) -> usize {
        let now = sys::milliseconds() as u32;
        let mut purged = 0;
        // All of an arena goes in one call.
        for purposes in [[Use::WHOLE, Use::VACANT], [Use::SEGMENTS; 2]] {
            for index in (0..self.arenas.len()).rev() {
                if purged >= wanted {
                    return purged;
                }
                let arena = &self.arenas[index];
                let spared = spare && policy::will_serve_again(arena.freed_at, now);
                if arena.dirty != 0 && !spared && purposes.contains(&arena.purpose) {
                    purged += self.purge_arena(ArenaPlace::from_index(index));
                }
            }
        }
        purged
    }

    /// Gives the memory behind free blocks back, where there is enough of it in one slab, until that
    /// was `wanted` bytes; says how many bytes that were at most. Leaves slabs that are being emptied, if only
    /// `rested` ones are to be looked at.
    pub(crate) fn purge_slabs(&mut self, wanted: usize, rested: bool) -> usize {
        let mut purged = 0;
        for index in (0..self.arenas.len()).rev() {
            let mut used = self.arenas[index].used;
            while used != 0 && purged < wanted {
                let place = ArenaPlace::from_index(index).segment(used.trailing_zeros() as usize);
                used &= used - 1;
                let bin = self.segment(place).bin;
                if bin != Bin::NONE {
                    let start = self.address(place);
                    // SAFETY: the segment's book says that it serves this bin.
                    purged += purge_slab(&mut unsafe { self.slab(start, bin) }, rested);
                }
            }
        }
        purged
    }

    /// Gives the books of segments back, where none is used nor has memory behind it: they tell nothing then,
    /// once no memory is usable. Says whether it did.
    pub(crate) fn purge_books(&mut self) -> bool {
        let tells = |arena: &Arena| arena.used | arena.dirty != 0;
        if self.tables.are_bare() || self.arenas.iter().any(tells) {
            return false;
        }
        self.decommit();
        if self.arenas.iter().any(|arena| arena.committed != 0) {
            return false;
        }
        let start = self.start();
        // SAFETY: no segment serves anything, or has usable memory; [BOOKS-5] none has a bit map from now on.
        unsafe { self.tables.strip(start) }
    }

    /// Makes memory unusable that serves nothing, where it was purged or never touched, so that a limit of
    /// the process no longer counts it: of vacant segments, and behind the blocks of slabs.
    pub(crate) fn decommit(&mut self) {
        let mut tails = true;
        for index in 0..self.arenas.len() {
            tails = self.decommit_arena(ArenaPlace::from_index(index), tails);
        }
    }

    /// The same of one arena, with the `tails` of slabs or without; says whether those of others are worth a call. Where the
    /// system refuses one, the process has all its mappings, and what lies between two slabs can't go.
    fn decommit_arena(&mut self, place: ArenaPlace, mut tails: bool) -> bool {
        let &mut Arena { committed, mut used, dirty, .. } = self.arena(place);
        // SAFETY: those that aren't used.
        unsafe { self.unmap_segments(place, committed & !used & !dirty) };
        while used != 0 && tails {
            let place = place.segment(used.trailing_zeros() as usize);
            used &= used - 1;
            let &mut Segment { bin, touched, .. } = self.segment(place);
            if bin != Bin::NONE {
                // SAFETY: [SEGMENT-5: touched] of the slab: no block beyond was ever handed out.
                tails = unsafe { self.unmap_tail(place, touched as usize) };
            }
        }
        tails
    }

    /// Gives the memory of an arena's vacant segments back. Where huge pages are, some lies behind segments
    /// that were never touched: they are purged with those between which they lie.
    fn purge_arena(&mut self, place: ArenaPlace) -> usize {
        let &mut Arena { committed, whole, used, dirty, .. } = self.arena(place);
        let mut purged = 0;
        for (first, count) in stretches(committed & !used, whole) {
            let run = run_mask(first, count);
            if dirty & run == 0 {
                continue;
            }
            let bytes = self.bytes_usable(place, first, count);
            // SAFETY: [BOOKS-4] so much is usable, and no segment of it serves anything. Pages that are locked into
            // memory can only be unmapped.
            let given = unsafe {
                sys::purge(self.address(place.segment(first)), bytes)
                    || self.unmap_segments(place, run) == bytes
            };
            if !given {
                continue;
            }
            self.arena(place).dirty &= !run;
            for segment in first..first + count {
                let touched = &mut self.segment(place.segment(segment)).touched;
                purged += core::mem::take(touched) as usize;
            }
        }
        purged
    }
}
