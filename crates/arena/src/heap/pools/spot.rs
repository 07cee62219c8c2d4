//! Spots: the parts of a heap's areas that an address may lie in, by the books.

use crate::{
    books::{reference::SegmentRef, slab::Standing},
    heap::{large::LargeBlock, pools::Pools},
    plan::bins::Bin,
};

/// The part of an area that an address lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// The books, before the partitions.
    Books,
    /// Memory that no block has.
    Vacant,
    /// A small block, live or not.
    Small { bin: Bin, start: usize, standing: Standing },
    /// A live large block, which may have arenas for itself.
    Large { start: usize, size: usize, whole: bool },
}

impl Pools {
    /// The spot that an address lies in. O(1) for a small block, for a large one O(segments of an arena, and its arenas).
    ///
    /// # Safety
    ///
    /// The address lies in an area of this heap.
    pub(crate) unsafe fn spot(&mut self, address: *mut u8) -> Spot {
        // SAFETY: the address lies in an area of this heap, by this function's contract.
        let Some(segment) = (unsafe { SegmentRef::containing(address) }) else {
            return Spot::Books;
        };
        // A segment that was never used may have no book.
        if !self.books(segment.area).is_used(segment.place) {
            return Spot::Vacant;
        }
        let bin = self.segment(segment).bin;
        let found = match self.slab_of(segment) {
            None => self.large_spot(segment, address),
            Some(slab) => slab.block_around(address).map(|(start, standing)| Spot::Small {
                bin,
                start,
                standing,
            }),
        };
        found.unwrap_or(Spot::Vacant)
    }

    fn large_spot(&mut self, segment: SegmentRef, address: *mut u8) -> Option<Spot> {
        let (block, size) = LargeBlock::around(self, segment, address.addr())?;
        Some(Spot::Large { start: block.start(), size, whole: block.is_whole(self) })
    }
}
