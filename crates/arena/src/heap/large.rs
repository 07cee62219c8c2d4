//! Large blocks: runs of segments up to 2 MiB, whole arenas up to 4 GiB (S4.4).
//!
//! Both are segments in a row. A whole block has its arenas for itself, so that it can grow in place over the rest of
//! these and the vacant ones that follow; a run shares its arena.

mod again;
mod around;
mod guard_pages;
mod huge_pages;
mod kept;
mod resize;
mod run;
mod untouched;
mod warming;

use crate::{
    books::{
        area::Refusal,
        arena::{Claim, Use, run_mask},
        guard,
        reference::{ArenaRef, SegmentRef},
        report,
    },
    heap::pools::Pools,
    plan::geometry::{Partition, SEGMENTS},
    sys,
    thresholds::{KEPT_FOR_POOLS, KEPT_OF_ZEROED, STAGGER},
};

/// The largest size in bytes of a run.
pub(crate) const MAX_RUN: usize = 2 << 20;
/// The largest size in bytes of a block in arenas.
pub(crate) const MAX_IN_ARENAS: usize = 4 << 30;
/// The unit in which the size of a large block is kept.
pub(crate) const PAGE: usize = 4096;

/// Whether a large block of `old` bytes has more or fewer pages once it has `size` bytes.
pub(crate) const fn differ_in_pages(old: usize, size: usize) -> bool {
    old.next_multiple_of(PAGE) != size.next_multiple_of(PAGE)
}

/// A request for more than the classes serve.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    /// Bytes.
    pub(crate) size: usize,
    /// A power of two.
    pub(crate) align: usize,
    pub(crate) outlook: Outlook,
}

/// The likely future of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// Its bytes are used, and its size stays.
    Plain,
    /// It grows on, as it did before.
    Growing,
    /// It is to be zero, and much of it may never be touched.
    Sparse,
}

/// A large block just allocated.
pub(crate) struct Fresh {
    /// Its first byte.
    pub(crate) start: *mut u8,
    /// Bytes from there that may be used.
    pub(crate) usable: usize,
    /// The first of these, which aren't known to be zero.
    pub(crate) stale: usize,
}

/// A live large block.
///
/// # Invariants
///
/// - [LARGE-1: touched] All its segments are touched to their ends, but for the last, and that one is touched. (Between guards,
///   the last may be a guard alone.)
#[derive(Clone, Copy)]
pub(crate) struct LargeBlock {
    first: SegmentRef,
}

impl LargeBlock {
    /// The live large block that starts at an address. The process ends with a report if none does.
    ///
    /// # Safety
    ///
    /// The address lies in an area of these pools.
    pub(crate) unsafe fn at(pools: &mut Pools, start: *mut u8) -> Self {
        // SAFETY: the address lies in an area of these pools, by this function's contract.
        let first = unsafe { SegmentRef::containing(start) }.filter(|&first| {
            first.address() == start
                && pools.books(first.area).is_used(first.place)
                && pools.segment(first).pages != 0
        });
        first.map_or_else(|| report::not_a_large_block(start), |first| Self { first })
    }

    /// The bytes of its pages.
    pub(crate) fn size(self, pools: &mut Pools) -> usize {
        pools.segment(self.first).pages as usize * PAGE
    }

    /// The bytes that the program may use: those of its pages, but for its margin.
    pub(crate) fn usable(self, pools: &mut Pools) -> usize {
        self.size(pools) - pools.segment(self.first).margin as usize
    }

    /// How many segments a block of `size` bytes has here.
    fn segments(self, size: usize) -> usize {
        guard_pages::with_guard(size).div_ceil(self.segment_size())
    }

    fn segment_size(self) -> usize {
        self.first.place.arena.partition.segment_size()
    }

    /// The segment `number` after its first, in the arenas that follow if need be.
    fn segment(self, number: usize) -> SegmentRef {
        let segment = self.first.place.segment + number;
        let arena = self.first.arena();
        arena.neighbour(arena.place.arena + segment / SEGMENTS).segment(segment % SEGMENTS)
    }

