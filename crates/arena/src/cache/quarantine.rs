//! The quarantine of a thread, in the paranoid build: blocks that it freed, which wait before they can be handed out again.
//!
//! A block takes a place on the *shelf*, at random; what lay there goes to the end of the *queue*, which it leaves once so
//! many others came after it. So a freed block isn't the next to be handed out, and how many frees later it is can't be
//! told. Both parts are bounded, in blocks and in bytes.

mod queue;

use core::cell::Cell;

use crate::{
    books::broken::{Broken, expect},
    cache::{quarantine::queue::Queue, waiting::Waiting},
    plan::bins::Bin,
    sys,
    thresholds::{QUARANTINE_BYTES, QUARANTINE_QUEUE, QUARANTINE_SHELF},
};

/// The blocks that wait. All zero is none.
///
/// # Invariants
///
/// - [QUARANTINE-1: sole] Only the thread whose cache names it touches it.
/// - [QUARANTINE-2: free] The blocks in it are free, lie in slabs of their bins in areas of threads' heaps, and have no bit
///   set: to the pools they are in use.
///   `latest` is one of them, or none.
/// - [QUARANTINE-3: bytes] `bytes` is the sum of their bytes.
pub(crate) struct Quarantine {
    shelf: [Cell<Waiting>; QUARANTINE_SHELF],
    queue: Queue,
    bytes: Cell<usize>,
    /// The place of the shelf that is looked at next for a block that has to leave, and that of the newest block.
    next: Cell<usize>,
    newest: Cell<usize>,
    /// The newest block, while it waits.
    latest: Cell<Waiting>,
    /// The block that the thread got last, until it is looked at.
    got: Cell<Waiting>,
    /// Blocks that came since the last look for those that wait in vain, and when that was.
    came: Cell<usize>,
    looked: Cell<u64>,
}

impl Quarantine {
    /// Maps one for a thread; `None` if memory is out.
    #[cold]
    pub(super) fn map() -> Option<&'static Self> {
        let memory = sys::map(size_of::<Self>()).ok()?;
        // SAFETY: fresh memory is zero, which is an empty quarantine; it is never given back.
        Some(unsafe { memory.cast::<Self>().as_ref() })
    }

    /// Adds a block, at a place of the shelf. [`pop_excess`](Self::pop_excess) says which have to leave for it.
    pub(crate) fn add(&self, waiting: Waiting, place: usize) {
        let before = self.shelf[place].replace(waiting);
        self.newest.set(place);
        self.latest.set(waiting);
        self.bytes.set(self.bytes.get() + waiting.size());
        self.came.set(self.came.get() + 1);
        if before.is_some() {
            self.queue.push(before);
        }
    }

    /// Takes out a block that has to leave, since there are too many; `None` if there aren't.
    #[inline]
    pub(crate) fn pop_excess(&self) -> Option<Waiting> {
        if self.queue.len() > QUARANTINE_QUEUE || self.bytes.get() > QUARANTINE_BYTES {
            self.pop()
        } else {
            None
        }
    }

    /// Takes out a block: the oldest of the queue, or else one from the shelf.
    pub(crate) fn pop(&self) -> Option<Waiting> {
        let left = self.queue.pop().or_else(|| self.pop_shelf())?;
        self.bytes.set(self.bytes.get() - left.size());
        if left.block == self.latest.get().block {
            self.latest.set(Waiting::NONE);
        }
        Some(left)
    }

    /// The block that came last, if it waits still.
    #[inline(always)]
    pub(crate) fn latest(&self) -> Option<Waiting> {
        Some(self.latest.get()).filter(|it| it.is_some())
    }

    /// Notes the block that the thread got last.
    #[inline(always)]
    pub(crate) fn note_got(&self, bin: Bin, block: *mut u8) {
        self.got.set(Waiting { block, bin });
    }

    /// The block that the thread got last, for the first who asks.
    #[inline(always)]
    pub(crate) fn take_got(&self) -> Option<Waiting> {
        Some(self.got.replace(Waiting::NONE)).filter(|it| it.is_some())
    }

    /// The next block on the shelf, the newest one last of all. O(places), and O(1) where it is full.
    fn pop_shelf(&self) -> Option<Waiting> {
        let (first, newest) = (self.next.get(), self.newest.get());
        let places = (first..first + QUARANTINE_SHELF).map(|place| place % QUARANTINE_SHELF);
        let mut places = places.filter(|&place| place != newest).chain([newest]);
        let place = places.find(|&place| self.shelf[place].get().is_some())?;
        self.next.set(place + 1);
        Some(self.shelf[place].replace(Waiting::NONE))
    }

    /// Begins a look at a moment, unless one was begun then: returns how many of the newest blocks came since the one before.
    #[inline]
    pub(crate) fn look(&self, moment: u64) -> Option<usize> {
        (self.looked.replace(moment) != moment).then(|| self.came.replace(0))
    }

    /// Takes out a block that isn't among so many of the newest. If none came, the shelf is emptied too.
    pub(crate) fn pop_older(&self, newest: usize) -> Option<Waiting> {
        if newest == 0 || self.queue.len() > newest { self.pop() } else { None }
    }

    /// Forgets all blocks in it.
    pub(crate) fn forget(&self) {
        self.shelf.iter().for_each(|place| place.set(Waiting::NONE));
        self.queue.forget();
        self.bytes.set(0);
        self.latest.set(Waiting::NONE);
        self.got.set(Waiting::NONE);
    }

    /// Whether a block waits here. O(places).
    pub(crate) fn has(&self, block: *mut u8) -> bool {
        self.iter().any(|waiting| waiting.block == block)
    }

    /// The blocks in it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Waiting> {
        self.shelf.iter().map(Cell::get).filter(|it| it.is_some()).chain(self.queue.iter())
    }

    /// Checks the sum of the bytes, and that there are no more than there may be. O(places).
    pub(crate) fn validate(&self) -> Result<(), Broken> {
        let bytes: usize = self.iter().map(Waiting::size).sum();
        expect(bytes == self.bytes.get(), "QUARANTINE-3: bytes")?;
        expect(self.iter().all(|it| it.bin != Bin::NONE), "QUARANTINE-2: free")
    }
}

