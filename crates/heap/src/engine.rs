//! The heap's engine: place, split, free, coalesce.
//!
//! ```text
//! allocate ── bins.take ── place ── split_front / split_back ── bins.insert
//!          └─ top: the wilderness, last
//! release  ── merge with the next, with the one before ── bins.insert
//! ```
//!
//! # Safety
//!
//! The module is mechanism: its methods work on addresses and granules which the caller says to
//! be live blocks of this engine. What they rely on beyond that are the invariants of [`Engine`],
//! [`Tags`](crate::tags::Tags), [`Region`] and [`Bins`].

use crate::{
    bins::{Bins, Free, len_before, wide_len},
    policy::Policy,
    quick::{QUICK, Quick},
    region::{Region, Table},
    tags::{Kind, WINDOW},
};

/// All state of a heap but its base.
///
/// # Invariants
///
/// - **E1**: every region's blocks are live, in a bin by their length, or `top`; each at least
///   [`MIN_LEN`](Self::MIN_LEN) granules.
/// - **E2**: `region` is the region of one of `tables`, or none.
/// - **E3**: `top` is a free block in no bin, or none.
pub(crate) struct Engine<P> {
    /// The region of the last call: nearly always the one of this.
    pub(crate) region: Region<P>,
    pub(crate) quick: Quick,
    pub(crate) bins: Bins<P>,
    /// The wilderness: used when no bin has a block.
    pub(crate) top: Free,
    /// The first slab with a free cell, or 0.
    pub(crate) slabs: usize,
    /// The tables of all regions.
    pub(crate) tables: Table<P>,
    /// A region became empty since the last [`take_empty`](Self::take_empty).
    pub(crate) has_emptied: bool,
    /// Whether the last chunk continued a region: the next is then expected to.
    pub(crate) has_joined: bool,
}

impl<P: Policy> Engine<P> {
    /// The shortest block in granules: its body holds two links and a length.
    pub(crate) const MIN_LEN: usize = {
        assert!(P::GRANULE == 8 || P::GRANULE == 16, "a granule has 8 or 16 bytes");
        let body = (3 * size_of::<usize>()).div_ceil(P::GRANULE);
        if body < 2 { 2 } else { body }
    };

    /// The longest block in granules.
    pub(crate) const MAX_LEN: usize = isize::MAX as usize / P::GRANULE;

    /// An engine without memory.
    pub(crate) const fn new() -> Self {
        Self {
            region: Region::NONE,
            quick: Quick::new(),
            bins: Bins::new(),
            top: Free::NONE,
            slabs: 0,
            tables: Table::NONE,
            has_emptied: false,
            has_joined: true,
        }
    }

    /// The length in granules of a block that serves `size` bytes.
    #[inline(always)]
    pub(crate) const fn len_for(size: usize) -> usize {
        let len = size.saturating_add(P::GRANULE - 1) / P::GRANULE;
        if len < Self::MIN_LEN { Self::MIN_LEN } else { len }
    }

    /// The region of an address that lies in one.
    #[inline(always)]
    pub(crate) fn region_of(&mut self, address: usize) -> Region<P> {
        if !self.region.contains(address) {
            self.find_region(address);
        }
        self.region
    }

    #[cold]
    #[inline(never)]
    fn find_region(&mut self, address: usize) {
        let mut table = self.tables;
        while !table.is_none() {
            if table.region().contains(address) {
                self.region = table.region();
                return;
            }
            table = table.next();
        }
    }

    /// Takes a block of `len` granules, or a little more; `None` if no free block is as long.
    #[inline(never)]
    pub(crate) fn allocate(&mut self, len: usize) -> Option<usize> {
        if len >= QUICK {
            if let Some(address) = self.quick.unpark(len) {
                return Some(address);
            }
            self.settle();
        }
        let mut block = self.bins.take(len);
        if block.len == 0 && self.top.len < len {
            self.settle();
            block = self.bins.take(len);
        }
        if block.len == 0 {
            return self.allocate_from_top(len);
        }
        // SAFETY: the block is free, in no bin any more, and as long as asked.
        unsafe {
            let (address, rest) = self.place(block, len);
            if rest.len != 0 {
                self.bins.insert(rest);
            }
            Some(address)
        }
    }

    #[inline(always)]
    fn allocate_from_top(&mut self, len: usize) -> Option<usize> {
        if self.top.len < len {
            return None;
        }
        // SAFETY: the top is free, in no bin, and as long as asked.
        let (address, rest) = unsafe { self.place(self.top, len) };
        self.top = rest;
        Some(address)
    }

