//! Figures of a heap: the bytes that it has in use, and those that serve nothing.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::{
    policy::{self, Slabs, grant, keep},
    sys,
    thresholds::{BOOKS, PUBLISHING, ROUND, ROUNDS, STEEP},
};

/// The figures of a heap in bytes. All zero is a heap without memory.
#[derive(Default)]
pub(crate) struct Figures {
    /// Memory that serves nothing.
    dirty: usize,
    /// Blocks that are not free, those in threads' caches among them.
    used: usize,
    /// All bytes of blocks that were ever allocated.
    pub(crate) allocated: u64,
    /// The most that were used before excess memory was last given back.
    peak: usize,
    /// The bytes used at that moment, the most since, and the moment, in milliseconds of the system's clock.
    low: usize,
    high: usize,
    purged_at: u64,
    /// The least bytes used since memory of whole blocks was last given back, and all that was allocated before.
    trough: usize,
    allocated_before: u64,
    /// How often use rose between purges that soon followed each other, up to [`ROUNDS`].
    rounds: u8,
    /// The `dirty`, with the books, and the `used` that the process's figures have of this heap.
    published_dirty: usize,
    published_used: usize,
    /// The dirty bytes after a search for memory to give back that found too little.
    left_over: usize,
    /// Whether that search left memory that was likely to serve again soon, and slabs that were being emptied.
    spared: bool,
    slabs_spared: bool,
    /// The time at which slabs were last looked at, in milliseconds of the system's clock, and the bytes used then.
    slabs_at: u64,
    slabs_used: usize,
    /// The least dirty bytes since idle memory was last given back.
    idle: usize,
    /// Whether the heap is at rest; and then the bytes of its books, which serve nothing, else zero.
    resting: bool,
    books: usize,
}

impl Figures {
    /// Counts all blocks as freed.
    pub(crate) fn free_all(&mut self) {
        self.left_over = 0;
        self.free(self.used);
    }

    /// Counts no memory any more: all of it served nothing, and is given up.
    pub(crate) fn give_up(&mut self) {
        keep::USED.fetch_sub(self.published_used, Ordering::Relaxed);
        keep::DIRTY.fetch_sub(self.published_dirty, Ordering::Relaxed);
        *self = Self::default();
    }

    /// The most bytes of blocks that were not free at a time.
    pub(crate) fn peak(&self) -> usize {
        self.peak.max(self.high)
    }

    /// The bytes of blocks that are not free.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// The bytes that serve nothing.
    pub(crate) fn dirty(&self) -> usize {
        self.dirty
    }

    /// The bytes that may have memory behind them.
    pub(crate) fn held(&self) -> usize {
        self.used + self.dirty
    }

    /// Brings the process's figures up to date, by however little they are off.
    fn publish(&mut self) {
        publish(&keep::USED, &mut self.published_used, self.used, 0);
        publish(&keep::DIRTY, &mut self.published_dirty, self.dirty + self.books, 0);
    }

    /// Begins the heap's rest: its books serve nothing from now on, as its free memory does.
    pub(crate) fn rest(&mut self) {
        self.end_rounds();
        self.resting = true;
        self.books = BOOKS;
        self.publish();
    }

    /// Ends the heap's rest.
    pub(crate) fn wake(&mut self) {
        self.resting = false;
        self.forget_books();
    }

    /// Counts the books as given back.
    pub(crate) fn forget_books(&mut self) {
        self.books = 0;
        self.publish();
    }

    /// Whether the heap is at rest: no thread works with it.
    pub(crate) fn is_resting(&self) -> bool {
        self.resting
    }

    /// Whether the heap is at rest, and its books are kept for the next thread.
    pub(crate) fn keeps_books(&self) -> bool {
        self.books != 0
    }

    /// Whether the heap is at rest, no block of it is live, and it has memory to give back.
    pub(crate) fn is_idle(&self) -> bool {
        self.resting && self.used == 0 && self.dirty + self.books > 0
    }

