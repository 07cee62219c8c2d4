//! The outbox: batches in which a thread collects other heaps' blocks that it frees, each at the place of its area and bin.

use core::cell::Cell;

use crate::{
    books::windows::WINDOWS,
    heap::inbox::{BATCH_SIZE, Filling, OwnedBatch},
    plan::{
        bins::{BINS, Bin, bin_for},
        geometry::{AREA_SHIFT, NOWHERE},
    },
};

/// The bin of batches.
pub(super) const BATCH_BIN: Bin = bin_for(BATCH_SIZE, 8).unwrap();
/// Batches that a thread fills at the same time: more than there are bins, so that those of one area never meet.
pub(super) const PLACES: usize = 128;
/// Other heaps' areas that a thread knows at the same time.
pub(super) const KNOWN: usize = 16;

/// Batches that are being filled, each for the blocks of one bin in one area.
///
/// # Invariants
///
/// - [OUTBOX-1: known] In `known` is the start of an area of a thread's heap, at the place of its window, or an address that
///   starts none.
/// - [OUTBOX-2: places] Where `windows` isn't zero, it is the window of an area of a thread's heap which isn't the cache's, and
///   the batch at the same place is for that heap, and for the one bin of the area that has this place.
pub(super) struct Outbox {
    pub(super) known: [Cell<usize>; KNOWN],
    /// So narrow that a thread's cache, heap and first stacks have no page more.
    pub(super) windows: [Cell<u16>; PLACES],
    pub(super) batches: [Cell<Filling>; PLACES],
}

/// The place in the outbox for an area's bin. Neighbouring areas lie 40 places apart, so that the small classes of three don't
/// meet.
#[inline(always)]
pub(super) fn place_of(window: usize, bin: Bin) -> usize {
    window.wrapping_mul(5).wrapping_mul(8).wrapping_add(bin.index()) % PLACES
}

// [OUTBOX-2: places] of one area, a place is that of one bin.
const _: () = assert!(BINS <= PLACES && WINDOWS <= 1 << u16::BITS);

impl Outbox {
    pub(super) const fn new() -> Self {
        Self {
            known: [const { Cell::new(NOWHERE) }; KNOWN],
            windows: [const { Cell::new(0) }; PLACES],
            batches: [const { Cell::new(Filling::NONE) }; PLACES],
        }
    }

    /// Forgets all areas and batches.
    pub(super) fn forget(&self) {
        self.known.iter().for_each(|area| area.set(NOWHERE));
        self.windows.iter().for_each(|window| window.set(0));
    }

    /// The areas that it knows, and those that it has batches for.
    pub(super) fn areas(&self) -> impl Iterator<Item = usize> {
        let known = self.known.iter().map(Cell::get).filter(|&area| area != NOWHERE);
        let windows = self.windows.iter().map(|window| usize::from(window.get()));
        known.chain(windows.filter(|&window| window != 0).map(|window| window << AREA_SHIFT))
    }

    /// Takes the batch of a place, if there is one.
    pub(super) fn take(&self, place: usize) -> Option<OwnedBatch> {
        // SAFETY: [CACHE-1: sole] the thread's own, which is taken out by this.
        (self.windows[place].replace(0) != 0).then(|| unsafe { self.batches[place].get().end() })
    }

    pub(super) fn put(&self, place: usize, window: usize, batch: OwnedBatch) {
        self.windows[place].set(window as u16);
        self.batches[place].set(batch.fill());
    }

    /// Whether the batch at a place, of one of a window's bins, is for that window.
    #[inline(always)]
    pub(super) fn is_for(&self, place: usize, window: usize) -> bool {
        self.windows[place].get() == window as u16
    }

    /// Whether a batch has a block.
    pub(super) fn has(&self, block: *mut u8) -> bool {
        (0..PLACES).any(|place| {
            let (window, batch) = (self.windows[place].get(), self.take(place));
            let has = batch.as_ref().is_some_and(|batch| batch.blocks().contains(&block));
            if let Some(batch) = batch {
                self.put(place, window.into(), batch);
            }
            has
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The places of the first so many bins of this area.
    fn places(window: usize, bins: usize) -> impl Iterator<Item = usize> {
        Bin::all().take(bins).map(move |bin| place_of(window, bin))
    }

    #[test]
    fn the_bins_of_an_area_have_a_place_each_and_the_small_ones_of_three_areas_too() {
        for window in 1..200 {
            let all: BTreeSet<_> = places(window, BINS).collect();
            assert_eq!(all.len(), BINS - 1);
            // To 1,024 bytes.
            let small: BTreeSet<_> =
                (window..window + 3).flat_map(|window| places(window, 40)).collect();
            assert_eq!(small.len(), 3 * 40);
        }
    }

    #[test]
    fn batches_lie_at_multiples_of_their_size() {
        assert_eq!(BATCH_BIN.shape().block_size as usize, BATCH_SIZE);
        assert_eq!(BATCH_BIN.shape().partition.segment_size() % BATCH_SIZE, 0);
        assert!(BATCH_SIZE.is_power_of_two());
    }
}
