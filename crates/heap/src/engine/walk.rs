//! The walk over all blocks.

use crate::{
    engine::{Engine, slab::CELL},
    extent::{Extent, Kind},
    memory::load,
    policy::Policy,
    quick::QUICK,
    region::Region,
    snapshot::Snapshot,
    table::Table,
    tags::window_bytes,
};

/// A block as the walk sees it.
pub(super) struct Step {
    pub(super) start: usize,
    pub(super) size: usize,
    pub(super) is_free: bool,
    pub(super) is_slab: bool,
}

/// What is still to come of the quick lists, each in the order of addresses.
struct Waiting([usize; QUICK + 1]);

impl Waiting {
    /// Returns whether this live block, to which the walk has come, is one that waits.
    fn pass(&mut self, address: usize, len: usize) -> bool {
        let Some(next) = self.0.get_mut(len).filter(|next| **next == address) else { return false };
        // SAFETY: the blocks of a list are the heap's, and linked [QUICK-1].
        *next = unsafe { load(address) };
        true
    }
}

impl<P: Policy> Engine<P> {
    /// Shows every extent of every region, in the order of addresses.
    ///
    /// Linear in the blocks, but for sorting those that wait.
    pub(crate) fn walk(&mut self, mut visit: impl FnMut(Extent)) {
        self.quick.sort();
        let mut waiting = Waiting(self.quick.heads());
        self.walk_tags(|mut extent| {
            let is_live = extent.kind == Kind::Live;
            if is_live && waiting.pass(extent.address, Self::quick_len(extent.size)) {
                extent.kind = Kind::Quick;
            }
            visit(extent);
        });
    }

    /// Returns the heap's figures: linear in the blocks.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        self.walk_tags(|extent| snapshot.count(extent));
        for len in 1..=QUICK {
            let size = if len == 1 { CELL } else { len * P::GRANULE };
            snapshot.move_to_quick(self.quick.list(len).count(), size);
        }
        snapshot
    }

    /// As [`walk`](Self::walk), as the tags have it: a block that waits is shown as live.
    pub(super) fn walk_tags(&self, mut visit: impl FnMut(Extent)) {
        let mut table = self.tables;
        while !table.is_none() {
            let (address, end) = table.extent();
            let overhead = Extent { address, size: end - address, kind: Kind::Overhead };
            if table.is_below() {
                visit(overhead);
            }
            Self::show_blocks(table, &mut visit);
            if !table.is_below() {
                visit(overhead);
            }
            table = table.next();
        }
    }

    /// Shows the blocks of a region, the last with what isn't open behind it.
    fn show_blocks(table: Table<P>, visit: &mut impl FnMut(Extent)) {
        let region = table.region();
        let mut rest =
            Extent { address: region.end(), size: table.limit() - region.end(), kind: Kind::Free };
        for step in Steps::of(region) {
            if step.is_free && step.start + step.size == region.end() {
                rest.address = step.start;
                rest.size += step.size;
            } else {
                Self::show(region, &step, visit);
            }
        }
        if rest.size != 0 {
            visit(rest);
        }
    }

    fn show(region: Region<P>, step: &Step, visit: &mut impl FnMut(Extent)) {
        if step.is_slab {
            return Self::show_slab(region, step.start, visit);
        }
        let kind = if step.is_free { Kind::Free } else { Kind::Live };
        visit(Extent { address: step.start, size: step.size, kind });
    }

    fn show_slab(region: Region<P>, slab: usize, visit: &mut impl FnMut(Extent)) {
        for address in (slab..slab + window_bytes::<P>()).step_by(CELL) {
            // SAFETY: the window is a slab's.
            let is_live = unsafe { region.tags.bit(address) };
            let kind = match (address - slab, is_live) {
                (0, _) => Kind::Overhead,
                (_, false) => Kind::Free,
                (_, true) => Kind::Live,
            };
            visit(Extent { address, size: CELL, kind });
        }
    }
}

/// The blocks of a region, by its tags alone.
pub(super) struct Steps<P> {
    region: Region<P>,
    at: usize,
    after_free: bool,
}

impl<P: Policy> Steps<P> {
    pub(super) fn of(region: Region<P>) -> Self {
        Self { region, at: region.start(), after_free: false }
    }
}

impl<P: Policy> Iterator for Steps<P> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (start, tags) = (self.at, self.region.tags);
        if start >= self.region.end() {
            return None;
        }
        // SAFETY: the walk comes from block to block, so one starts there.
        let step = unsafe {
            if Engine::is_cell(tags, start) {
                Step { start, size: window_bytes::<P>(), is_free: false, is_slab: true }
            } else if !self.after_free && tags.bit(start) {
                let size = tags.free_size(start, self.region.end());
                Step { start, size, is_free: true, is_slab: false }
            } else {
                Step { start, size: tags.live_size(start), is_free: false, is_slab: false }
            }
        };
        self.at += step.size;
        self.after_free = step.is_free;
        Some(step)
    }
}
