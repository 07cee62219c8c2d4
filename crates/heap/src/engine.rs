//! The heap's engine: its state, and how free blocks join.
//!
//! ```text
//! place    ── bins.take, or the top: the wilderness, last ── tags.allocate ── restore the rest
//! release  ── into the quick lists
//! free     ── tags.free ── coalesce with either neighbour ── restore
//! ```
//!
//! # Safety
//!
//! The module is mechanism: its methods work on addresses which the caller says to be of live
//! blocks of this engine. What they rely on beyond that are the invariants of [`Engine`],
//! [`Tags`](crate::tags::Tags), [`Region`] and [`Bins`].

mod check;
mod consolidation;
mod liveness;
mod placement;
mod regions;
mod release;
mod resize;
pub(crate) mod slab;
mod walk;

pub(crate) use release::Release;

use crate::{
    bins::Bins,
    free::Free,
    policy::{Fit, Order, Policy},
    quick::Quick,
    region::Region,
    table::Table,
};

/// All state of a heap but its base.
///
/// # Invariants
///
/// - [ENGINE-1: filed] Every region's blocks are live, in a bin by their size, or `top`; each has at least
///   [`MIN`](Self::MIN) bytes, a multiple of the granule.
/// - [ENGINE-2: current] `region` is the region of one of `tables`, or none.
/// - [ENGINE-3: top] `top` is a free block in no bin, or none.
pub(crate) struct Engine<P> {
    /// The region of the last call: nearly always the one of this.
    pub(crate) region: Region<P>,
    pub(crate) quick: Quick<P>,
    pub(crate) bins: Bins<P>,
    /// The wilderness: used when no bin has a block.
    pub(crate) top: Free,
    /// The first slab with a free cell, or 0.
    pub(crate) slabs: usize,
    /// The tables of all regions, by address.
    pub(crate) tables: Table<P>,
    /// A region became empty since the last [`take_empty`](Self::take_empty).
    pub(crate) has_emptied: bool,
    /// Whether the last chunk continued a region: the next is then expected to.
    pub(crate) has_joined: bool,
    /// Whether a chunk was the base's, so that there may be more to come, and some to give back.
    pub(crate) grows: bool,
}

impl<P: Policy> Engine<P> {
    /// The shortest block in bytes: its body holds two links and a size.
    pub(crate) const MIN: usize = {
        assert!(P::GRANULE == 8 || P::GRANULE == 16, "a granule has 8 or 16 bytes");
        let body = (3 * size_of::<usize>()).next_multiple_of(P::GRANULE);
        if body < 2 * P::GRANULE { 2 * P::GRANULE } else { body }
    };

    /// The longest request in bytes.
    pub(crate) const MAX: usize = isize::MAX as usize - 4096;

    /// Returns an engine without memory.
    pub(crate) const fn new() -> Self {
        const {
            let is_bounded =
                matches!(P::FIT, Fit::First | Fit::Bounded(_)) && matches!(P::ORDER, Order::Lifo);
            assert!(is_bounded || !P::BOUNDED, "this fit or order isn't bounded");
        }
        Self {
            region: Region::NONE,
            quick: Quick::new(),
            bins: Bins::new(),
            top: Free::NONE,
            slabs: 0,
            tables: Table::NONE,
            has_emptied: false,
            has_joined: true,
            grows: false,
        }
    }

    /// Returns the size of a block that serves a request of at most [`MAX`](Self::MAX) bytes.
    #[inline(always)]
    pub(crate) const fn block_size(request: usize) -> usize {
        let size = (request + (P::GRANULE - 1)) & !(P::GRANULE - 1);
        if size < Self::MIN { Self::MIN } else { size }
    }

    /// Returns the quick list that may have a block for a short request.
    #[inline(always)]
    pub(crate) const fn quick_len(request: usize) -> usize {
        let len = request.div_ceil(P::GRANULE);
        let least = Self::MIN / P::GRANULE;
        if len >= least {
            len
        } else if P::CELLS {
            1
        } else {
            least
        }
    }

    /// Returns the region of an address that lies in one.
    #[inline(always)]
    pub(crate) fn region_of(&mut self, address: usize) -> Region<P> {
        if !self.region.contains(address) {
            self.find_region(address);
        }
        self.region
    }

    /// Inlined so that the functions that come here once in a while need no registers saved.
    #[inline(always)]
    fn find_region(&mut self, address: usize) {
        unlikely();
        if let Some(table) = self.tables.find(address) {
            self.region = table.region();
        }
    }

    /// Frees a block that is tagged as live.
    #[inline(always)]
    pub(crate) unsafe fn free(&mut self, region: Region<P>, start: usize, size: usize) {
        let end = start + size;
        // SAFETY: the tags of the block and its neighbours are as [TAGS-1] to [TAGS-4] say.
        unsafe {
            let (before, behind) = (region.tags.bit(start), region.tags.bit(end));
            region.tags.free(start, end);
            self.coalesce(region, Free { address: start, size }, before, behind);
        }
    }

