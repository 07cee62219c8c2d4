//! The table of windows: a word for each, and the steps by which windows change hands.
//!
//! This module knows nothing of a window but its word.

use stratalloc_core::sync::atomic::{AtomicUsize, Ordering};

use crate::{
    books::{
        owner::Owner,
        windows::entry::{Entry, Kind},
    },
    plan::geometry::AREA_SHIFT,
};

/// The entries of so many windows.
///
/// `Release` in `set` pairs with the `Acquire` of `get`: a thread that finds an entry sees what was done to the window
/// before. Claims by compare-and-swap keep two claimants apart; their `Acquire` pairs with the same `Release`, where
/// the window was in use before.
pub(super) struct Table<const COUNT: usize>([AtomicUsize; COUNT]);

impl<const COUNT: usize> Table<COUNT> {
    /// The table of an address space in which nothing of ours stands.
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self([const { AtomicUsize::new(Entry::NOTHING.word()) }; COUNT])
    }

    /// Loom's atomics can't be made in constants.
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self(core::array::from_fn(|_| AtomicUsize::new(Entry::NOTHING.word())))
    }

    /// The entry of a window; `None` behind the last.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<Entry> {
        Some(Entry::from_word(self.0.get(index)?.load(Ordering::Acquire)))
    }

    /// Sets the entry of a window of the caller's, for all threads to find.
    pub(super) fn set(&self, index: usize, now: Entry) {
        self.0[index].store(now.word(), Ordering::Release);
    }

    /// The entry of each window, with the window's number, from a starting point on.
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

    /// Claims `count` windows from `index` if all are free; returns whether they were.
    pub(super) fn claim(&self, index: usize, count: usize) -> bool {
        let claimed = (index..index + count)
            .take_while(|&window| self.swap(window, Entry::NOTHING, Entry::CLAIMED))
            .count();
        if claimed < count {
            self.release(index, claimed);
        }
        claimed == count
    }

    /// Enters in claimed windows what stands there, for all threads to find.
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

    /// Takes a kept arena heap into use again, if there is one.
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
