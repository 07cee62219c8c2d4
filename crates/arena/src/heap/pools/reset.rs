//! Freeing every block of a heap at once.

use core::ptr::null_mut;

use crate::heap::pools::Pools;
use crate::{
    books::{
        arena::ArenaIndex,
        poison,
        reference::{AreaRef, ArenaRef, SegmentRef},
        slab_list::SlabList,
    },
    plan::bins::{BINS, Bin},
};

impl Pools {
    /// Frees every block, and keeps the memory for the next use. O(arenas and segments in use).
    pub(crate) fn reset(&mut self) {
        for area in self.areas() {
            while let Some(place) = self.books(area).first_taken() {
                self.reset_arena(ArenaRef { area, place });
            }
        }
        self.current = [null_mut(); BINS];
        self.slabs = [SlabList::EMPTY; BINS];
        self.arenas.iter_mut().for_each(ArenaIndex::clear);
        self.tallies.gave_all();
        self.figures.free_all();
    }

    fn reset_arena(&mut self, arena: ArenaRef) {
        let book = self.arena(arena);
        book.listed = 0;
        book.span = 0;
        let mut used = book.used;
        while used != 0 {
            let segment = arena.segment(used.trailing_zeros() as usize);
            used &= used - 1;
            match self.segment(segment).bin {
                Bin::NONE => self.segment(segment).pages = 0,
                _ => self.empty_slab(segment),
            }
            poison::bytes_freed(segment.address(), self.segment(segment).usable as usize);
            self.vacate_segment(segment);
        }
        self.books(arena.area).give_arena(arena.place);
    }

    fn empty_slab(&mut self, segment: SegmentRef) {
        let Some(mut slab) = self.slab_of(segment) else { return };
        let idle = slab.idle();
        slab.segment.free = slab.segment.carved;
        slab.clear();
        self.figures.reuse(idle);
        self.books(segment.area).set_bin(segment.place, Bin::NONE);
    }

    /// Gives up the areas of a heap all of whose blocks are free, and returns them, newest first. The caller releases
    /// them.
    pub(crate) fn give_up_areas(&mut self) -> impl Iterator<Item = AreaRef> + Clone + use<> {
        self.figures.give_up();
        self.adjust_grant_wholly();
        self.kept_runs.clear();
        self.last_freed.clear();
        let areas = self.areas();
        self.newest = None;
        areas
    }
}
