//! A thread's cache: for each bin a stack of free blocks, and the fast paths over it.
//!
//! The stacks hold addresses; neither path touches a block. They are bounded, so that what a thread
//! holds back is bounded; half of a full one goes back to the heap at once, and an empty one is
//! filled by half.

pub(crate) mod slot;
pub(crate) mod watch;

mod outbox;

use core::{
    cell::{Cell, UnsafeCell},
    ptr::null_mut,
    sync::atomic::{Ordering, compiler_fence},
};

use crate::{
    books::{
        area::Area,
        broken::{Broken, expect},
        owner::Owner,
        poison, report,
        slab::BadFree,
    },
    cache::watch::Watch,
    heap::{Heap, Stock, Visit, inbox::Batch, pools::Pools},
    plan::{
        bins::{BINS, Bin, SHAPES},
        geometry::{AREA_SHIFT, TILE_SHIFT, TILES},
    },
    sys::{self, lock::Mark},
};

/// Batches that a thread fills at the same time.
const OUTBOX: usize = 32;

/// Nulls below the first block of a stack.
const NULLS: usize = 2;

/// The slots of all stacks: each has some more than it holds, for the nulls below its first block.
const STACK_SLOTS: usize = {
    let mut slots = NULLS;
    let mut bin = 1;
    while bin < BINS {
        slots += SHAPES[bin].stack as usize + NULLS;
        bin += 1;
    }
    slots
};

/// A thread's cache, without its stacks.
///
/// A thread that is at home in an area has its cache at the area's start: an address lies in the
/// area exactly if it agrees with the cache's own in all but the low 36 bits.
///
/// # Invariants
///
/// - [CACHE-1: sole] Only the thread whose slot points at it touches it.
/// - [CACHE-2: tops] For each bin, `tops` points at the newest block of the stack, or at the upper of the two
///   nulls below the first; `limits` at the last slot. For [`NO_BIN`] both point at the upper null.
/// - [CACHE-3: free] The blocks in a stack are free, of its bin, in areas of `heap`, and in no bit map.
/// - [CACHE-4: tiles] `tiles` is zero, unless the cache is at the start of an [`Area`]; then it is their number.
#[repr(C, align(16))]
pub(crate) struct Cache {
    /// The tiles of the area that the cache is at home in.
    tiles: Cell<usize>,
    tops: [Cell<*mut *mut u8>; BINS],
    limits: [Cell<*mut *mut u8>; BINS],
    /// The tops when they were last looked at for idle bins; null at first.
    seen: [Cell<*mut *mut u8>; BINS],
    heap: Cell<Option<&'static Heap>>,
    outbox: [Cell<*mut Batch>; OUTBOX],
    /// What counts in place of this while allocations are sampled, or what this is the cache of.
    watch: Cell<Option<&'static Watch>>,
    /// The bytes between samples on average, where this is the cache that counts; else zero.
    interval: Cell<usize>,
    /// The next cache without a thread, in the list of those.
    pub(crate) next_idle: Cell<*const Cache>,
}

/// A cache with its stacks. All zero is one that was never opened.
#[repr(C)]
pub(crate) struct CacheWithStacks {
    pub(crate) cache: Cache,
    stacks: UnsafeCell<[*mut u8; STACK_SLOTS]>,
}

// SAFETY: [CACHE-1] keeps threads apart.
unsafe impl Sync for Cache {}

/// The empty stack of caches that have none.
struct NoStack(UnsafeCell<[*mut u8; NULLS]>);

// SAFETY: it is never written: an empty stack isn't popped, and a full one not pushed.
unsafe impl Sync for NoStack {}

impl NoStack {
    /// The upper of its nulls.
    const fn top(&self) -> *mut *mut u8 {
        self.0.get().cast::<*mut u8>().wrapping_add(NULLS - 1)
    }
}

static NO_STACK: NoStack = NoStack(UnsafeCell::new([null_mut(); NULLS]));

/// The cache of threads that were never seen.
pub(crate) static NEW_THREAD: Cache = Cache::with_nothing();
/// The cache of threads whose exit was seen: they don't get one again.
pub(crate) static ENDED_THREAD: Cache = Cache::with_nothing();