    /// Frees a run of short blocks without marked ends.
    #[inline(always)]
    pub(crate) unsafe fn free_run(&mut self, region: Region<P>, start: usize, end: usize) {
        // SAFETY: the run is tagged as a live block but for its last granule.
        unsafe {
            let (before, behind) = (region.tags.bit(start), region.tags.bit(end));
            region.tags.toggle(start);
            region.tags.toggle(end);
            self.coalesce(region, Free { address: start, size: end - start }, before, behind);
        }
    }

    /// Joins a block, tagged as free, with its free neighbours, and files it: `before` and `behind`
    /// say which are free.
    #[inline(always)]
    pub(crate) unsafe fn coalesce(
        &mut self,
        region: Region<P>,
        mut block: Free,
        before: bool,
        behind: bool,
    ) {
        // SAFETY: the block is free, tagged so, and in no bin; a free neighbour that isn't the top is in a bin.
        unsafe {
            if behind {
                if block.end() == self.top.address {
                    return self.join_top(region, block, before);
                }
                let next = Free::at(block.end());
                self.bins.remove(next.address);
                block.size += next.size;
            }
            if before {
                if block.address == self.top.end() {
                    self.top.size += block.size;
                    return self.notice_empty(region, self.top);
                }
                block = self.join_previous(block);
            }
            self.bins.insert(block);
        }
        self.notice_empty(region, block);
    }

    /// Joins a block, tagged as free, with the top behind it, and with the block before if that is
    /// free.
    #[inline(always)]
    unsafe fn join_top(&mut self, region: Region<P>, block: Free, before: bool) {
        // SAFETY: the block is free, and `before` says whether the block before it is.
        let block = if before { unsafe { self.join_previous(block) } } else { block };
        self.top = Free { address: block.address, size: block.size + self.top.size };
        self.notice_empty(region, self.top);
    }

    /// Returns a block joined with the one before, which is taken out of its bin.
    #[inline(always)]
    unsafe fn join_previous(&mut self, block: Free) -> Free {
        // SAFETY: the block before is free [BINS-1].
        unsafe {
            let previous = Free::before(block.address);
            self.bins.remove(previous.address);
            Free { address: previous.address, size: previous.size + block.size }
        }
    }

    /// Notices a region that has become one free block, and may go back to the base.
    #[inline(always)]
    const fn notice_empty(&mut self, region: Region<P>, block: Free) {
        if block.size == region.span() {
            unlikely();
            self.has_emptied = self.grows;
        }
    }

    /// Files a free block in no bin, or makes it the top again. Size 0 is no block.
    #[inline(always)]
    pub(crate) unsafe fn restore(&mut self, block: Free, was_top: bool) {
        if was_top {
            // None has no address: a block may start where the top ended.
            self.top = if block.size == 0 { Free::NONE } else { block };
        } else if block.size != 0 {
            // SAFETY: it is free and in no bin.
            unsafe { self.bins.insert(block) }
        }
    }

    /// Returns the free block that starts at an address.
    #[inline(always)]
    pub(crate) unsafe fn free_at(&self, address: usize) -> Free {
        // SAFETY: it is the top, or in a bin [BINS-1].
        if address == self.top.address { self.top } else { unsafe { Free::at(address) } }
    }

    /// Returns the free block that ends at an address.
    #[inline(always)]
    pub(crate) unsafe fn free_before(&self, end: usize) -> Free {
        // SAFETY: it is the top, or in a bin [BINS-1].
        if end == self.top.end() { self.top } else { unsafe { Free::before(end) } }
    }

    /// Takes the free block that starts at an address out of its bin; and whether it was the top,
    /// which is in none.
    #[inline(always)]
    pub(crate) unsafe fn withdraw_at(&mut self, address: usize) -> (Free, bool) {
        if address == self.top.address {
            return (core::mem::replace(&mut self.top, Free::NONE), true);
        }
        // SAFETY: a free block that isn't the top is in a bin.
        unsafe {
            let block = Free::at(address);
            self.bins.remove(block.address);
            (block, false)
        }
    }

    /// Makes a free block in no bin the top if it is longer than it, or else files it. None of
    /// size 0 is a block.
    pub(crate) unsafe fn renew_top(&mut self, block: Free) {
        let mut shorter = block;
        if block.size > self.top.size {
            shorter = core::mem::replace(&mut self.top, block);
        }
        if shorter.size != 0 {
            // SAFETY: it is free and in no bin.
            unsafe { self.bins.insert(shorter) }
        }
    }
}

/// Hints to the compiler that a path is rare.
#[cold]
pub(crate) const fn unlikely() {}