    /// Whether it has arenas for itself.
    pub(crate) fn is_whole(self, pools: &mut Pools) -> bool {
        pools.arena(self.first.arena()).purpose == Use::WHOLE
    }

    /// Segments `from..to` of it, arena by arena: the first in each, and how many there are.
    fn pieces(self, from: usize, to: usize) -> impl Iterator<Item = (SegmentRef, usize)> {
        let mut number = from;
        core::iter::from_fn(move || {
            if number >= to {
                return None;
            }
            let first = self.segment(number);
            let count = (SEGMENTS - first.place.segment).min(to - number);
            number += count;
            Some((first, count))
        })
    }

    /// Marks segments `from..to` of it used; returns how many of their first bytes aren't known to be zero.
    fn use_segments(self, pools: &mut Pools, from: usize, to: usize) -> usize {
        let (mut before, mut stale) = (0, 0);
        for (first, count) in self.pieces(from, to) {
            let here = pools.use_segments(first, count);
            stale = if here == 0 { stale } else { before + here };
            before += count * self.segment_size();
        }
        stale
    }

    fn vacate_segments(self, pools: &mut Pools, from: usize, to: usize) {
        for (first, count) in self.pieces(from, to) {
            if guard::ON {
                pools.vacate_segments(first, count);
            } else {
                // [LARGE-1: touched] They are those of a live block.
                pools.vacate_touched(first, count);
            }
        }
    }

    /// Notes its size: the program may touch all of it. Segments before `from` are touched already.
    fn set_size(self, pools: &mut Pools, size: usize, from: usize) {
        let segment_size = self.segment_size();
        let pages = size.div_ceil(PAGE);
        pools.segment(self.first).pages = pages as u32;
        let mut left = (pages * PAGE).saturating_sub(from * segment_size);
        for (first, count) in self.pieces(from, self.segments(size)) {
            pools.books(first.area).each_segment(first.place, count, |segment| {
                let used = left.min(segment_size);
                segment.touched = segment.touched.max(used as u32);
                left -= used;
            });
        }
        if guard::ON {
            self.fill_margin(pools, size);
        }
    }

    /// Makes segments `from..to` of it usable.
    fn commit(self, pools: &mut Pools, from: usize, to: usize) -> Result<(), (ArenaRef, Refusal)> {
        for (first, count) in self.pieces(from, to) {
            let books = pools.books(first.area);
            books
                .commit_run(first.place.arena, first.place.segment, count, false)
                .map_err(|refusal| (first.arena(), refusal))?;
        }
        Ok(())
    }

    /// Chooses the pages behind its segments `from..to`, which are usable and vacant still, where `filled` bytes of the block
    /// are likely to be touched.
    fn choose_pages(self, pools: &mut Pools, from: usize, to: usize, filled: usize) {
        let held = pools.figures.held();
        let limited = pools.grant.limit().is_some();
        if !limited && pools.filling.suits(filled, held, self.segment_size()) {
            self.prefer_huge(pools, from, to);
        } else {
            for (first, count) in self.pieces(from, to) {
                let segments = run_mask(first.place.segment, count);
                pools.books(first.area).avoid_huge_for(first.place.arena, segments);
            }
        }
    }

    /// Makes it usable for a request, with memory that others left where that is worth it.
    fn prepare(self, pools: &mut Pools, request: Request) -> Result<(), (ArenaRef, Refusal)> {
        let Request { size, outlook, .. } = request;
        if guard::ON {
            return self.commit_alone(pools, 0, request);
        }
        let segments = self.segments(size);
        self.commit(pools, 0, segments)?;
        // One that grows has the pages of the block that it was, and one that is to be zero would be cleared.
        if outlook == Outlook::Plain && self.is_whole(pools) {
            pools.warm_up(self, size)?;
        }
        let filled = if outlook == Outlook::Sparse { 0 } else { size };
        self.choose_pages(pools, 0, segments, filled);
        Ok(())
    }
}

