//! Tests of kept stretches, against a map of which units are kept.

use std::{vec, vec::Vec};

use super::*;

const UNIT: usize = size_of::<Stretch>();
const UNITS: usize = 24;

/// Memory, which of its units are kept, and the list that should know.
struct Twin {
    memory: Vec<Stretch>,
    is_kept: [bool; UNITS],
    kept: Kept,
}

impl Twin {
    /// Nothing is kept.
    fn new() -> Self {
        let empty = || Stretch { next: Cell::new(None), size: Cell::new(0) };
        let memory = (0..UNITS).map(|_| empty()).collect();
        Self { memory, is_kept: [false; UNITS], kept: Kept::new() }
    }

    fn start(&self) -> *mut u8 {
        self.memory.as_ptr().cast_mut().cast()
    }

    /// Gives units that aren't kept.
    fn give(&mut self, first: usize, count: usize) {
        self.is_kept[first..first + count].fill(true);
        let start = NonNull::new(self.start().wrapping_add(first * UNIT)).unwrap();
        // SAFETY: the units lie in the memory, and aren't the list's yet.
        unsafe { self.kept.give(start, count * UNIT) };
        self.compare();
    }

    /// Takes units, and returns the first one's number.
    fn take(&mut self, count: usize) -> Option<usize> {
        // SAFETY: whole units.
        let taken = unsafe { self.kept.take(count * UNIT) };
        let first = taken.map(|start| (start.addr().get() - self.start().addr()) / UNIT);
        let fits = self.stretches().into_iter().find(|&(_, size)| size >= count);
        assert_eq!(first, fits.map(|(first, _)| first), "the lowest that has as many");
        if let Some(first) = first {
            self.is_kept[first..first + count].fill(false);
        }
        self.compare();
        first
    }

    /// Returns the stretches by the map: where each begins, and how many units it has.
    fn stretches(&self) -> Vec<(usize, usize)> {
        let mut stretches: Vec<(usize, usize)> = Vec::new();
        for unit in (0..UNITS).filter(|&unit| self.is_kept[unit]) {
            match stretches.last_mut() {
                Some((first, size)) if *first + *size == unit => *size += 1,
                _ => stretches.push((unit, 1)),
            }
        }
        stretches
    }

    fn compare(&self) {
        let mut listed = vec![];
        let mut link = self.kept.first.get();
        while let Some(stretch) = link {
            // SAFETY: in the list, and so in the memory.
            let stretch = unsafe { stretch.as_ref() };
            let (start, end) = stretch.bounds();
            listed.push(((start - self.start().addr()) / UNIT, (end - start) / UNIT));
            link = stretch.next.get();
        }
        assert_eq!(listed, self.stretches());
    }
}

#[test]
fn neighbours_are_one_whichever_comes_last() {
    for last in 0..3 {
        let mut twin = Twin::new();
        for unit in (0..3).filter(|&unit| unit != last).chain([last]) {
            twin.give(unit, 1);
        }
        assert_eq!(twin.take(3), Some(0), "{last}");
        assert_eq!(twin.take(1), None);
    }
}

#[test]
fn what_is_too_short_is_passed_over() {
    let mut twin = Twin::new();
    twin.give(0, 1);
    twin.give(2, 3);
    twin.give(6, 2);
    assert_eq!(twin.take(4), None);
    assert_eq!(twin.take(2), Some(2), "from the front");
    assert_eq!(twin.take(1), Some(0), "the lowest");
    assert_eq!(twin.take(2), Some(6), "past the unit that was left");
}

#[test]
fn random_stretches_are_kept_as_a_map_of_units_says() {
    let rounds = if cfg!(miri) { 300 } else { 20_000 };
    let mut random = 1_u32;
    let mut below = |limit: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as usize % limit
    };
    let mut twin = Twin::new();
    for _ in 0..rounds {
        let (first, count) = (below(UNITS), 1 + below(4));
        let end = (first + count).min(UNITS);
        if below(2) == 0 {
            twin.take(count);
        } else if !twin.is_kept[first..end].contains(&true) {
            twin.give(first, end - first);
        }
    }
}
