//! Taking back every block of a heap at once.

use core::ptr::null_mut;

use crate::heap::pools::Pools;
use crate::{
    books::{area::Area, poison, slab_list::SlabList},
    plan::{
        bins::{BINS, Bin},
        geometry::{ArenaPlace, SegmentPlace},
    },
};

impl Pools {
    /// Frees every block, and keeps the memory for the next use. O(arenas and segments in use).
    pub(crate) fn reset(&mut self) {
        let mut area = self.areas;
        while !area.is_null() {
            while let Some(place) = self.books(area).first_taken() {
                self.reset_arena(area, place);
            }
            area = self.books(area).next;
        }
        self.current = [null_mut(); BINS];
        self.slabs = [SlabList::EMPTY; BINS];
        self.arenas.iter_mut().for_each(crate::books::arena::ArenaIndex::clear);
        self.tallies.gave_all();
        self.figures.free_all();
    }

    fn reset_arena(&mut self, area: *mut Area, place: ArenaPlace) {
        let arena = self.books(area).arena(place);
        arena.listed = 0;
        arena.span = 0;
        let mut used = arena.used;
        while used != 0 {
            let segment = place.segment(used.trailing_zeros() as usize);
            used &= used - 1;
            match self.books(area).segment(segment).bin {
                Bin::NONE => self.books(area).segment(segment).pages = 0,
                bin => self.empty_slab(area, segment, bin),
            }
            poison::bytes_freed(self.books(area).address(segment), place.partition.segment_size());
            self.vacate_segment(area, segment);
        }
        self.books(area).give_arena(place);
    }

    fn empty_slab(&mut self, area: *mut Area, place: SegmentPlace, bin: Bin) {
        let start = self.books(area).address(place);
        // SAFETY: the segment's book says that it serves this bin.
        let mut slab = unsafe { self.books(area).slab(start, bin) };
        let idle = slab.idle();
        slab.segment.free = slab.segment.carved;
        slab.clear();
        self.figures.reuse(idle);
        self.books(area).set_bin(place, Bin::NONE);
    }

    /// The areas of a heap all of whose blocks are free, newest first, for whoever releases them.
    pub(crate) fn give_up_areas(&mut self) -> *mut Area {
        self.figures.give_up();
        self.settle_wholly();
        core::mem::replace(&mut self.areas, null_mut())
    }
}
