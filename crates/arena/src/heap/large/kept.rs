//! Runs where others were that were freed, in the hardened build.
//!
//! A run lies exactly at its pages, and guards around it: so memory that was kept serves where it is, or not at all. The places
//! that are known are hints, which are held against the books before they are used: others may have taken the segments
//! since, and the memory may be gone.

use crate::{
    books::{
        arena::{Claim, Use, run_mask},
        reference::SegmentRef,
    },
    heap::{
        large::{Fresh, LargeBlock, PAGE, Request, guard_pages::LEADING},
        pools::Pools,
    },
    plan::geometry::SEGMENTS,
};

impl Pools {
    /// A run where one of about its size was, if the memory of that is still there.
    pub(super) fn allocate_kept_run(&mut self, request: Request) -> Option<Fresh> {
        let block = self.find_kept_run(request)?;
        let arena = block.first.arena();
        if self.arena(arena).purpose == Use::VACANT {
            let (partition, purpose) = (arena.place.partition, Use::SEGMENTS);
            let claim = Claim { partition, count: 1, purpose, keep: 0, warm: None };
            self.take_arenas(arena, claim)?;
        }
        self.kept_runs.forget(block.first.address());
        self.occupy(block, request)
    }

    /// Such a place.
    pub(super) fn find_kept_run(&mut self, request: Request) -> Option<LargeBlock> {
        let mut about = self.kept_runs.about(request.size.next_multiple_of(PAGE));
        about.find_map(|start| {
            // SAFETY: [POOLS-7: kept] the address lies in an area of this heap.
            let block = LargeBlock { first: unsafe { SegmentRef::containing(start) }? };
            self.may_lie_at(block, request).then_some(block)
        })
    }

    /// Whether a run can lie where a freed one was, whose memory is locked still.
    fn may_lie_at(&mut self, block: LargeBlock, request: Request) -> bool {
        let (arena, first) = (block.first.arena(), block.first.place.segment);
        let segments = block.segments(request.size);
        let Some(leading) = first.checked_sub(LEADING) else { return false };
        if first + segments > SEGMENTS || request.align > block.segment_size() {
            return false;
        }
        let book = self.arena(arena);
        let (purpose, is_there) = (book.purpose, book.committed & run_mask(first, 1) != 0);
        let is_vacant = book.used & run_mask(leading, LEADING + segments) == 0;
        // The book of a segment without memory may be gone.
        let may_serve = purpose == Use::SEGMENTS || purpose == Use::VACANT;
        is_vacant && is_there && may_serve && self.segment(block.first).locked != 0
    }
}
