//! The table of windows: a word for each, and the steps by which windows change hands.
//!
//! This module knows nothing of what stands in a window but its word.

use stratalloc_core::sync::atomic::{AtomicUsize, Ordering};

use crate::{
    books::{
        owner::Owner,
        windows::entry::{Entry, Kind},
    },
    plan::geometry::AREA_SHIFT,
};

/// What stands in each of so many windows.
///
/// `Release` in `set` pairs with the `Acquire` of `get`: who finds an entry sees what was done to the window
/// before. Claims by compare-and-swap keep two claimants apart; their `Acquire` pairs with the same `Release`, where
/// the window was somebody's before.
pub(super) struct Table<const COUNT: usize>([AtomicUsize; COUNT]);

impl<const COUNT: usize> Table<COUNT> {
    /// Nothing stands anywhere.
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self([const { AtomicUsize::new(Entry::NOTHING.word()) }; COUNT])
    }

    /// Loom's atomics can't be made in constants.
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self(core::array::from_fn(|_| AtomicUsize::new(Entry::NOTHING.word())))
    }

    /// What stands in a window; `None` behind the last.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<Entry> {
        Some(Entry::from_word(self.0.get(index)?.load(Ordering::Acquire)))
    }

    /// Lets everyone find this in a window of the caller's.
    pub(super) fn set(&self, index: usize, now: Entry) {
        self.0[index].store(now.word(), Ordering::Release);
    }

    /// What stands in each window, with the window's number, from a starting point on.
    pub(super) fn entries(&self, from: usize) -> impl Iterator<Item = (usize, Entry)> {
        let indices = (0..COUNT).map(move |step| (from + step) % COUNT);
        indices.filter_map(|index| Some((index, self.get(index)?)))
    }

    /// The heaps at home in windows of the wanted kinds, from a starting point on.
    pub(super) fn owners(
        &self,
        from: usize,
        is_wanted: fn(Kind) -> bool,
    ) -> impl Iterator<Item = Owner> {
        self.entries(from).filter_map(move |(index, entry)| {
            let owner = entry.owner().filter(|_| is_wanted(entry.kind()))?;
            // Further areas of a heap name it too.
            (owner.addr() >> AREA_SHIFT == index).then_some(owner)
        })
    }

    /// Claims `count` windows from `index` if all are free; says whether they were.
    pub(super) fn claim(&self, index: usize, count: usize) -> bool {
        let claimed = (index..index + count)
            .take_while(|&window| self.swap(window, Entry::NOTHING, Entry::CLAIMED))
            .count();
        if claimed < count {
            self.release(index, claimed);
        }
        claimed == count
    }

    /// Lets everyone find what stands in claimed windows.
    pub(super) fn announce(&self, index: usize, count: usize, entry: Entry) {
        for tail in index + 1..index + count {
            self.set(tail, Entry::HUGE_TAIL);
        }
        self.set(index, entry);
    }

    /// Gives up windows of the caller's.
    pub(super) fn release(&self, index: usize, count: usize) {
        for window in index..index + count {
            self.set(window, Entry::NOTHING);
        }
    }

    /// Takes an arena heap that waits into use again.
    pub(super) fn take_kept(&self) -> Option<Owner> {
        self.entries(0).find_map(|(index, kept)| {
            let owner = kept.owner().filter(|_| kept.kind() == Kind::KEPT)?;
            self.swap(index, kept, Entry::of_area(owner, Kind::VALUE)).then_some(owner)
        })
    }

    fn swap(&self, window: usize, from: Entry, to: Entry) -> bool {
        let (from, to) = (from.word(), to.word());
        self.0[window].compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

#[cfg(all(loom, test))]
mod models;
