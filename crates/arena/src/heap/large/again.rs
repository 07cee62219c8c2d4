//! Large blocks where one of their size was freed a moment ago.
//!
//! To find the warmest gap of all partitions takes a thousand instructions and more, and a program that allocates and frees
//! buffers of one size would have the same one each time. The places that are known are hints, which are held against the books
//! before they are used: others may have had the segments since, and the memory may be gone.

use crate::{
    books::{
        arena::{Claim, Use, run_mask},
        guard,
        reference::SegmentRef,
    },
    heap::{
        large::{Fresh, LargeBlock, MAX_RUN, Outlook, PAGE, Request},
        pools::Pools,
    },
    plan::geometry::SEGMENTS,
};

impl Pools {
    /// A block where one of its size was, if all memory of that is still there: so no more is held with it than without, and
    /// what is granted covers it.
    pub(crate) fn allocate_again(&mut self, request: Request) -> Option<Fresh> {
        // One that grows is better off where there is room.
        if guard::ON || request.outlook == Outlook::Growing {
            return None;
        }
        let size = request.size.next_multiple_of(PAGE);
        let start = self.last_freed.take(size)?;
        // SAFETY: [POOLS-8: freed] the address lies in an area of this heap.
        let block = LargeBlock { first: unsafe { SegmentRef::containing(start) }? };
        if start.addr() % request.align != 0 || !self.is_warm_and_vacant(block, size) {
            return None;
        }
        self.take_place(block, size)?;
        let stale = self.use_touched(block.first, block.segments(size));
        self.list_if_shared(block);
        self.segment(block.first).pages = (size / PAGE) as u32;
        Some(self.hand_out(block, request, stale))
    }

    /// Whether the segments that a block of one arena would have there are vacant, and touched as far as it goes.
    fn is_warm_and_vacant(&mut self, block: LargeBlock, size: usize) -> bool {
        let (arena, segments) = (block.first.arena(), block.segments(size));
        if block.first.place.segment + segments > SEGMENTS {
            return false;
        }
        let run = run_mask(block.first.place.segment, segments);
        let book = self.arena(arena);
        // [ARENA-1: dirty] What is dirty is vacant.
        if book.dirty & book.whole & run != run {
            return false;
        }
        let (mut left, mut cold) = (size, 0);
        let segment_size = block.segment_size();
        self.books(arena.area).each_segment(block.first.place, segments, |segment| {
            let used = left.min(segment_size);
            cold |= used.saturating_sub(segment.touched as usize);
            left -= used;
        });
        cold == 0
    }

    /// Takes the arena of vacant segments for a whole block, or finds that a run may share it; `None` if neither.
    ///
    /// A run takes no vacant arena: there may be room for it in those that are in use, and each that it opens is one less for
    /// the whole blocks which have their memory there.
    fn take_place(&mut self, block: LargeBlock, size: usize) -> Option<()> {
        let arena = block.first.arena();
        let purpose = self.arena(arena).purpose;
        if size <= MAX_RUN {
            return (purpose == Use::SEGMENTS).then_some(());
        }
        if purpose != Use::VACANT {
            return None;
        }
        let partition = arena.place.partition;
        let claim = Claim { partition, count: 1, purpose: Use::WHOLE, keep: 0, warm: None };
        self.take_arenas(arena, claim)?;
        self.arena(arena).span = 1;
        Some(())
    }
}