/// A claim for a whole block of so many bytes.
fn claim_for_whole(size: usize, partition: Partition, warm: Option<usize>) -> Claim {
    let count = guard_pages::of_whole(size, partition).div_ceil(partition.arena_size());
    Claim { partition, count, purpose: Use::WHOLE, keep: KEPT_FOR_POOLS, warm }
}

impl Pools {
    /// Allocates a large block. Where a place turns out to be occupied, it tries further ones.
    pub(crate) fn allocate_large(&mut self, request: Request) -> Option<Fresh> {
        loop {
            self.displaced = false;
            let fresh = self.place_large(request);
            if fresh.is_some() || !self.displaced {
                return fresh;
            }
        }
    }

    /// A large block at the first place that suits it.
    fn place_large(&mut self, request: Request) -> Option<Fresh> {
        let Request { size, align, outlook } = request;
        let as_run = size <= MAX_RUN && align <= Partition::SPECIAL.segment_size();
        if outlook == Outlook::Growing {
            if let Some(fresh) = self.allocate_growing(request, as_run) {
                return Some(fresh);
            }
        }
        if as_run {
            return self.allocate_run(request, Partition::for_segment(align)?);
        }
        let least = Partition::for_arena(size.max(align)).unwrap_or(Partition::SPECIAL);
        // Memory that is warm already is worth more than a tight fit.
        self.allocate_whole_warm(request, least)
            .or_else(|| {
                let mut others = Partition::all().filter(|&partition| partition >= least);
                others.find_map(|partition| self.allocate_whole_here(request, partition, None))
            })
            .or_else(|| self.allocate_whole(request, least))
    }

    /// A whole block in the vacant arenas whose warm memory is nearest to its size.
    fn allocate_whole_warm(&mut self, request: Request, least: Partition) -> Option<Fresh> {
        let partitions = Partition::all().filter(|&partition| partition >= least);
        let found = partitions.filter_map(|partition| {
            let claim = claim_for_whole(request.size, partition, Some(request.size));
            let (misfit, found) = self.find_arenas(claim)?;
            Some((misfit, found, claim))
        });
        let (_, found, claim) = found.min_by_key(|&(misfit, ..)| misfit)?;
        let arena = self.take_arenas(found, claim)?;
        self.occupy_whole(arena, claim.count, request)
    }

    /// A whole block with room to grow. Where only a run would be warm, it is a run: faulting in the next pages of a whole
    /// block would cost more than moving the run once more.
    fn allocate_growing(&mut self, request: Request, as_run: bool) -> Option<Fresh> {
        let special = Partition::SPECIAL;
        self.allocate_whole_here(request, special, Some(usize::MAX))
            .or_else(|| if as_run { self.allocate_warm_run(request) } else { None })
            .or_else(|| self.allocate_whole(request, special))
    }

    /// A whole block in the heap's present areas; only where memory is behind it, if so many bytes are to be `warm`.
    fn allocate_whole_here(
        &mut self,
        request: Request,
        partition: Partition,
        warm: Option<usize>,
    ) -> Option<Fresh> {
        let claim = claim_for_whole(request.size, partition, warm);
        let arena = self.claim_arenas_here(claim)?;
        self.occupy_whole(arena, claim.count, request)
    }

    /// A whole block, in a new area if need be.
    fn allocate_whole(&mut self, request: Request, partition: Partition) -> Option<Fresh> {
        let count = guard_pages::of_whole(request.size, partition).div_ceil(partition.arena_size());
        let arena = self.claim_arenas(partition, count, Use::WHOLE)?;
        self.occupy_whole(arena, count, request)
    }

