//! The sites of sampled allocations: each a trace of calls, with what it allocated.

use crate::{policy::sampling::Weight, sys::paged::PagedVec};

/// Where blocks were allocated.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    hash: u64,
    /// Its trace: the first of its addresses among those of all, and how many there are.
    first: usize,
    depth: usize,
    pub(crate) live: Weight,
    pub(crate) allocated: Weight,
    /// What was live at the peak number `peak_seen`.
    was_live: Weight,
    peak_seen: u64,
}

impl Site {
    /// Its trace, out of those of all.
    pub(crate) fn trace<'a>(&self, traces: &'a [usize]) -> &'a [usize] {
        &traces[self.first..self.first + self.depth]
    }

    /// Changes what is live, and keeps what was live at the latest peak, whose number is `peaks`.
    pub(super) fn change(&mut self, peaks: u64, change: impl FnOnce(&mut Weight)) {
        self.was_live = self.at_peak(peaks);
        self.peak_seen = peaks;
        change(&mut self.live);
    }

    /// What was live at the latest peak: the same as now, unless it has changed since.
    pub(crate) const fn at_peak(&self, peaks: u64) -> Weight {
        if self.peak_seen == peaks { self.was_live } else { self.live }
    }
}

/// All sites, and a table by their traces: open addressing with linear probing, at most half full.
pub(super) struct Sites {
    all: PagedVec<Site>,
    traces: PagedVec<usize>,
    /// For each slot the number of a site, plus one; zero where it is empty. A power of two of them.
    slots: PagedVec<u32>,
}

const LEAST_SLOTS: usize = 1024;

impl Sites {
    pub(super) const fn new() -> Self {
        Self { all: PagedVec::new(), traces: PagedVec::new(), slots: PagedVec::new() }
    }

    pub(super) fn all(&self) -> &[Site] {
        &self.all
    }

    pub(super) fn traces(&self) -> &[usize] {
        &self.traces
    }

    pub(super) fn site(&mut self, number: usize) -> &mut Site {
        &mut self.all[number]
    }

    /// The number of the site of a trace, which is made if there is none; `None` if memory is out.
    pub(super) fn find(&mut self, trace: &[usize]) -> Option<usize> {
        if (self.all.len() + 1) * 2 > self.slots.len() {
            self.grow()?;
        }
        let hash = hash(trace);
        let place =
            self.slot(hash, |site, traces| site.hash == hash && site.trace(traces) == trace);
        match self.slots[place] {
            0 => self.make(place, hash, trace),
            number => Some(number as usize - 1),
        }
    }

    fn make(&mut self, place: usize, hash: u64, trace: &[usize]) -> Option<usize> {
        let (number, first) = (self.all.len(), self.traces.len());
        let site = Site {
            hash,
            first,
            depth: trace.len(),
            live: Weight::NONE,
            allocated: Weight::NONE,
            was_live: Weight::NONE,
            peak_seen: 0,
        };
        // A trace without a site does no harm.
        if !self.traces.extend(trace) || !self.all.extend(&[site]) {
            return None;
        }
        self.slots[place] = u32::try_from(number + 1).ok()?;
        Some(number)
    }

    /// The slot of the site that is looked for among those of a hash, or the empty one where it would be.
    fn slot(&self, hash: u64, is_it: impl Fn(&Site, &[usize]) -> bool) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        let is_other = |slot: u32| slot != 0 && !is_it(&self.all[slot as usize - 1], &self.traces);
        while is_other(self.slots[place]) {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) -> Option<()> {
        let count = (self.slots.len() * 2).max(LEAST_SLOTS);
        // SAFETY: zero is a number.
        self.slots = unsafe { PagedVec::zeroed(count) }?;
        for number in 0..self.all.len() {
            let place = self.slot(self.all[number].hash, |_, _| false);
            self.slots[place] = number as u32 + 1;
        }
        Some(())
    }
}

/// The hash of a trace.
fn hash(trace: &[usize]) -> u64 {
    let mix = |hash: u64, &address: &usize| {
        let mixed = (hash ^ address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ (mixed >> 29)
    };
    trace.iter().fold(trace.len() as u64, mix)
}
