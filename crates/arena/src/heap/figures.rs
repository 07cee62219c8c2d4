//! What one heap has in use and what serves nothing, in bytes.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::{
    policy::{self, Slabs, grant, keep},
    sys,
    thresholds::{BOOKS, ROUND, ROUNDS, TELLING},
};

/// One heap's figures in bytes. All zero is a heap without memory.
#[derive(Default)]
pub(crate) struct Figures {
    /// What serves nothing.
    dirty: usize,
    /// Blocks that are not free, those in threads' caches among them.
    used: usize,
    /// The most there were of those before memory was last given back for being too much.
    peak: usize,
    /// What was in use just then, the most since, and when it was, in milliseconds of the system's clock.
    low: usize,
    high: usize,
    purged_at: u64,
    /// How often use rose between purges that soon followed each other, up to [`ROUNDS`].
    rounds: u8,
    /// What the process's figures have of these two.
    told_dirty: usize,
    told_used: usize,
    /// The dirty bytes after a search for memory to give back that found too little.
    left_over: usize,
    /// Whether that search left memory that was to serve again soon, and slabs that were being emptied.
    spared: bool,
    slabs_spared: bool,
    /// When slabs were last looked at, in milliseconds of the system's clock, and what was in use then.
    slabs_at: u64,
    slabs_used: usize,
    /// The least dirty bytes since memory was last given back for being idle.
    idle: usize,
    /// Whether nobody works with the heap, and then the bytes of its books, which serve nothing; else zero.
    resting: bool,
    books: usize,
}

impl Figures {
    /// Every block was freed at once.
    pub(crate) fn free_all(&mut self) {
        self.left_over = 0;
        self.free(self.used);
    }

    /// The memory that serves nothing, which is all there was, is the heap's no more.
    pub(crate) fn give_up(&mut self) {
        keep::USED.fetch_sub(self.told_used, Ordering::Relaxed);
        keep::DIRTY.fetch_sub(self.told_dirty, Ordering::Relaxed);
        *self = Self::default();
    }

    /// The most bytes of blocks that were not free.
    pub(crate) fn peak(&self) -> usize {
        self.peak.max(self.high)
    }

    /// Blocks that are not free.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// What serves nothing.
    pub(crate) fn dirty(&self) -> usize {
        self.dirty
    }

    /// All that may have memory behind it.
    pub(crate) fn held(&self) -> usize {
        self.used + self.dirty
    }

    /// Brings the process's figures up to date, however little they are off.
    fn tell(&mut self) {
        tell(&keep::USED, &mut self.told_used, self.used, 0);
        tell(&keep::DIRTY, &mut self.told_dirty, self.dirty + self.books, 0);
    }

    /// Nobody works with the heap for now: its books serve nothing, like its free memory.
    pub(crate) fn rest(&mut self) {
        self.end_rounds();
        self.resting = true;
        self.books = BOOKS;
        self.tell();
    }

    /// Somebody does again.
    pub(crate) fn wake(&mut self) {
        self.resting = false;
        self.forget_books();
    }

    /// The books were given back.
    pub(crate) fn forget_books(&mut self) {
        self.books = 0;
        self.tell();
    }

    /// Whether nobody works with the heap, and its books are kept for whoever will.
    pub(crate) fn keeps_books(&self) -> bool {
        self.books != 0
    }

    /// Whether nobody works with the heap nor has a block of it, and there is something to give back.
    pub(crate) fn is_idle(&self) -> bool {
        self.resting && self.used == 0 && self.dirty + self.books > 0
    }

    /// Blocks of this many bytes were allocated.
    #[inline]
    pub(crate) fn allocate(&mut self, bytes: usize) {
        self.used += bytes;
        self.high = self.high.max(self.used);
        tell(&keep::USED, &mut self.told_used, self.used, TELLING);
    }

