//! Watches: caches that count a thread's allocations, in place of its own cache, while some are sampled or fenced.
//!
//! A stack gets as many blocks as may pass before the next that is taken aside, so that the fast path of allocating stays as
//! it is: at their end the stack is empty, and its slow path finds that one is due.
//! A free must not put a block on a stack uncounted. So a watch is at home in no area, and all frees come to the slow path.
//!
//! While the thread is in a tag, the stacks stay empty: all that it allocates comes from the heap of the tag.

mod stay;
mod until;

use core::{cell::Cell, ptr::null_mut};

pub(crate) use crate::cache::watch::{stay::Stay, until::Due};

use crate::{
    books::{keys, report, slab::BadFree},
    cache::{Cache, CacheWithStacks, watch::until::Until},
    heap::Visit,
    plan::bins::Bin,
    policy::sampling::{self, Rates, bytes_before_next},
    sys::{self, lock::Mark},
};

/// A stack gets an eighth of its blocks at a time: the thread's own stack keeps the others, which it freed last.
const PARTS: u32 = 8;

/// A cache that counts. All zero is one that was never opened.
///
/// # Invariants
///
/// - [WATCH-1: sole] Only the thread whose slot points at `own` touches it.
/// - [WATCH-2: counted] While blocks are taken aside: for each bin, so many blocks as are in its stack of `own`, and as many
///   more as `until` says, pass before the next is. While none are, or the thread is in a tag, the stacks of `own` are empty;
///   while none are, `until` is zero.
#[repr(C)]
pub(crate) struct Watch {
    own: CacheWithStacks,
    /// The thread's cache, which has blocks and takes them while this counts.
    under: Cell<Option<&'static Cache>>,
    until: Until,
    /// Bytes of large blocks before the next that is sampled.
    bytes: Cell<u64>,
    random: Cell<u64>,
    /// Whether a sample is being taken: what that allocates isn't sampled.
    busy: Cell<bool>,
    stay: Cell<Stay>,
}

