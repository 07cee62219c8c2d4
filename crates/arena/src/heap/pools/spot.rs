//! What an address of a heap's areas lies in, by its books.

use crate::{
    books::{reference::SegmentRef, slab::Standing},
    heap::{large::LargeBlock, pools::Pools},
    plan::bins::Bin,
};

/// What an address lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// What lies before the partitions.
    Books,
    /// Memory that no block has.
    Vacant,
    /// A small block, live or not.
    Small { bin: Bin, start: usize, standing: Standing },
    /// A live large block, which may have arenas for itself.
    Large { start: usize, size: usize, whole: bool },
}

impl Pools {
    /// What an address lies in. O(1) for a small block, for a large one O(segments of an arena, and its arenas).
    ///
    /// # Safety
    ///
    /// It lies in an area of this heap.
    pub(crate) unsafe fn spot(&mut self, address: *mut u8) -> Spot {
        // SAFETY: the caller's promise is the same.
        let Some(segment) = (unsafe { SegmentRef::containing(address) }) else {
            return Spot::Books;
        };
        // What was never used may have no book.
        if !self.books(segment.area).is_used(segment.place) {
            return Spot::Vacant;
        }
        let found = match self.segment(segment).bin {
            Bin::NONE => self.large_spot(segment, address),
            // SAFETY: the segment's book says that it serves this bin.
            bin => unsafe { self.slab(address, bin) }
                .block_around(address)
                .map(|(start, standing)| Spot::Small { bin, start, standing }),
        };
        found.unwrap_or(Spot::Vacant)
    }

    fn large_spot(&mut self, segment: SegmentRef, address: *mut u8) -> Option<Spot> {
        let (block, size) = LargeBlock::around(self, segment, address.addr())?;
        Some(Spot::Large { start: block.start(), size, whole: block.is_whole(self) })
    }
}
