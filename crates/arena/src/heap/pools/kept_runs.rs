//! The places of the runs that were freed last, whose memory is kept for the next of about their size, in the hardened build.

use core::{array, ptr::null_mut};

use crate::{books::guard, thresholds::KEPT_RUNS};

const COUNT: usize = if guard::ON { KEPT_RUNS } else { 0 };

/// The place of a run. All zero is none.
#[derive(Clone, Copy)]
struct Place {
    /// Where it begins; null where there is none.
    start: *mut u8,
    /// The bytes of its memory.
    size: usize,
}

const NO_PLACE: Place = Place { start: null_mut(), size: 0 };

/// The places, the newest first. All zero is none.
pub(crate) struct KeptRuns([Place; COUNT]);

impl KeptRuns {
    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.0 = [NO_PLACE; COUNT];
    }

    /// Forgets the one that begins there.
    pub(crate) fn forget(&mut self, start: *mut u8) {
        self.0.iter_mut().filter(|place| place.start == start).for_each(|place| *place = NO_PLACE);
    }

    /// Adds a run that was freed, with memory of `size` bytes.
    pub(crate) fn add(&mut self, start: *mut u8, size: usize) {
        // Others may have had the place since it was added, and with more or less memory.
        self.forget(start);
        self.0.rotate_right(1);
        if let Some(newest) = self.0.first_mut() {
            *newest = Place { start, size };
        }
    }

    /// Where those begin that have about so many bytes of memory, the nearest first.
    pub(crate) fn about(&self, size: usize) -> impl Iterator<Item = *mut u8> + use<> {
        let places = self.0;
        let misfits: [_; COUNT] = array::from_fn(|number| self.0[number].size.abs_diff(size));
        let mut left: [_; COUNT] = array::from_fn(|number| misfits[number] <= size / MISFIT);
        core::iter::from_fn(move || {
            let numbers = (0..COUNT).filter(|&number| left[number]);
            let nearest = numbers.min_by_key(|&number| misfits[number])?;
            left[nearest] = false;
            Some(places[nearest].start)
        })
    }
}

/// A run may have so much more or less than the one whose memory it gets: this part of its size.
const MISFIT: usize = 4;
