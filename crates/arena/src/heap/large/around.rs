//! The large block around an address.

use crate::{
    books::{arena::Use, reference::SegmentRef},
    heap::{
        large::{LargeBlock, PAGE},
        pools::Pools,
    },
    plan::geometry::SEGMENTS,
};

impl LargeBlock {
    /// The live large block that a byte of a used segment lies in, with its size, if it lies in one. O(segments of an
    /// arena, and arenas of the block).
    pub(crate) fn around(
        pools: &mut Pools,
        within: SegmentRef,
        address: usize,
    ) -> Option<(Self, usize)> {
        let mut arena = within.arena();
        // The arenas after the first that a whole block has for itself count none.
        while pools.arena(arena).purpose == Use::WHOLE && pools.arena(arena).span == 0 {
            arena = arena.neighbour(arena.place.arena.checked_sub(1)?);
        }
        let last = if arena == within.arena() { within.place.segment } else { SEGMENTS - 1 };
        let first = (0..=last).rev().map(|number| arena.segment(number)).find(|&segment| {
            pools.books(segment.area).is_used(segment.place) && pools.segment(segment).pages != 0
        })?;
        let size = pools.segment(first).pages as usize * PAGE;
        // Behind its end lies the rest of its last segment, or a segment that is left out.
        (address - first.address().addr() < size).then_some((Self { first }, size))
    }

    /// Its first byte.
    pub(crate) fn start(self) -> usize {
        self.first.address().addr()
    }
}
