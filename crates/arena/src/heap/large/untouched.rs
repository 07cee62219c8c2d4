//! Zeroed blocks of which little was touched: as they are freed, their memory goes back.
//!
//! The books count all of a block as touched. So it would be cleared for the next zeroed block, and resident, for the few
//! pages that were.

use core::ptr;

use crate::{
    books::guard,
    heap::{large::LargeBlock, pools::Pools},
    plan::geometry::LINE,
    thresholds::{LOOKS, LOOKS_INTO_FREED, WORTH_LOOKING_AT},
};

impl LargeBlock {
    /// Whether it was to be zero, and still is in most of some equal parts, by a look at the middle of each. The program has
    /// given it up.
    pub(super) fn looks_untouched(self, pools: &mut Pools) -> bool {
        let size = self.size(pools);
        // The sanitizer guards the block already; between guards, all of it goes in any case.
        if !pools.segment(self.first).zeroed
            || size < WORTH_LOOKING_AT
            || !LOOKS_INTO_FREED
            || guard::ON
        {
            return false;
        }
        self.touched_places(size, LINE) < LOOKS / 2
    }

    /// In how many of equal parts the line isn't zero at which the middle of the part lies, or the multiple of a `unit`
    /// before. The program has given it up.
    pub(super) fn touched_places(self, size: usize, unit: usize) -> usize {
        let part = size / LOOKS;
        let places = (0..LOOKS).map(|number| (number * part + part / 2) & !(unit - 1));
        let is_touched = |place: &usize| {
            let line = self.first.address().wrapping_add(*place).cast::<[u8; LINE]>();
            // SAFETY: the line lies in the block, which is usable, and nobody uses it any more. All bytes are a value.
            unsafe { ptr::read(line) != [0; LINE] }
        };
        places.filter(is_touched).count()
    }

    /// Gives the memory of its segments back, which are vacant by now; it had `size` bytes.
    pub(super) fn purge(self, pools: &mut Pools, size: usize) {
        pools.purge_segments(self.pieces(0, self.segments(size)));
    }
}