#[cfg(test)]
mod tests {
    use core::{ops::Range, ptr::without_provenance_mut};
    use std::collections::BTreeSet;

    use super::*;
    use crate::{cache::random::Random, plan::bins::bin_for};

    fn quarantine() -> Box<Quarantine> {
        // SAFETY: all zero is an empty one.
        unsafe { Box::new(core::mem::zeroed()) }
    }

    /// A block of so many bytes, by number.
    fn block(number: usize, size: usize) -> Waiting {
        let bin = bin_for(size, 8).unwrap();
        let size = bin.shape().block_size as usize;
        Waiting { block: without_provenance_mut((number + 1) * size), bin }
    }

    /// Adds blocks of a size by number, and returns the numbers of those that leave, with how many were added by then.
    fn leavers(quarantine: &Quarantine, numbers: Range<usize>, size: usize) -> Vec<(usize, usize)> {
        let (mut left, random) = (Vec::new(), Random::new());
        for number in numbers {
            let added = block(number, size);
            quarantine.add(added, random.below(QUARANTINE_SHELF));
            while let Some(it) = quarantine.pop_excess() {
                left.push((it.block.addr() / added.size() - 1, number));
            }
        }
        left
    }

    #[test]
    fn no_more_wait_than_there_may_be_of_any_size() {
        for size in [8, 100, 1000, 5000, 32_768] {
            let quarantine = quarantine();
            let left = leavers(&quarantine, 0..10_000, size).len();
            let waiting = quarantine.iter().count();
            assert_eq!(left + waiting, 10_000, "{size}");
            assert!(waiting <= QUARANTINE_SHELF + QUARANTINE_QUEUE, "{size}: {waiting}");
            assert!(quarantine.bytes.get() <= QUARANTINE_BYTES, "{size}");
            assert_eq!(quarantine.validate(), Ok(()), "{size}");
        }
    }

    #[test]
    fn a_block_waits_long_and_for_how_long_is_random() {
        let quarantine = quarantine();
        let left = leavers(&quarantine, 0..100_000, 64);
        let times: Vec<_> = left.iter().map(|(number, now)| now - number).collect();
        // By the queue alone it is at least so many, less those that find an empty place on the shelf.
        assert!(times.iter().all(|&time| time >= QUARANTINE_QUEUE), "{:?}", times.iter().min());
        let different: BTreeSet<_> = times.iter().collect();
        assert!(different.len() > 300, "{}", different.len());
    }

    #[test]
    fn blocks_so_large_that_the_queue_stays_empty_wait_too() {
        let quarantine = quarantine();
        let left = leavers(&quarantine, 0..1000, 32_768);
        let soonest = left.iter().map(|(number, now)| now - number).min();
        assert!(left.len() > 900 && soonest >= Some(1), "{soonest:?}");
    }

    #[test]
    fn what_nothing_came_after_for_a_while_leaves() {
        let quarantine = quarantine();
        leavers(&quarantine, 0..1000, 64);
        assert_eq!(quarantine.look(1), Some(1000));
        assert_eq!(quarantine.look(1), None, "the same moment");
        leavers(&quarantine, 1000..1010, 64);
        let newest = quarantine.look(2).unwrap();
        assert_eq!(newest, 10);
        while quarantine.pop_older(newest).is_some() {}
        let waiting = quarantine.iter().count();
        assert!((QUARANTINE_SHELF - 20..=QUARANTINE_SHELF + 10).contains(&waiting), "{waiting}");
        let newest = quarantine.look(3).unwrap();
        while quarantine.pop_older(newest).is_some() {}
        assert_eq!((quarantine.iter().count(), quarantine.bytes.get()), (0, 0));
        assert!(quarantine.latest().is_none());
    }

    #[test]
    fn what_waits_is_found_and_forgotten() {
        let quarantine = quarantine();
        leavers(&quarantine, 0..600, 64);
        assert!((0..600).all(|number| quarantine.has(block(number, 64).block)));
        assert!(!quarantine.has(block(600, 64).block));
        assert_eq!(quarantine.latest().map(|it| it.block), Some(block(599, 64).block));
        quarantine.forget();
        assert_eq!((quarantine.iter().count(), quarantine.validate()), (0, Ok(())));
        assert!(quarantine.pop().is_none());
    }
}
