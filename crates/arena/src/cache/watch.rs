//! A cache that counts: what a thread has in place of its own while allocations are sampled.
//!
//! Its stacks are put out in the number of blocks that may pass before the next is to be sampled, so that allocating
//! stays as it was: at the end of these a stack is empty, and its slow path finds that a sample is due. Frees must
//! not put blocks on a stack uncounted; so it stands outside of every area, where no block is at home, and they
//! all come to the slow path.

use core::{cell::Cell, ptr::null_mut};

use crate::{
    cache::{Cache, CacheWithStacks},
    heap::Visit,
    plan::bins::{BINS, Bin},
    policy::sampling::{self, blocks_before_next, bytes_before_next},
    sys::{self, lock::Mark},
};

/// A stack gets an eighth of its blocks at a time: the thread's own stack keeps the others, which it freed last.
const PARTS: u32 = 8;

/// All zero is one that was never opened.
///
/// # Invariants
///
/// - [WATCH-1: sole] Only the thread whose slot points at `own` touches it.
/// - [WATCH-2: counted] For each bin, so many blocks as are in its stack of `own`, and `until` more, pass before the
///   next is sampled.
#[repr(C)]
pub(crate) struct Watch {
    own: CacheWithStacks,
    /// The thread's cache, which has blocks and takes them while this counts.
    under: Cell<Option<&'static Cache>>,
    until: [Cell<u64>; BINS],
    /// Bytes of large blocks before the next that is sampled.
    bytes: Cell<u64>,
    random: Cell<u64>,
    /// Whether a sample is being taken: what that allocates isn't sampled.
    busy: Cell<bool>,
}

impl Cache {
    /// What counts for the thread, if this is its cache.
    #[inline]
    pub(crate) fn watch(&self) -> Option<&'static Watch> {
        if self.interval.get() == 0 { None } else { self.watch.get() }
    }

    /// The bytes between samples on average, if this counts; else zero.
    #[inline(always)]
    pub(crate) fn interval(&self) -> usize {
        self.interval.get()
    }

    /// What counts in place of this cache, which has a heap, from now on; `None` if memory is out.
    pub(crate) fn watched(&'static self, interval: usize) -> Option<&'static Watch> {
        let heap = self.heap.get()?;
        if self.watch.get().is_none() {
            self.watch.set(Some(Watch::map()?));
        }
        let watch = self.watch.get()?;
        let own = watch.own.open(heap);
        own.watch.set(Some(watch));
        own.interval.set(interval);
        watch.under.set(Some(self));
        watch.busy.set(false);
        if watch.random.get() == 0 {
            let place = core::ptr::from_ref(own).addr();
            watch.random.set((sys::random() ^ place) as u64 | 1);
        }
        Bin::all().for_each(|bin| watch.draw(bin));
        watch.bytes.set(bytes_before_next(interval, watch.random()));
        Some(watch)
    }
}

impl Watch {
    /// It stays mapped, with the cache that it is for.
    fn map() -> Option<&'static Self> {
        let memory = sys::map(size_of::<Self>()).ok()?;
        // SAFETY: fresh memory is zero, which is one never opened; it is never given back.
        Some(unsafe { memory.cast::<Self>().as_ref() })
    }

    /// The cache that the thread's slot points at.
    pub(crate) fn cache(&'static self) -> &'static Cache {
        &self.own.cache
    }

    /// The thread's cache below.
    pub(crate) fn under(&self) -> Option<&'static Cache> {
        self.under.get()
    }

    /// The bytes between samples on average.
    pub(crate) fn interval(&self) -> usize {
        self.own.cache.interval.get()
    }

    /// A random word.
    fn random(&self) -> u64 {
        self.random.set(sampling::next_random(self.random.get()));
        sampling::scrambled(self.random.get())
    }

    fn draw(&self, bin: Bin) {
        let (size, interval) = (bin.shape().block_size as usize, self.interval());
        self.until[bin.index()].set(blocks_before_next(size, interval, self.random()));
    }

    /// Whether the block of a bin that is wanted now, and isn't in the stack, is to be sampled.
    pub(crate) fn is_due(&self, bin: Bin) -> bool {
        if self.until[bin.index()].get() != 0 {
            return false;
        }
        self.draw(bin);
        !self.busy.get()
    }

    /// Whether a large block of so many bytes is to be sampled.
    pub(crate) fn is_large_due(&self, bytes: usize) -> bool {
        let left = self.bytes.get();
        if bytes as u64 <= left {
            self.bytes.set(left - bytes as u64);
            return false;
        }
        self.bytes.set(bytes_before_next(self.interval(), self.random()));
        !self.busy.get()
    }

    /// Does something that isn't sampled itself.
    pub(crate) fn while_busy<T>(&self, act: impl FnOnce() -> T) -> T {
        let was = self.busy.replace(true);
        let done = act();
        self.busy.set(was);
        done
    }

    /// A block of a bin whose stack is empty, and more onto the stack; null if memory is out.
    pub(crate) fn refill(&self, mark: Mark, bin: Bin) -> (*mut u8, Visit) {
        let Some(under) = self.under.get() else { return (null_mut(), Visit::NONE) };
        let (mut first, mut visit) = (under.pop(bin), Visit::NONE);
        if first.is_null() {
            (first, visit) = under.refill(mark, bin);
        }
        if first.is_null() {
            return (first, visit);
        }
        if !self.own.cache.has_stack(bin) {
            self.own.cache.grow_stack(bin);
        }
        // What was drawn while a sample is taken may say none at all.
        let until = self.until[bin.index()].get().saturating_sub(1);
        let more = (self.own.cache.stack_size(bin) as u64)
            .min(u64::from(bin.shape().stack / PARTS))
            .min(until);
        let moved = (0..more).take_while(|_| self.move_up(under, bin)).count();
        self.until[bin.index()].set(until - moved as u64);
        (first, visit)
    }

    /// Puts one more block of a bin on its stack; returns whether there was one.
    fn move_up(&self, under: &Cache, bin: Bin) -> bool {
        let block = under.pop(bin);
        !block.is_null() && self.own.cache.push(bin, block)
    }

    /// Frees a block of the thread's heap, if there is room for it; returns whether there was. What comes onto a
    /// stack here is counted, and what may not come is the cache's below.
    #[inline]
    pub(crate) fn push(&self, bin: Bin, block: *mut u8) -> bool {
        let until = self.until[bin.index()].get();
        if until != 0 && self.own.cache.push(bin, block) {
            self.until[bin.index()].set(until - 1);
            return true;
        }
        self.under.get().is_some_and(|under| under.push(bin, block))
    }

    /// Frees a block of the thread's heap.
    pub(crate) fn free(&self, mark: Mark, bin: Bin, block: *mut u8) -> Option<Visit> {
        if self.push(bin, block) {
            return None;
        }
        self.under.get()?.free_local(mark, bin, block)
    }

    /// Counts no more: its blocks go to the thread's cache.
    pub(crate) fn close(&self, mark: Mark) -> Visit {
        let mut visit = self.own.cache.flush_outbox();
        let Some(under) = self.under.get() else { return visit };
        for bin in Bin::all() {
            for &block in self.own.cache.empty(bin) {
                if let Some(more) = under.free_local(mark, bin, block) {
                    visit = more.and(visit);
                }
            }
        }
        visit
    }
}
