//! The places of the large blocks that were freed last.

use core::ptr::null_mut;

use crate::{books::guard, thresholds::LAST_FREED};

/// None between guards, where [`KeptRuns`](super::kept_runs::KeptRuns) has them.
const COUNT: usize = if guard::ON { 0 } else { LAST_FREED };

/// The place of a block. All zero is none.
#[derive(Clone, Copy)]
struct Place {
    start: *mut u8,
    /// The bytes of its pages.
    size: usize,
}

/// The places, each where an older one was. All zero is none.
pub(crate) struct LastFreed {
    places: [Place; COUNT],
    /// The number of the newest.
    newest: usize,
}

impl LastFreed {
    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.places = [Place { start: null_mut(), size: 0 }; COUNT];
    }

    /// Adds a block that was freed, in pages of `size` bytes.
    pub(crate) fn add(&mut self, start: *mut u8, size: usize) {
        self.newest = (self.newest + 1) % LAST_FREED;
        if let Some(place) = self.places.get_mut(self.newest) {
            *place = Place { start, size };
        }
    }

    /// Forgets the newest that has pages of just so many bytes; returns where it began.
    pub(crate) fn take(&mut self, size: usize) -> Option<*mut u8> {
        let mut numbers = (0..COUNT).map(|age| self.newest.wrapping_sub(age) % LAST_FREED);
        let found = numbers.find(|&number| self.places[number].size == size)?;
        self.places[found].size = 0;
        Some(self.places[found].start)
    }
}