    /// Cuts a live block of `len` granules from a free one that is in no bin: its address, and the
    /// rest.
    #[inline(always)]
    unsafe fn place(&mut self, block: Free, len: usize) -> (usize, Free) {
        let spare = block.len - len;
        let region = self.region_of(block.address);
        let start = region.granule(block.address);
        // SAFETY: the block is free, and long enough: T1 and T2 tell which bits change.
        unsafe {
            if spare < Self::MIN_LEN {
                region.tags.clear(start + block.len);
                region.tags.mark_live(start, block.len);
                (block.address, Free::NONE)
            } else if len * P::GRANULE < P::FAR_END_FROM {
                region.tags.set(start + len - 1);
                region.tags.mark_live(start, len);
                (block.address, Free { address: block.address + len * P::GRANULE, len: spare })
            } else {
                region.tags.set(start + spare - 1);
                region.tags.set(start + spare);
                region.tags.clear(start + block.len);
                region.tags.mark_live(start + spare, len);
                (block.address + spare * P::GRANULE, Free { len: spare, ..block })
            }
        }
    }

    /// Takes a block of `len` granules whose address is a multiple of `align`, a power of two of
    /// bytes above the granule.
    pub(crate) fn allocate_aligned(&mut self, len: usize, align: usize) -> Option<usize> {
        let slack = align / P::GRANULE + Self::MIN_LEN;
        let mut block = self.bins.take(len.checked_add(slack)?);
        if block.len == 0 {
            if self.top.len < len + slack {
                return None;
            }
            block = core::mem::replace(&mut self.top, Free::NONE);
        }
        let address = Self::align_within(block.address, align);
        // SAFETY: the block is free, in no bin, and long enough for the gap and for `len`; what is
        // left on either side is filed, or becomes the top.
        unsafe {
            let block = self.split_gap(block, address);
            let (address, rest) = self.place_near(block, len);
            if rest.len != 0 {
                if self.top.len == 0 { self.top = rest } else { self.bins.insert(rest) }
            }
            Some(address)
        }
    }

    /// The first multiple of `align` from `start` on that leaves no gap, or one for a block.
    const fn align_within(start: usize, align: usize) -> usize {
        let address = start.next_multiple_of(align);
        let gap = address - start;
        if gap == 0 || gap >= Self::MIN_LEN * P::GRANULE { address } else { address + align }
    }

    /// Files the part of a free block before `address`, and returns the rest.
    unsafe fn split_gap(&mut self, block: Free, address: usize) -> Free {
        let gap = (address - block.address) / P::GRANULE;
        if gap == 0 {
            return block;
        }
        let region = self.region_of(address);
        let start = region.granule(address);
        // SAFETY: the gap is a block's part, which ends before `start` and will be free.
        unsafe {
            region.tags.set(start - 1);
            region.tags.set(start);
            self.bins.insert(Free { len: gap, ..block });
        }
        Free { address, len: block.len - gap }
    }

    /// As [`place`](Self::place), at the near end.
    unsafe fn place_near(&mut self, block: Free, len: usize) -> (usize, Free) {
        let region = self.region_of(block.address);
        let start = region.granule(block.address);
        // SAFETY: as in `place`.
        unsafe {
            let rest = Self::cut(region, start, block.len, len);
            (block.address, rest)
        }
    }

    /// Tags the first `len` of `whole` granules as a live block: what is left of them, which is
    /// free and in no bin.
    ///
    /// The successor's P must be set if and only if the granules were a free block, and is then
    /// cleared or left as the rest demands.
    #[inline(always)]
    pub(crate) unsafe fn cut(region: Region<P>, start: usize, whole: usize, len: usize) -> Free {
        // SAFETY: the caller's promise.
        unsafe {
            if whole - len < Self::MIN_LEN {
                region.tags.clear(start + whole);
                region.tags.mark_live(start, whole);
                Free::NONE
            } else {
                region.tags.set(start + len - 1);
                region.tags.mark_live(start, len);
                Free { address: region.address(start + len), len: whole - len }
            }
        }
    }

    /// Takes a live block or cell back, if it is short, of the current region, and the quick lists
    /// may hold more.
    #[inline(always)]
    pub(crate) unsafe fn release_quick(&mut self, address: usize) -> bool {
        if !self.region.contains(address) {
            return false;
        }
        // SAFETY: the block is live in the region.
        unsafe {
            let start = self.region.granule(address);
            let len = Self::short_len(self.region, start);
            len != 0 && len < QUICK && self.quick.push(address, len)
        }
    }

    /// The length of a live block that ends in the window it begins in; 1 of a cell; or 0.
    #[inline(always)]
    unsafe fn short_len(region: Region<P>, start: usize) -> usize {
        // SAFETY: the caller's promise.
        unsafe {
            if Self::is_cell(region, start) { 1 } else { region.tags.len_within_window(start) }
        }
    }

    /// Takes any live block or cell back.
    pub(crate) unsafe fn release(&mut self, address: usize) {
        let region = self.region_of(address);
        let start = region.granule(address);
        // SAFETY: the block is live in the region.
        unsafe {
            let short = Self::short_len(region, start);
            let len = if short == 0 { region.tags.live_len(start) } else { short };
            if len >= QUICK {
                return self.release_long(Free { address, len });
            }
            if !self.quick.push(address, len) {
                self.settle();
                self.free_short(region, start, len);
            }
        }
    }

