//! The heap's figures, by a walk: they cost nothing until someone asks.

use crate::extent::{Extent, Kind};

/// How a heap's memory is used at a moment, in bytes.
///
/// With the payload, which only those who ask know (`stratalloc_compose::Counted` around the heap
/// keeps it), these give the usual figures: aggregate payload `P_k`, peak utilisation
/// `U_k = max P_i / H_k`, internal and external fragmentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// All memory of the heap: `H_k`. `live + quick + free + overhead`.
    pub held: usize,
    /// In live blocks: the payload, and the padding inside of blocks.
    pub live: usize,
    /// In freed blocks that wait for a request of their length.
    pub quick: usize,
    /// In free blocks.
    pub free: usize,
    /// In tags and other records.
    pub overhead: usize,
    /// The longest free block.
    pub largest_free: usize,
    /// How many blocks are live.
    pub live_blocks: usize,
    /// How many blocks are free.
    pub free_blocks: usize,
}

impl Snapshot {
    pub(crate) fn count(&mut self, extent: Extent) {
        self.held += extent.size;
        match extent.kind {
            Kind::Live => {
                self.live += extent.size;
                self.live_blocks += 1;
            }
            Kind::Quick => self.quick += extent.size,
            Kind::Free => {
                self.free += extent.size;
                self.free_blocks += 1;
                self.largest_free = self.largest_free.max(extent.size);
            }
            Kind::Overhead => self.overhead += extent.size,
        }
    }

    /// Counts `count` blocks of `size` bytes as waiting that were counted as live.
    pub(crate) const fn move_to_quick(&mut self, count: usize, size: usize) {
        self.live -= count * size;
        self.live_blocks -= count;
        self.quick += count * size;
    }

    /// Peak utilisation: the greatest payload so far over the memory held; 0 of an empty heap.
    pub fn utilisation(&self, peak_payload: usize) -> f64 {
        ratio(peak_payload, self.held)
    }

    /// Internal fragmentation: the share of live blocks that is padding, not payload.
    pub fn internal_fragmentation(&self, payload: usize) -> f64 {
        ratio(self.live.saturating_sub(payload), self.live)
    }

    /// External fragmentation: the share of free memory that the largest request can't have,
    /// because it isn't in the longest free block.
    pub fn external_fragmentation(&self) -> f64 {
        ratio(self.free - self.largest_free, self.free)
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