impl Cache {
    const fn with_nothing() -> Self {
        Self {
            tiles: Cell::new(0),
            tops: [const { Cell::new(NO_STACK.top()) }; BINS],
            limits: [const { Cell::new(NO_STACK.top()) }; BINS],
            seen: [const { Cell::new(null_mut()) }; BINS],
            heap: Cell::new(None),
            outbox: [const { Cell::new(null_mut()) }; OUTBOX],
            watch: Cell::new(None),
            interval: Cell::new(0),
            next_idle: Cell::new(core::ptr::null()),
        }
    }

    /// The heap that its blocks are of; `None` in the caches that have nothing.
    pub(crate) fn heap(&self) -> Option<&'static Heap> {
        self.heap.get()
    }

    /// Whether the blocks of this owner are its own.
    #[inline(always)]
    pub(crate) fn is_of(&self, owner: Owner) -> bool {
        self.heap.get().is_some_and(|heap| {
            core::ptr::from_ref(heap).cast() == owner.heap::<()>().as_ptr().cast_const()
        })
    }

    /// What the thread marks locks with.
    pub(crate) fn mark(&self) -> Mark {
        Mark::new(core::ptr::from_ref(self).addr())
    }

    /// Takes the newest block of a bin; null if there is none, or if it is in the stack twice.
    ///
    /// One comparison finds both: below the first block lie two nulls.
    #[inline(always)]
    pub(crate) fn pop(&self, bin: Bin) -> *mut u8 {
        let top = &self.tops[bin.index()];
        // SAFETY: [CACHE-2: tops] the top is a slot of the stack, or the upper null: below either there is a slot.
        unsafe {
            let slot = top.get();
            let (block, below) = (*slot, slot.sub(1));
            if block == *below {
                return null_mut();
            }
            // Said for callers that ask: a null at the top has another below.
            core::hint::assert_unchecked(!block.is_null());
            top.set(below);
            poison::used(bin, block);
            block
        }
    }

    /// The newest block of a bin; null if there is none.
    pub(crate) fn newest(&self, bin: Bin) -> *mut u8 {
        // SAFETY: [CACHE-2] the top is a slot of the stack, or the upper null.
        unsafe { *self.tops[bin.index()].get() }
    }

    /// Puts a block on the stack of its bin; says whether there was room.
    #[inline(always)]
    pub(crate) fn push(&self, bin: Bin, block: *mut u8) -> bool {
        let top = &self.tops[bin.index()];
        let slot = top.get();
        if slot == self.limits[bin.index()].get() {
            return false;
        }
        // SAFETY: [CACHE-2: tops] below the limit there is one more slot.
        unsafe {
            let slot = slot.add(1);
            *slot = block;
            top.set(slot);
        }
        poison::freed(bin, block);
        true
    }

    /// The bin of the slab that an address lies in; `None` outside of the area that the cache is at home
    /// in, and for what isn't aligned to `ALIGN`, 16 at most.
    #[inline(always)]
    pub(crate) fn bin_of<const ALIGN: usize>(&self, address: *mut u8) -> Option<Bin> {
        let low = const { ALIGN.trailing_zeros() };
        let distance = address.addr() ^ core::ptr::from_ref(self).addr();
        // Low bits that are set become high ones: no tile has so high a number.
        let tile = distance.rotate_right(low) >> (TILE_SHIFT - low);
        if tile >= self.tiles.get() {
            return None;
        }
        // SAFETY: [CACHE-4] the cache starts an area, which has so many tiles.
        Some(unsafe { Area::bin_at(core::ptr::from_ref(self).addr(), tile) })
    }

    /// Notes that it stands at the start of an area.
    pub(crate) fn settle(&self) {
        self.tiles.set(TILES);
    }

    /// Whether an address lies in the area that the cache is at home in.
    #[inline(always)]
    pub(crate) fn is_home_of(&self, address: *mut u8) -> bool {
        (address.addr() ^ core::ptr::from_ref(self).addr()) >> AREA_SHIFT == 0
    }

    /// A block of a bin whose stack is empty; null if memory is out.
    pub(crate) fn refill(&self, mark: Mark, bin: Bin) -> (*mut u8, Visit) {
        let Some(heap) = self.heap.get() else { return (null_mut(), Visit::NONE) };
        let twice = self.newest(bin);
        if !twice.is_null() {
            report::bad_free(bin, BadFree::Twice(twice));
        }
        let visit = heap.refill(mark, self, bin);
        (self.pop(bin), visit)
    }

    /// The slots above the blocks in the stack of a bin.
    #[expect(
        clippy::mut_from_ref,
        reason = "the stacks are the thread's alone, and this slice's user"
    )]
    fn free_slots(&self, bin: Bin) -> &mut [*mut u8] {
        // SAFETY: [CACHE-2] from above the top to the limit are slots of this stack; [CACHE-1] the thread's own.
        unsafe {
            let top = self.tops[bin.index()].get();
            let count = self.limits[bin.index()].get().offset_from(top).unsigned_abs();
            core::slice::from_raw_parts_mut(top.add(1), count)
        }
    }

    /// Frees a block of this heap whose stack is full: the older half of it goes back.
    #[inline(never)]
    pub(crate) fn drain(&self, mark: Mark, bin: Bin, block: *mut u8) -> Visit {
        let Some(heap) = self.heap.get() else { return Visit::NONE };
        let stack = bin.shape().stack as usize;
        let half = stack / 2;
        // SAFETY: [CACHE-2] the stack is full, so its blocks are the `stack` slots up to the top.
        let slots = unsafe {
            core::slice::from_raw_parts_mut(self.tops[bin.index()].get().sub(stack - 1), stack)
        };
        // SAFETY: a stack holds free blocks of its bin, all of the cache's heap.
        let visit = heap.drain(mark, |pools| unsafe { pools.give(bin, &slots[..half]) });
        let top = self.tops[bin.index()].replace(slots.as_mut_ptr().wrapping_sub(1));
        // A signal handler that ends the process here must not find blocks twice: see `check`.
        compiler_fence(Ordering::Release);
        slots.copy_within(half.., 0);
        compiler_fence(Ordering::Release);
        self.tops[bin.index()].set(top.wrapping_sub(half));
        self.push(bin, block);
        visit
    }

    /// Takes all blocks out of the stack of a bin.
    fn empty(&self, bin: Bin) -> &[*mut u8] {
        let blocks = self.stack(bin);
        self.tops[bin.index()].set(blocks.as_ptr().cast_mut().wrapping_sub(1));
        blocks
    }

    /// Frees a block of this heap, in whichever of its areas.
    pub(crate) fn free_local(&self, mark: Mark, bin: Bin, block: *mut u8) -> Option<Visit> {
        if let Some(watch) = self.watch() {
            return watch.free(mark, bin, block);
        }
        (!self.push(bin, block)).then(|| self.drain(mark, bin, block))
    }

    /// Gives every block that the thread holds back to the heaps.
    pub(crate) fn flush(&self, mark: Mark) -> Visit {
        let sent = self.flush_outbox();
        let Some(heap) = self.heap.get() else { return sent };
        heap.drain(mark, |pools| self.empty_all(pools)).and(sent)
    }

    /// Gives every block back as its thread ends, and leaves the heap at rest.
    pub(crate) fn retire(&self, mark: Mark) -> Visit {
        let sent = self.flush_outbox();
        let Some(heap) = self.heap.get() else { return sent };
        let visit = heap.rest(mark, |pools| self.empty_all(pools)).and(sent);
        if !heap.keeps_books(mark) {
            self.purge_stacks();
        }
        visit
    }

    /// Gives the memory behind its stacks back, which are empty, if nobody works with the cache.
    pub(crate) fn purge_stacks(&self) {
        // [CACHE-2] from the first slot but one to the last.
        let (first, last) = (self.limits[Bin::NONE.index()].get(), self.limits[BINS - 1].get());
        let start = sys::round_to_pages(first.addr());
        let size = (last.addr() & !(sys::round_to_pages(1) - 1)).saturating_sub(start);
        // Zero is what lies below the first block of a stack.
        // SAFETY: whole pages of the stacks' slots, which hold nothing but zeroes that are needed.
        unsafe { sys::purge(first.cast::<u8>().with_addr(start), size) };
    }

    fn empty_all(&self, pools: &mut Pools) {
        for bin in Bin::all() {
            // SAFETY: a stack holds free blocks of its bin, all of the cache's heap.
            unsafe { pools.give(bin, self.empty(bin)) };
        }
    }

    /// The blocks in the stack of a bin, oldest first.
    fn stack(&self, bin: Bin) -> &[*mut u8] {
        // SAFETY: [CACHE-2] the limit is `stack` slots above the upper null, where the top is at least; the
        // blocks lie between.
        unsafe {
            let bottom = self.limits[bin.index()].get().sub(bin.shape().stack as usize);
            let held = self.tops[bin.index()].get().offset_from(bottom).unsigned_abs();
            core::slice::from_raw_parts(bottom.add(1), held)
        }
    }

    /// Checks the stacks of the calling thread's cache. O(blocks in the stacks).
    pub(crate) fn validate(&self) -> Result<(), Broken> {
        let Some(heap) = self.heap.get() else { return Ok(()) };
        let mut pools = heap.pools(self.mark());
        for bin in Bin::all() {
            let (top, limit) = (self.tops[bin.index()].get(), self.limits[bin.index()].get());
            let bottom = limit.wrapping_sub(bin.shape().stack as usize);
            expect(bottom <= top && top <= limit, "CACHE-2: tops")?;
            for &block in self.stack(bin) {
                expect(pools.has(block), "CACHE-3: free")?;
                // SAFETY: the block is of this heap.
                expect(unsafe { pools.is_out(block, bin) }, "CACHE-3: free")?;
            }
        }
        Ok(())
    }

    /// Ends the process with a report if something in a stack isn't a block, or is there twice.
    ///
    /// O(the squares of the stacks' heights).
    pub(crate) fn check(&self) {
        if self.heap.get().is_none() {
            return;
        }
        for bin in Bin::all() {
            let blocks = self.stack(bin);
            for (index, &block) in blocks.iter().enumerate() {
                if !bin.shape().is_start(block) {
                    report::bad_free(bin, BadFree::NotABlock(block));
                }
                if blocks[..index].contains(&block) {
                    report::bad_free(bin, BadFree::Twice(block));
                }
            }
        }
    }
}

