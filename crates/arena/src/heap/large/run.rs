//! Places for runs: large blocks that are segments in a row, and share their arena.

use crate::heap::large::{Fresh, LargeBlock, Request, guard_pages};
use crate::{
    books::{
        arena::{Claim, Use},
        guard,
        reference::SegmentRef,
    },
    heap::pools::Pools,
    plan::geometry::Partition,
    thresholds::KEPT_FOR_POOLS,
};

/// The partitions in whose arenas a run may lie, smallest segments first, each with the number of segments that the run
/// needs there: little of the last is left over, or it is the first partition that aligns the run.
fn run_shapes(size: usize, least: Partition) -> impl Iterator<Item = (Partition, usize)> {
    Partition::all().filter(move |&partition| partition >= least).map_while(move |partition| {
        let count = guard_pages::with_guard(size).div_ceil(partition.segment_size());
        let fits = count * partition.segment_size() <= size + size / 4;
        (fits || partition == least).then_some((partition, guard_pages::LEADING + count))
    })
}

impl Pools {
    /// A run of segments, where most of it has memory behind it if there is such a place.
    pub(super) fn allocate_run(&mut self, request: Request, least: Partition) -> Option<Fresh> {
        let size = request.size;
        if guard::ON {
            if let Some(fresh) = self.allocate_kept_run(request) {
                return Some(fresh);
            }
        }
        let warm = if guard::ON { None } else { self.find_warm_run(size, least) };
        let first = warm
            .or_else(|| self.find_run(size, least))
            .or_else(|| self.find_last_run(size, least))?;
        self.occupy(LargeBlock::behind_guard(first), request)
    }

    /// A run with memory behind most of it.
    pub(super) fn allocate_warm_run(&mut self, request: Request) -> Option<Fresh> {
        if guard::ON {
            return self.allocate_kept_run(request);
        }
        let least = Partition::for_segment(request.align)?;
        let first = self.find_warm_run(request.size, least)?;
        self.occupy(LargeBlock::behind_guard(first), request)
    }

    /// A place for a run in the arenas that are in use, with memory behind at least half of it; or else in a
    /// vacant arena with memory behind it.
    fn find_warm_run(&mut self, wanted: usize, least: Partition) -> Option<SegmentRef> {
        let mut best: Option<((usize, usize), _)> = None;
        for (partition, count) in run_shapes(wanted, least) {
            let Some((gap, first)) = self.find_gap(partition, count) else { continue };
            // Its cold bytes; then those left beside it in the gap, and at the end of its last segment.
            let size = partition.segment_size();
            let cost = (gap.unfit * size, gap.spare.min(1) * size + (count * size - wanted));
            if gap.unfit * 2 <= count && best.is_none_or(|(best, _)| cost < best) {
                best = Some((cost, first));
            }
        }
        if let Some((_, first)) = best {
            return Some(first);
        }
        run_shapes(wanted, least).find_map(|shape| self.claim_run(shape, 0, true))
    }

    /// A place for a run in the heap's present areas.
    fn find_run(&mut self, size: usize, least: Partition) -> Option<SegmentRef> {
        run_shapes(size, least).find_map(|(partition, count)| {
            let gap = self.find_gap(partition, count).map(|(_, first)| first);
            gap.or_else(|| self.claim_run((partition, count), KEPT_FOR_POOLS, false))
        })
    }

    /// A place for a run where no better one is left: a segment that it leaves mostly unused, if need be in a new area.
    fn find_last_run(&mut self, size: usize, least: Partition) -> Option<SegmentRef> {
        let partition = Partition::for_segment(guard_pages::with_guard(size))?.max(least);
        if !guard::ON {
            return self.find_segment(partition);
        }
        let count = guard_pages::LEADING + 1;
        let here = Partition::all().filter(|&it| it >= partition).find_map(|partition| {
            let gap = self.find_gap(partition, count).map(|(_, first)| first);
            gap.or_else(|| self.claim_run((partition, count), 0, false))
        });
        here.or_else(|| {
            let arena = self.claim_arenas(partition, 1, Use::SEGMENTS)?;
            let gap = self.arena(arena).vacant_run(count)?;
            Some(arena.segment(gap.first))
        })
    }

    /// A place for a run in a vacant arena of the heap's present areas, which it takes.
    fn claim_run(
        &mut self,
        (partition, count): (Partition, usize),
        keep: u32,
        warm: bool,
    ) -> Option<SegmentRef> {
        let warm = warm.then_some(count * partition.segment_size());
        let claim = Claim { partition, count: 1, purpose: Use::SEGMENTS, keep, warm };
        let arena = self.claim_arenas_here(claim)?;
        let gap = self.arena(arena).vacant_run(count)?;
        Some(arena.segment(gap.first))
    }
}