    /// Counts bytes of blocks that were allocated.
    #[inline]
    pub(crate) fn allocate(&mut self, bytes: usize) {
        self.used += bytes;
        self.allocated += bytes as u64;
        self.high = self.high.max(self.used);
        publish(&keep::USED, &mut self.published_used, self.used, PUBLISHING);
    }

    /// Counts bytes of blocks that were freed.
    #[inline]
    pub(crate) fn free(&mut self, bytes: usize) {
        self.used -= bytes;
        publish(&keep::USED, &mut self.published_used, self.used, PUBLISHING);
    }

    /// Counts bytes that serve nothing from now on.
    #[inline]
    pub(crate) fn add_dirty(&mut self, bytes: usize) {
        self.dirty += bytes;
        publish(&keep::DIRTY, &mut self.published_dirty, self.dirty + self.books, PUBLISHING);
    }

    /// Counts bytes that were given back, or serve something again.
    #[inline]
    pub(crate) fn reuse(&mut self, bytes: usize) {
        self.dirty -= bytes;
        self.idle = self.idle.min(self.dirty);
        publish(&keep::DIRTY, &mut self.published_dirty, self.dirty + self.books, PUBLISHING);
    }

    /// The dirty bytes to leave the heap with, if it should give some back now.
    pub(crate) fn excess_to(&self) -> Option<usize> {
        let mut keep = keep::to_keep(self.dirty, false);
        if keep < self.dirty && self.purged_of_late() {
            keep = keep::to_keep(self.dirty, true).max(self.wanted_again());
        }
        let at_once = self.left_over == 0 || self.is_worth_another_look();
        let patience = if at_once { 0 } else { policy::patience(self.used) };
        let left_over = if at_once { 0 } else { self.left_over };
        (keep < self.dirty && self.dirty >= left_over + patience).then_some(keep)
    }

    /// The same for a heap that grows, and may keep more since its use comes in rounds: memory that it keeps for the use
    /// of before must not add to a use that is different now.
    pub(crate) fn over_peak_to(&self) -> Option<usize> {
        let keep = keep::KEEP.load(Ordering::Relaxed).max(self.high.saturating_sub(self.used));
        let in_rounds = self.rounds == ROUNDS && self.purged_of_late();
        // As much more as use may differ from round to round: what is in use is little where a round begins.
        (in_rounds && self.dirty >= self.left_over.max(keep) + policy::patience(self.high))
            .then_some(keep)
    }

    /// The bytes to leave behind vacant arenas and beside whole blocks, if there may be more than those.
    pub(crate) fn whole_to(&mut self) -> Option<usize> {
        if self.used <= self.trough + policy::patience(self.trough) / 2 {
            (self.trough, self.allocated_before) = (self.used, self.allocated);
        }
        let mut keep = keep::of_whole(self.used);
        if self.dirty > keep && self.purged_of_late() && self.rose_steeply() {
            keep = keep.max(self.wanted_again());
        }
        (self.dirty > keep).then_some(keep)
    }

    /// Whether use rose since its trough without much else that was allocated.
    fn rose_steeply(&self) -> bool {
        let rise = self.high.saturating_sub(self.trough) as u64;
        self.allocated - self.allocated_before <= rise + rise / STEEP
    }

    /// Notes that memory of whole blocks was given back.
    pub(crate) fn note_purge_of_whole(&mut self) {
        (self.trough, self.allocated_before) = (self.used, self.allocated);
        self.note_round();
    }

    /// Whether to look again at the memory that the last search left, however little was freed since.
    fn is_worth_another_look(&self) -> bool {
        self.spared && !keep::may_wait()
            || self.slabs_spared && self.may_look_at_slabs(sys::milliseconds())
    }

    fn may_look_at_slabs(&self, now: u64) -> bool {
        let passed = now.saturating_sub(self.slabs_at);
        let freed = self.slabs_used.saturating_sub(self.used);
        policy::may_look_at_slabs(passed, freed, self.held())
    }

    /// The slabs to look at now for memory to give back.
    pub(crate) fn slabs_to_look_at(&mut self) -> Slabs {
        // Other threads free blocks of a heap at rest slowly, and none may come back to look again.
        if self.resting || grant::limit().is_some() {
            return Slabs::All;
        }
        self.slabs_spared = true;
        if self.look_at_slabs(sys::milliseconds()) { Slabs::Rested } else { Slabs::None }
    }