impl Stock for Cache {
    fn stow(&self, bin: Bin, blocks: &[*mut u8]) -> bool {
        let free = self.free_slots(bin);
        let fit = blocks.len() <= free.len();
        if fit {
            free[..blocks.len()].copy_from_slice(blocks);
            self.tops[bin.index()].set(self.tops[bin.index()].get().wrapping_add(blocks.len()));
        }
        fit
    }

    fn fill(&self, bin: Bin, take: impl FnOnce(&mut [*mut u8]) -> usize) {
        let (free, stack) = (self.free_slots(bin), bin.shape().stack as usize);
        let held = stack - free.len();
        if held >= stack / 4 {
            return;
        }
        let slots = &mut free[..stack / 2 - held];
        let count = take(slots);
        // The lowest address is to be popped first.
        slots[..count].reverse();
        self.tops[bin.index()].set(self.tops[bin.index()].get().wrapping_add(count));
    }

    #[cold]
    fn give_idle(&self, pools: &mut Pools, busy: Bin) {
        let partition = busy.shape().partition;
        for bin in Bin::all().filter(|&bin| bin.shape().partition == partition) {
            let top = self.tops[bin.index()].get();
            if bin != busy && self.seen[bin.index()].get() == top {
                // SAFETY: a stack holds free blocks of its bin, all of the cache's heap.
                unsafe { pools.give(bin, self.empty(bin)) };
                pools.retire_empty_slab(bin);
            }
            self.seen[bin.index()].set(self.tops[bin.index()].get());
        }
    }
}

impl CacheWithStacks {
    /// Makes a cache that nobody uses ready to serve blocks of a heap. What it held is forgotten.
    pub(crate) fn open(&'static self, heap: &'static Heap) -> &'static Cache {
        let mut slot: *mut *mut u8 = self.stacks.get().cast();
        for bin in core::iter::once(Bin::NONE).chain(Bin::all()) {
            let size = if bin == Bin::NONE { 0 } else { bin.shape().stack as usize };
            // SAFETY: the slots of all bins add up to STACK_SLOTS.
            unsafe {
                slot = slot.add(NULLS - 1);
                self.cache.tops[bin.index()].set(slot);
                slot = slot.add(size);
                self.cache.limits[bin.index()].set(slot);
                slot = slot.add(1);
            }
        }
        self.cache.outbox.iter().for_each(|batch| batch.set(null_mut()));
        self.cache.heap.set(Some(heap));
        &self.cache
    }

    /// A cache outside of any area, for a thread that shares a heap.
    pub(crate) fn map() -> Option<&'static Self> {
        let memory = sys::map(size_of::<Self>()).ok()?;
        // SAFETY: fresh memory is zero, which is a cache never opened; it is never given back.
        Some(unsafe { memory.cast::<Self>().as_ref() })
    }
}
