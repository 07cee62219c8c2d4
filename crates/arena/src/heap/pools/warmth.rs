//! Warm memory for all bins of a partition: what one bin no longer needs serves another, before the system is asked.

use core::ptr::null_mut;

use crate::{
    books::slab::Slab,
    heap::pools::{Pools, segments::OF_FIRST_SLABS},
    plan::{bins::Bin, geometry::Partition},
    policy,
};

impl Pools {
    /// Whether the next blocks of the slab that a bin is refilled from, if there is one, would be in memory that it never used.
    pub(crate) fn needs_memory(&mut self, bin: Bin) -> bool {
        let is_cold = |slab: Slab<'_>| {
            slab.segment.free == 0 && slab.carved_bytes() >= slab.segment.touched as usize
        };
        self.current_slab(bin).is_none_or(is_cold)
    }

    /// Whether the next `count` blocks of a bin reach into another stretch of its slab than those before, or another slab: so
    /// often it is worth a look at all other bins.
    pub(crate) fn begins_stretch(&mut self, bin: Bin, count: usize) -> bool {
        let bytes = count * bin.shape().block_size as usize;
        let from = self.current_slab(bin).map_or(0, |slab| slab.carved_bytes());
        from == 0 || policy::is_in_another_stretch(from, from + bytes)
    }

    /// Whether the vacant segment that a bin's next slab would have has memory behind much of it.
    pub(crate) fn has_warm_segment(&mut self, bin: Bin) -> bool {
        let (begins, partition) = (self.begins(bin), bin.shape().partition);
        let index = if begins { OF_FIRST_SLABS } else { partition.number() };
        // SAFETY: [POOLS-1: areas] listed books are touched only through these pools, which are borrowed mutably.
        let arena = unsafe { self.arenas[index].warmest() };
        // SAFETY: a listed book, as above.
        if arena.is_null() || unsafe { (*arena).dirty } == 0 {
            return false;
        }
        let found =
            if begins { self.find_first_segment(bin) } else { self.find_segment(partition) };
        found.is_some_and(|it| policy::is_worth_turning_to(self.segment(it).touched as usize))
    }

    /// Refills a bin from a new slab in warm memory, if there is some, rather than from a slab whose next block never had
    /// any.
    pub(crate) fn turn_to_warm(&mut self, bin: Bin) {
        let before = self.current[bin.index()];
        if !self.has_warm_segment(bin) {
            return;
        }
        self.current[bin.index()] = null_mut();
        if !self.make_slab(bin) {
            self.current[bin.index()] = before;
        } else if !before.is_null() {
            // SAFETY: [POOLS-2: slabs] it was the bin's current slab.
            unsafe { self.place_slab(before, bin) };
        }
    }

    /// Whether no block of a bin serves anything, as those `kept` are in a stock, and vacating its slabs is worth filling the
    /// stock again later: the next slab of a `busy` bin would lie there.
    pub(crate) fn is_worth_vacating(&mut self, bin: Bin, kept: &[*mut u8], busy: Bin) -> bool {
        if self.tallies.live(bin) != kept.len() {
            return false;
        }
        let wanted = if self.begins(busy) { Partition::FIRST } else { busy.shape().partition };
        if ![Partition::FIRST, bin.shape().partition].contains(&wanted) {
            return false;
        }
        match self.current_slab(bin) {
            Some(slab) if slab.shape.partition == wanted => {
                policy::is_worth_vacating(slab.carved_bytes())
            }
            // Blocks of the stock may keep slabs there.
            _ => kept.iter().any(|&block| bin.shape_at(block).partition == wanted),
        }
    }
}