    /// Whether slabs are looked at now. If so, it notes the time and the bytes used.
    fn look_at_slabs(&mut self, now: u64) -> bool {
        let may = self.may_look_at_slabs(now);
        if may {
            (self.slabs_at, self.slabs_used) = (now, self.used);
        }
        may
    }

    fn purged_of_late(&self) -> bool {
        sys::milliseconds() < self.purged_at + ROUND
    }

    /// Whether clearly more was in use since the last purge than then.
    fn rose(&self) -> bool {
        self.high > self.low + policy::patience(self.low)
    }

    /// The dirty bytes that may be kept if the heap was purged of late.
    fn wanted_again(&self) -> usize {
        let in_rounds = self.rounds == ROUNDS && self.rose();
        // A quarter more than was in use, since freed blocks lie in pieces.
        if in_rounds { self.high + self.high / 4 - self.used } else { 0 }
    }

    /// Starts to watch for idle memory anew; returns the dirty bytes that weren't idle since the last time: they served,
    /// or came after. A heap that gives back the others is left with these.
    pub(crate) fn start_watch(&mut self) -> usize {
        let kept = self.dirty - self.idle.min(self.dirty);
        self.idle = kept;
        kept
    }

    /// Notes that the heap gave back what it could, in order to `keep` so many bytes; memory that will serve again soon
    /// may have been `spared`.
    pub(crate) fn note_purge(&mut self, keep: usize, spared: bool) {
        self.spared = spared;
        self.slabs_spared = self.slabs_spared && self.dirty > keep;
        self.left_over = if self.dirty <= keep { 0 } else { self.dirty };
        self.note_round();
    }

    /// Notes that memory was given back, which begins a round.
    fn note_round(&mut self) {
        let again = self.purged_of_late();
        if again && self.wanted_again() > 0 {
            return;
        }
        self.rounds = if again { (self.rounds + u8::from(self.rose())).min(ROUNDS) } else { 0 };
        self.purged_at = sys::milliseconds();
        self.start_round();
    }

    /// Ends the rounds: the heap's use will be different from now on.
    pub(crate) fn end_rounds(&mut self) {
        self.purged_at = 0;
        self.start_round();
    }

    fn start_round(&mut self) {
        self.peak = self.peak();
        (self.low, self.high) = (self.used, self.used);
    }
}

/// Brings a figure of the process up to date if it is off by so many bytes.
#[inline]
fn publish(total: &AtomicUsize, published: &mut usize, now: usize, by: usize) {
    if now.abs_diff(*published) >= by {
        total.fetch_add(now.wrapping_sub(*published), Ordering::Relaxed);
        *published = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thresholds::{REST, SHRUNK};

    #[test]
    fn slabs_of_a_heap_that_shrinks_wait_until_they_show_how_they_go() {
        let held = 1 << 30;
        let mut figures = Figures { used: held, ..Figures::default() };
        let mut looks = |now: u64, freed: usize| {
            figures.used -= freed;
            figures.dirty += freed;
            figures.look_at_slabs(now)
        };
        assert!(looks(REST, 0), "the first time");
        assert!(!looks(2 * REST, held / SHRUNK / 2), "it shrinks");
        assert!(looks(3 * REST, held / SHRUNK / 2), "it shrank");
        assert!(!looks(4 * REST, held / SHRUNK / 2), "it goes on");
        assert!(looks(12 * REST, 0), "it is still since");
    }

    #[test]
    fn a_round_that_begins_has_the_memory_of_the_last_one_and_a_little_more() {
        let (used, high) = (1 << 20, 64 << 20);
        let purged_at = sys::milliseconds();
        let over = |dirty: usize| {
            let figures = Figures { purged_at, rounds: ROUNDS, ..Figures::default() };
            Figures { dirty, used, high, ..figures }.over_peak_to()
        };
        assert_eq!((over(high), over(high + (4 << 20))), (None, None));
        assert_eq!(over(high + (16 << 20)), Some(high - used));
    }
}