impl Cache {
    /// The watch that this is the cache of, if it is one's.
    #[inline]
    pub(crate) fn watch(&self) -> Option<&'static Watch> {
        self.watch.get().filter(|watch| core::ptr::eq(watch.cache(), self))
    }

    /// The thread's own cache, also where a watch counts in its place.
    #[inline(always)]
    pub(crate) fn own(&'static self) -> &'static Self {
        self.watch().and_then(Watch::under).unwrap_or(self)
    }

    /// How often blocks are taken aside, if this is the cache of a watch and any are.
    #[inline(always)]
    pub(crate) fn rates(&self) -> Rates {
        self.rates.get()
    }

    /// Opens the watch that stands in place of this cache, which has a heap, from now on; `None` if memory is out. Without
    /// any rates it takes no block aside, and is for a stay in tags.
    pub(crate) fn watched(&'static self, rates: Rates) -> Option<&'static Watch> {
        let heap = self.heap.get()?;
        if self.watch.get().is_none() {
            self.watch.set(Some(Watch::map()?));
        }
        let watch = self.watch.get()?;
        watch.stay.set(Stay::default());
        if rates == Rates::NONE && watch.is_closed_over(self) {
            return Some(watch);
        }
        let own = watch.own.open(heap);
        own.watch.set(Some(watch));
        own.rates.set(rates);
        watch.under.set(Some(self));
        watch.busy.set(false);
        watch.begin();
        Some(watch)
    }
}

impl Watch {
    /// Maps one, which stays as the cache that it is for.
    fn map() -> Option<&'static Self> {
        let memory = sys::map(size_of::<Self>()).ok()?;
        // SAFETY: fresh memory is zero, which is one never opened; it is never given back.
        Some(unsafe { memory.cast::<Self>().as_ref() })
    }

    /// The cache that the thread's slot points at.
    pub(crate) fn cache(&'static self) -> &'static Cache {
        &self.own.cache
    }

    /// Whether it stood in place of this cache before, and was closed: all its stacks are empty.
    fn is_closed_over(&self, cache: &Cache) -> bool {
        !self.counts() && self.under().is_some_and(|under| core::ptr::eq(under, cache))
    }

    /// The thread's cache below.
    pub(crate) fn under(&self) -> Option<&'static Cache> {
        self.under.get()
    }

    /// How often blocks are taken aside.
    pub(crate) fn rates(&self) -> Rates {
        self.own.cache.rates.get()
    }

    /// The bytes between samples on average; zero while none are taken.
    pub(crate) fn interval(&self) -> usize {
        self.rates().interval()
    }

    /// Whether any blocks are taken aside.
    fn counts(&self) -> bool {
        self.rates() != Rates::NONE
    }

    /// Begins to count, if any blocks are taken aside.
    fn begin(&self) {
        if !self.counts() {
            return;
        }
        if self.random.get() == 0 {
            let place = core::ptr::from_ref(self).addr();
            self.random.set((sys::random() ^ place) as u64 | 1);
        }
        Bin::all().for_each(|bin| self.until.begin(bin, self.rates(), || self.random()));
        self.bytes.set(bytes_before_next(self.interval(), self.random()));
    }

    /// A random word.
    pub(crate) fn random(&self) -> u64 {
        self.random.set(sampling::next_random(self.random.get()));
        sampling::scrambled(self.random.get())
    }

    /// What is to be done with the block of a bin that is asked for now, while the stack is empty; it counts from now on.
    pub(crate) fn next(&self, bin: Bin) -> Due {
        let due = self.until.pass(bin, self.rates(), || self.random());
        if self.busy.get() { Due::default() } else { due }
    }

    /// Whether to sample a large block of so many bytes.
    pub(crate) fn is_large_due(&self, bytes: usize) -> bool {
        if self.interval() == 0 {
            return false;
        }
        let left = self.bytes.get();
        if bytes as u64 <= left {
            self.bytes.set(left - bytes as u64);
            return false;
        }
        self.bytes.set(bytes_before_next(self.interval(), self.random()));
        !self.busy.get()
    }

    /// Calls `act`, none of whose allocations is taken aside.
    pub(crate) fn while_busy<T>(&self, act: impl FnOnce() -> T) -> T {
        let was = self.busy.replace(true);
        let done = act();
        self.busy.set(was);
        done
    }

    /// Takes a block of a bin whose stack is empty, and which was counted, and puts more onto the stack; null if memory is
    /// out.
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
        let more = (self.own.cache.stack_size(bin) as u64)
            .min(u64::from(bin.shape().stack / PARTS))
            .min(self.until.left(bin));
        let moved = (0..more).take_while(|_| self.move_up(under, bin)).count();
        self.until.count(bin, moved as u64);
        (first, visit)
    }

    /// Puts one more block of a bin on its stack; returns whether there was one.
    fn move_up(&self, under: &Cache, bin: Bin) -> bool {
        let block = under.pop(bin);
        // SAFETY: [CACHE-3: free] a block of the bin out of the cache below, which is of the same heap.
        !block.is_null() && unsafe { self.own.cache.push(bin, block) }
    }

    /// Frees a block of the thread's heap, if there is room for it; returns whether there was. A block that comes onto a
    /// stack here is counted; others go to the cache below.
    ///
    /// # Safety
    ///
    /// As for [`Cache::push`] of the thread's cache.
    #[inline]
    pub(crate) unsafe fn push(&self, bin: Bin, block: *mut u8) -> bool {
        let until = self.until.left(bin);
        // SAFETY: this function's contract is the same; both caches are of the same heap.
        unsafe {
            if until != 0 && self.tag().is_none() && self.own.cache.push(bin, block) {
                self.until.count(bin, 1);
                return true;
            }
            self.under.get().is_some_and(|under| under.push(bin, block))
        }
    }

    /// The same for a block that the program frees: it stays also if it may be free already.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push); a block of the bin starts there.
    #[inline]
    pub(crate) unsafe fn push_freed(&self, bin: Bin, block: *mut u8) -> bool {
        // SAFETY: this function's contract is the same.
        unsafe {
            let done = !self.may_have(bin, block) && self.push(bin, block);
            if done {
                keys::leave_any(bin, block);
            }
            done
        }
    }

    /// Whether a block may be free already, in a stack here or in one of the cache below.
    ///
    /// # Safety
    ///
    /// A block of the bin starts there.
    unsafe fn may_have(&self, bin: Bin, block: *mut u8) -> bool {
        let has = |cache: &Cache| {
            // SAFETY: this function's contract is the same.
            unsafe { cache.may_have(bin, block) }
        };
        // A key is in the block, wherever that is.
        has(&self.own.cache) || !keys::has_keys(bin) && self.under.get().is_some_and(has)
    }

    /// Frees a block in the area that the cache below is at home in, if there is room for it; returns whether it did. What is
    /// no start of a block, or may be free already, stays.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push), but that it may be any address.
    #[inline]
    pub(crate) unsafe fn free_at_home(&self, block: *mut u8) -> bool {
        let bin = self.under.get().and_then(|under| under.bin_of::<1>(block));
        let bin = bin.filter(|bin| bin.shape_at(block).is_start(block));
        // SAFETY: by [AREA-2: tiles] it lies in a slab of this bin of the heap, and a block starts there; it is given up, by this
        // function's contract.
        bin.is_some_and(|bin| unsafe { self.push_freed(bin, block) })
    }

    /// Frees a block of the thread's heap. The process ends with a report if it is free.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push); a block of the bin starts there.
    pub(crate) unsafe fn free(&self, mark: Mark, bin: Bin, block: *mut u8) -> Option<Visit> {
        let under = self.under.get()?;
        // SAFETY: this function's contract is the same.
        unsafe {
            if self.push_freed(bin, block) {
                return None;
            }
            // The cache below looks through both only if one of its own may be it.
            if self.own.cache.may_have(bin, block) && under.holds(bin, block) {
                report::bad_free(bin, BadFree::Twice(block));
            }
            under.free_local(mark, bin, block)
        }
    }

    /// Stops to count: its blocks go to the thread's cache.
    pub(crate) fn close(&self, mark: Mark) -> Visit {
        let visit = self.empty(mark);
        if self.own.cache.rates.replace(Rates::NONE) != Rates::NONE {
            self.until.clear();
        }
        visit
    }

    /// Gives the blocks in its stacks to the thread's cache. They pass later then.
    fn empty(&self, mark: Mark) -> Visit {
        let mut visit = Visit::NONE;
        let Some(under) = self.under.get().filter(|_| self.counts()) else { return visit };
        let Some(heap) = under.heap() else { return visit };
        for bin in Bin::all() {
            let blocks = self.own.cache.empty(bin);
            self.until.take_back(bin, blocks.len() as u64);
            for &block in blocks {
                // SAFETY: [CACHE-3: free] a block of the bin out of a stack, of the same heap.
                visit = unsafe { under.put(mark, heap, bin, block) }.and(visit);
            }
        }
        visit
    }
}
