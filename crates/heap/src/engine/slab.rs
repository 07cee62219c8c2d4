//! Cells: requests of at most 16 bytes, 16 bytes each, in slabs of a window.
//!
//! A block has at least two bits of tags, so the shortest has 32 bytes; smaller requests are as
//! frequent as all others together in many programs. A *slab* is a block of exactly a window,
//! whose word of tags says which cells are live. The first cell is kept back: it
//! holds the links of the list of slabs that have a free cell, and its bit is still the block's B.

use crate::{
    engine::Engine,
    memory::{load, store},
    policy::Policy,
    region::Region,
    tags::{SLAB, Tags, WINDOW, window_bytes},
};

/// Bytes of a cell.
pub(crate) const CELL: usize = 16;

const WORD: usize = size_of::<usize>();

impl<P: Policy> Engine<P> {
    /// Bytes of a slab, to which it is aligned.
    const SLAB: usize = window_bytes::<P>();

    /// The bits of cells in a slab's word.
    const CELLS: u64 = {
        let every = if P::GRANULE == CELL { u64::MAX } else { 0x5555_5555_5555_5555 };
        every & !1
    };

    /// Takes a cell: its address, or 0 if no slab has one and there is no room for another slab.
    #[inline(always)]
    pub(crate) fn allocate_cell(&mut self) -> usize {
        let slab = if self.slabs == 0 { self.create_slab() } else { self.slabs };
        if slab == 0 {
            return 0;
        }
        let tags = self.region_of(slab).tags;
        // SAFETY: the slabs in the list are slabs with a free cell, so the word has a free bit.
        unsafe {
            let word = tags.word(slab);
            let free = !word & Self::CELLS;
            tags.set_word(slab, word | free & free.wrapping_neg());
            if free.is_power_of_two() {
                self.unlink_slab(slab);
            }
            slab + free.trailing_zeros() as usize * P::GRANULE
        }
    }

    #[cold]
    #[inline(never)]
    fn create_slab(&mut self) -> usize {
        let slab = self.allocate_aligned(Self::SLAB, Self::SLAB);
        if slab == 0 {
            return 0;
        }
        let tags = self.region_of(slab).tags;
        // SAFETY: the block is new and is the window; the B in its first bit stays.
        unsafe {
            tags.set_word(slab, tags.word(slab) & 1);
            tags.set_mark(slab, SLAB);
            self.link_slab(slab);
        }
        slab
    }

    /// Returns whether a live address lies in a slab.
    #[inline(always)]
    pub(crate) unsafe fn is_cell(tags: Tags<P>, address: usize) -> bool {
        // SAFETY: a block's start, or a cell, is in a window of the tags [TAGS-3].
        P::CELLS && unsafe { tags.mark(address) == SLAB }
    }

    /// Takes a live cell back.
    #[inline(always)]
    pub(crate) unsafe fn release_cell(&mut self, region: Region<P>, address: usize) {
        let slab = address & !(Self::SLAB - 1);
        // SAFETY: the word is that of a slab, in the list if and only if it has a free cell.
        unsafe {
            let word = region.tags.word(address);
            region.tags.toggle(address);
            let left = region.tags.word(address);
            if word & Self::CELLS == Self::CELLS {
                self.link_slab(slab);
            }
            if left & Self::CELLS == 0 {
                self.empty_slab(slab);
            }
        }
    }

    /// Gives the room of an empty slab back, unless it is the only one with a free cell: the next
    /// small request would take the same room again.
    #[inline(never)]
    unsafe fn empty_slab(&mut self, slab: usize) {
        // SAFETY: the slab is in the list.
        let next: usize = unsafe { load(slab) };
        if self.slabs == slab && next == 0 {
            return;
        }
        // SAFETY: no cell of it is live.
        unsafe { self.destroy_slab(slab) }
    }

    unsafe fn destroy_slab(&mut self, slab: usize) {
        let region = self.region_of(slab);
        // SAFETY: the slab is in the list, and no cell of it is live.
        unsafe {
            self.unlink_slab(slab);
            region.tags.set_mark(slab, 0);
            region.tags.set_word(slab, region.tags.word(slab) & 1 | 1 << (WINDOW - 1));
            self.free(region, slab, Self::SLAB);
        }
    }

    /// Gives the room of the empty slab back that was kept; whether there was one.
    pub(crate) fn drain_slabs(&mut self) -> bool {
        let slab = self.slabs;
        if slab == 0 {
            return false;
        }
        let region = self.region_of(slab);
        // SAFETY: a slab in the list.
        unsafe {
            if region.tags.word(slab) & Self::CELLS != 0 {
                return false;
            }
            self.destroy_slab(slab);
        }
        true
    }

    unsafe fn link_slab(&mut self, slab: usize) {
        let next = self.slabs;
        // SAFETY: the first cell of each slab is for these links.
        unsafe {
            store(slab, next);
            store(slab + WORD, 0_usize);
            if next != 0 {
                store(next + WORD, slab);
            }
        }
        self.slabs = slab;
    }

    unsafe fn unlink_slab(&mut self, slab: usize) {
        // SAFETY: the first cell of each slab is for these links.
        unsafe {
            let (next, previous): (usize, usize) = (load(slab), load(slab + WORD));
            if next != 0 {
                store(next + WORD, previous);
            }
            if previous == 0 {
                self.slabs = next;
            } else {
                store(previous, next);
            }
        }
    }
}