    /// Makes `count` arenas that were taken for it a whole block.
    fn occupy_whole(&mut self, arena: ArenaRef, count: usize, request: Request) -> Option<Fresh> {
        let place = arena.place;
        for number in place.arena..place.arena + count {
            self.arena(arena.neighbour(number)).span = 0;
        }
        self.arena(arena).span = count as u8;
        let needed = guard_pages::of_whole(request.size, place.partition);
        let spare = count * SEGMENTS - needed.div_ceil(place.partition.segment_size());
        let first = if request.align > place.partition.segment_size() {
            0
        } else {
            guard_pages::LEADING + place.first_slab() % (spare.min(STAGGER) + 1)
        };
        self.occupy(LargeBlock { first: arena.segment(first) }, request)
    }

    /// Makes vacant segments a block. If the system refuses the memory, the arenas go back.
    fn occupy(&mut self, block: LargeBlock, request: Request) -> Option<Fresh> {
        let size = request.size;
        let segments = block.segments(size);
        if let Err((arena, refusal)) = block.prepare(self, request) {
            if let Refusal::Occupied(segment) = refusal {
                self.leave_out(arena.segment(segment));
                self.displaced = true;
            }
            if guard::ON {
                block.pieces(0, segments).for_each(|(first, count)| self.withdraw(first, count));
            }
            self.vacate_arenas(block);
            return None;
        }
        let mut stale = block.use_segments(self, 0, segments);
        if guard::ON {
            block.clear(core::mem::take(&mut stale), size);
        }
        self.list_if_shared(block);
        block.set_size(self, size, 0);
        Some(self.hand_out(block, request, stale))
    }

    /// Lists the arena of a block anew that others may share it with.
    fn list_if_shared(&mut self, block: LargeBlock) {
        if !block.is_whole(self) {
            block.use_leading_guard(self);
            self.list_arena(block.first.arena());
        }
    }

    /// Counts a block in use, whose segments are touched as far as it goes.
    fn hand_out(&mut self, block: LargeBlock, request: Request, stale: usize) -> Fresh {
        let usable = block.size(self);
        self.segment(block.first).zeroed = request.outlook == Outlook::Sparse;
        self.figures.allocate(usable);
        self.tallies.took_large();
        Fresh { start: block.first.address(), usable, stale }
    }

    /// Takes a large block back.
    pub(crate) fn free_large(&mut self, block: LargeBlock) {
        let size = block.size(self);
        self.figures.free(size);
        if guard::ON {
            block.check_margin(self);
        }
        self.tallies.gave_large();
        let untouched = block.looks_untouched(self);
        block.note_filling(self);
        self.segment(block.first).pages = 0;
        block.vacate_segments(self, 0, block.segments(size));
        if guard::ON {
            block.withdraw(self, block.segments(size), size);
        } else if untouched && self.figures.dirty() > KEPT_OF_ZEROED {
            block.purge(self, size);
        } else if block.is_whole(self) == (size > MAX_RUN) {
            self.last_freed.add(block.first.address(), size);
        }
        self.vacate_arenas(block);
    }

    /// Makes the arenas vacant of a block that has no segments any more: all of a whole block; the one of a run, if no
    /// segment of it is used.
    fn vacate_arenas(&mut self, block: LargeBlock) {
        let first = block.first.arena();
        if !block.is_whole(self) {
            return self.offer_segments(first);
        }
        let span = core::mem::take(&mut self.arena(first).span) as usize;
        let now = (sys::milliseconds() as u32).max(1);
        for number in first.place.arena..first.place.arena + span {
            self.vacate_whole(first.neighbour(number), now);
        }
        self.purge_whole();
    }

    /// Makes an arena of a whole block vacant. If a segment of it is left out, it serves slabs and runs instead.
    fn vacate_whole(&mut self, arena: ArenaRef, now: u32) {
        let book = self.arena(arena);
        if book.used == 0 {
            book.freed_at = now;
            self.books(arena.area).give_arena(arena.place);
        } else {
            book.purpose = Use::SEGMENTS;
            book.freed_at = 0;
            self.list_arena(arena);
        }
    }
}