    /// Blocks of this many bytes were freed.
    #[inline]
    pub(crate) fn free(&mut self, bytes: usize) {
        self.used -= bytes;
        tell(&keep::USED, &mut self.told_used, self.used, TELLING);
    }

    /// So much more memory serves nothing.
    #[inline]
    pub(crate) fn soil(&mut self, bytes: usize) {
        self.dirty += bytes;
        tell(&keep::DIRTY, &mut self.told_dirty, self.dirty + self.books, TELLING);
    }

    /// So much memory was given back, or serves something again.
    #[inline]
    pub(crate) fn reuse(&mut self, bytes: usize) {
        self.dirty -= bytes;
        self.idle = self.idle.min(self.dirty);
        tell(&keep::DIRTY, &mut self.told_dirty, self.dirty + self.books, TELLING);
    }

    /// How many dirty bytes the heap should be left with, if it should give some back now.
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

    /// The same as a heap grows that may keep more for working in rounds: what it keeps for use as it was must
    /// not come on top of use that is another now.
    pub(crate) fn over_peak_to(&self) -> Option<usize> {
        let keep = keep::KEEP.load(Ordering::Relaxed).max(self.high.saturating_sub(self.used));
        let in_rounds = self.rounds == ROUNDS && self.purged_of_late();
        (in_rounds && self.dirty >= self.left_over.max(keep) + policy::patience(self.used))
            .then_some(keep)
    }

    /// Whether what the last search left is to be looked at again, however little was freed since.
    fn is_worth_another_look(&self) -> bool {
        self.spared && !keep::may_wait()
            || self.slabs_spared && self.may_look_at_slabs(sys::milliseconds())
    }

    fn may_look_at_slabs(&self, now: u64) -> bool {
        let passed = now.saturating_sub(self.slabs_at);
        let freed = self.slabs_used.saturating_sub(self.used);
        policy::may_look_at_slabs(passed, freed, self.held())
    }

    /// Which slabs are looked at now, to give back what is too much.
    pub(crate) fn slabs_to_look_at(&mut self) -> Slabs {
        // What others free of a heap at rest comes slowly, and nobody may come back to look again.
        if self.resting || grant::limit().is_some() {
            return Slabs::All;
        }
        self.slabs_spared = true;
        if self.look_at_slabs(sys::milliseconds()) { Slabs::Rested } else { Slabs::None }
    }

    /// Whether slabs are looked at now; then that is noted.
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

    /// How many dirty bytes may be kept if it was purged of late.
    fn wanted_again(&self) -> usize {
        let in_rounds = self.rounds == ROUNDS && self.rose();
        // A quarter more than was in use, since freed blocks lie in pieces.
        if in_rounds { self.high + self.high / 4 - self.used } else { 0 }
    }

    /// How many dirty bytes have served since memory was last given back for being idle, or came after: what
    /// a heap is left with that gives back the others. From now on, none of these have.
    pub(crate) fn start_watch(&mut self) -> usize {
        let kept = self.dirty - self.idle.min(self.dirty);
        self.idle = kept;
        kept
    }

    /// The heap gave back what it could, in order to keep this many bytes; but for what will serve again soon,
    /// if that was `spared`.
    pub(crate) fn note_purge(&mut self, keep: usize, spared: bool) {
        self.spared = spared;
        self.slabs_spared = self.slabs_spared && self.dirty > keep;
        self.left_over = if self.dirty <= keep { 0 } else { self.dirty };
        let again = self.purged_of_late();
        if again && self.wanted_again() > 0 {
            return;
        }
        self.rounds = if again { (self.rounds + u8::from(self.rose())).min(ROUNDS) } else { 0 };
        self.purged_at = sys::milliseconds();
        self.start_round();
    }

    /// Who works with the heap will do something else from now on.
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
fn tell(total: &AtomicUsize, told: &mut usize, now: usize, by: usize) {
    if now.abs_diff(*told) >= by {
        total.fetch_add(now.wrapping_sub(*told), Ordering::Relaxed);
        *told = now;
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
}