    /// Parks a long live block, or frees it.
    unsafe fn release_long(&mut self, block: Free) {
        let free = self.quick.park(block).unwrap_or(block);
        if free.len != 0 {
            // SAFETY: the block is tagged as live, and nobody uses it.
            unsafe { self.free_long(free) }
        }
    }

    /// Frees a block for good that is tagged as live.
    #[inline(always)]
    pub(crate) unsafe fn free_long(&mut self, block: Free) {
        let region = self.region_of(block.address);
        let start = region.granule(block.address);
        // SAFETY: the caller's promise.
        unsafe {
            region.tags.unmark_live(start, block.len);
            self.free(region, start, block.len);
        }
    }

    /// Frees a block of the quick lists, or for them, for good.
    #[inline(always)]
    pub(crate) unsafe fn free_short(&mut self, region: Region<P>, start: usize, len: usize) {
        // SAFETY: the caller's promise; length 1 is a cell's.
        unsafe {
            if len == 1 {
                self.release_cell(region, start);
            } else {
                self.free(region, start, len);
            }
        }
    }

    /// Frees granules that are tagged as an ordinary block, though maybe a long one.
    #[inline(always)]
    pub(crate) unsafe fn free(&mut self, region: Region<P>, start: usize, len: usize) {
        let (mut start, mut len) = (start, len);
        let mut is_top = false;
        // SAFETY: T1 to T4, for the block and its neighbours.
        unsafe {
            if let Some(next) = self.free_at(region, start + len) {
                region.tags.clear(start + len - 1);
                is_top = self.withdraw(next);
                len += next.len;
            } else {
                region.tags.set(start + len);
            }
            if region.tags.bit(start) {
                let before = self.free_before(region, start);
                region.tags.clear(start - 1);
                region.tags.clear(start);
                is_top |= self.withdraw(before);
                start -= before.len;
                len += before.len;
            }
            let block = Free { address: region.address(start), len };
            self.has_emptied |= len * P::GRANULE == region.span();
            if is_top { self.top = block } else { self.bins.insert(block) }
        }
    }

    /// The free block that starts at a granule, if the block there is free.
    #[inline(always)]
    pub(crate) unsafe fn free_at(&self, region: Region<P>, start: usize) -> Option<Free> {
        let address = region.address(start);
        // SAFETY: a block starts there, or it is the last of T1.
        let len = match unsafe { region.tags.kind(start) } {
            Kind::Live => return None,
            Kind::Free(len) => len,
            Kind::FreeLong if address == self.top.address => self.top.len,
            // SAFETY: it is free, long, and not the top: it is in a bin of many lengths.
            Kind::FreeLong => unsafe { wide_len(address) },
        };
        Some(Free { address, len })
    }

    /// The free block that ends where a block starts whose P is set.
    #[inline(always)]
    pub(crate) unsafe fn free_before(&self, region: Region<P>, start: usize) -> Free {
        let end = region.address(start);
        if self.top.address + self.top.len * P::GRANULE == end {
            return self.top;
        }
        // SAFETY: the block before is free, and in a bin.
        let len = unsafe { len_before(end) };
        Free { address: end - len * P::GRANULE, len }
    }

    /// Takes a free block out of its bin; whether it was the top, which is in none.
    #[inline(always)]
    pub(crate) unsafe fn withdraw(&mut self, block: Free) -> bool {
        if block.address == self.top.address {
            self.top = Free::NONE;
            return true;
        }
        // SAFETY: a free block that isn't the top is in a bin.
        unsafe { self.bins.remove(block) };
        false
    }

    /// Whether an address may be that of a live block or cell: in constant time but for the quick
    /// list of its length; an address inside a block may pass.
    pub(crate) fn looks_live(&mut self, address: usize) -> bool {
        let region = self.region_of(address);
        if !region.contains(address) || !address.is_multiple_of(P::GRANULE) {
            return false;
        }
        let start = region.granule(address);
        // SAFETY: the granule is the region's, so its bits are there; lengths are only compared.
        unsafe {
            if Self::is_cell(region, start) {
                let is_cell = !start.is_multiple_of(WINDOW) && region.tags.bit(start);
                return is_cell && !self.quick.contains(address, 1);
            }
            let after_special = start.is_multiple_of(WINDOW)
                && start != 0
                && region.tags.is_special(start / WINDOW - 1);
            if start != region.first() && !after_special && !region.tags.bit(start - 1) {
                return false;
            }
            let len = region.tags.len(start);
            len != 0
                && start + len <= region.last()
                && matches!(region.tags.kind(start), Kind::Live)
                && !self.quick.contains(address, len)
        }
    }

    /// Makes a free block in no bin the top if it is longer than it, or else files it.
    pub(crate) unsafe fn renew_top(&mut self, block: Free) {
        let mut shorter = block;
        if block.len > self.top.len {
            shorter = core::mem::replace(&mut self.top, block);
        }
        if shorter.len != 0 {
            // SAFETY: it is free and in no bin.
            unsafe { self.bins.insert(shorter) }
        }
    }
}
