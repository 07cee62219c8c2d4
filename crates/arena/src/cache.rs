//! A thread's cache: for each bin a stack of free blocks, and the fast paths over it.
//!
//! The stacks hold addresses; neither path touches a block. They are bounded, so that the memory in them is bounded: half
//! of a full stack goes back to the heap at once, and an empty one is filled by half.

pub(crate) mod quarantine;
pub(crate) mod random;
pub(crate) mod slot;
pub(crate) mod waiting;
pub(crate) mod watch;

mod checks;
mod doubles;
mod flush;
mod outbox;
mod places;
mod remote;
mod stacks;
mod stock;

use core::{
    cell::Cell,
    ptr::{NonNull, null_mut},
    sync::atomic::{AtomicPtr, Ordering, compiler_fence},
};

pub(crate) use crate::cache::stacks::{CacheWithStacks, Stacks};

use crate::{
    books::{area::Area, keys, owner::Owner, poison, report, slab::BadFree},
    cache::{outbox::Outbox, quarantine::Quarantine, random::Random, watch::Watch},
    heap::{Heap, Visit},
    plan::{
        bins::{self, BINS, Bin, INSIDE, SMALL_BINS},
        geometry::{AREA_SHIFT, NOWHERE, TILE_SHIFT, TILES, area_with_slab},
    },
    policy::sampling::Rates,
    sys::{lock::Mark, probe::probe},
    thresholds::{KEYED, LEAVES_KEYS},
};

/// The tiles of the partitions whose blocks get keys: frees at home in others aren't for the fast path. The first slabs of larger
/// classes lie among them: a key that a free leaves there only makes the next one slow, where the program didn't write to it.
const KEYED_TILES: usize = if LEAVES_KEYS { bins::tiles_to(KEYED) } else { TILES };

/// A thread's cache, without its stacks.
///
/// A thread that is at home in an area has its cache at the area's start: an address lies in the
/// area exactly if it agrees with the cache's own in all but the low 36 bits.
///
/// # Invariants
///
/// - [CACHE-1: sole] Only the thread whose slot points at it touches it, or the thread that opens it for another.
/// - [CACHE-2: tops] For each bin, `tops` points at the newest block of the stack, or at the upper of the two
///   nulls below the first; `limits` at the last slot. For [`Bin::NONE`], and bins that have no stack yet, both point
///   at the upper null of one that is empty for ever.
/// - [CACHE-3: free] The blocks in a stack are free, lie in slabs of its bin in areas of `heap`, and have no bit set.
/// - [CACHE-4: tiles] `tiles` is zero, unless the cache is at the start of an [`Area`]; then it is [`KEYED_TILES`], no more
///   than there are, and `inside` is [`INSIDE`].
/// - [CACHE-5: slots] The first `slots_given` slots at `stacks` are those of the stacks that bins have or had, each its
///   own. A bin that has a stack has as many above its nulls as its `sizes`.
/// - [CACHE-6: home] `home` is the cache's own address, if the cache is at the start of an [`Area`]; else it is
///   [`NOWHERE`].
#[repr(C, align(64))]
pub(crate) struct Cache {
    /// The tiles of the area that the cache is at home in, of which its fast path takes blocks back.
    tiles: Cell<usize>,
    /// What tells addresses of that area: a cache elsewhere may lie among them, since what others map may be there too.
    home: Cell<usize>,
    tops: [Cell<*mut *mut u8>; BINS],
    limits: [Cell<*mut *mut u8>; BINS],
    /// For each bin, the low bits that no block of it has set in its address, if the cache is at the start of an [`Area`].
    inside: [Cell<u16>; BINS],
    /// The bins of C's blocks to [`KEYED`] bytes, by the byte: nearer than the table in steps of 16 that all threads share, by
    /// three instructions.
    bins: [Cell<Bin>; SMALL_BINS.len()],
    /// One more than the blocks in each stack at the last look for idle bins; zero at first.
    seen: [Cell<u8>; BINS],
    heap: Cell<Option<&'static Heap>>,
    /// The slots of its stacks, how many of them are given out, and the blocks that each stack holds.
    stacks: Cell<*mut *mut u8>,
    slots_given: Cell<usize>,
    sizes: [Cell<u8>; BINS],
    /// Half of the blocks that the stack held before it grew, if it is refilled for the first time since.
    out: Cell<usize>,
    outbox: Outbox,
    /// The watch that stands in for this cache while allocations are sampled or tagged, or the watch that this is the
    /// cache of.
    watch: Cell<Option<&'static Watch>>,
    /// How often blocks are taken aside, if this is the cache of a watch and any are.
    rates: Cell<Rates>,
    /// Where blocks wait that the thread freed, in the paranoid build, from the first such on.
    quarantine: Cell<Option<&'static Quarantine>>,
    /// Where freed blocks go, in the hardened build.
    pub(crate) random: Random,
    /// The cache of the arena heap in whose scope the thread is, if it is in one.
    pub(crate) scope: Cell<Option<NonNull<Cache>>>,
    /// The next cache without a thread, in the list of those.
    pub(crate) next_idle: Cell<*const Cache>,
}

// SAFETY: [CACHE-1: sole] one thread at a time touches it.
unsafe impl Sync for Cache {}

/// The cache of threads that were never seen.
pub(crate) static NEW_THREAD: Cache = Cache::with_nothing();
/// The cache of threads whose end was seen: they don't get another.
pub(crate) static ENDED_THREAD: Cache = Cache::with_nothing();

impl Cache {
    /// Where the tops, the limits and the sizes of its stacks lie in it.
    pub(crate) const STACKS_AT: [usize; 3] = [
        core::mem::offset_of!(Self, tops),
        core::mem::offset_of!(Self, limits),
        core::mem::offset_of!(Self, sizes),
    ];

    const fn with_nothing() -> Self {
        Self {
            tiles: Cell::new(0),
            home: Cell::new(NOWHERE),
            tops: [const { Cell::new(stacks::no_stack()) }; BINS],
            limits: [const { Cell::new(stacks::no_stack()) }; BINS],
            inside: [const { Cell::new(0) }; BINS],
            bins: [const { Cell::new(Bin::NONE) }; SMALL_BINS.len()],
            seen: [const { Cell::new(0) }; BINS],
            heap: Cell::new(None),
            stacks: Cell::new(null_mut()),
            slots_given: Cell::new(0),
            sizes: [const { Cell::new(0) }; BINS],
            out: Cell::new(0),
            outbox: Outbox::new(),
            watch: Cell::new(None),
            rates: Cell::new(Rates::NONE),
            quarantine: Cell::new(None),
            random: Random::new(),
            scope: Cell::new(None),
            next_idle: Cell::new(core::ptr::null()),
        }
    }

    /// The heap that owns its blocks; `None` in the two caches that have nothing.
    pub(crate) fn heap(&self) -> Option<&'static Heap> {
        self.heap.get()
    }

    /// The quarantine of the thread whose own cache this is, which gets one; `None` if it has no heap, or memory is out.
    #[inline(always)]
    pub(crate) fn quarantine(&self) -> Option<&'static Quarantine> {
        if self.quarantine.get().is_none() && self.heap.get().is_some() {
            self.quarantine.set(Quarantine::map());
        }
        self.quarantine.get()
    }

    /// The same, if there is one already.
    pub(crate) fn known_quarantine(&self) -> Option<&'static Quarantine> {
        self.quarantine.get()
    }

    /// Whether the blocks of this owner are its own.
    #[inline(always)]
    pub(crate) fn is_of(&self, owner: Owner) -> bool {
        self.heap.get().is_some_and(|heap| {
            core::ptr::from_ref(heap).cast() == owner.heap::<()>().as_ptr().cast_const()
        })
    }

    /// The mark that the thread puts on locks: the same whether a watch stands in place of its cache or not.
    pub(crate) fn mark(&self) -> Mark {
        let own = self.watch().and_then(Watch::under).unwrap_or(self);
        Mark::new(core::ptr::from_ref(own).addr())
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
            let block = *slot;
            if block == *slot.sub(1) {
                return null_mut();
            }
            // So that callers need no test for null: a null at the top has another below it.
            core::hint::assert_unchecked(!block.is_null());
            step(top, -1);
            poison::used(bin, block);
            block
        }
    }

    /// A block for `size` bytes, [`KEYED`] at most, aligned as C's blocks are, without the key that may lie in it; null if there
    /// is none at hand.
    #[inline(always)]
    pub(crate) fn pop_small_c(&self, size: usize) -> *mut u8 {
        let block = self.bins.get(size).map_or(null_mut(), |bin| self.pop(bin.get()));
        if LEAVES_KEYS && !block.is_null() {
            // SAFETY: the block was free, and is the caller's now.
            unsafe { keys::leave(block, 0) };
        }
        block
    }

    /// The newest block of a bin; null if there is none.
    #[inline(always)]
    pub(crate) fn newest(&self, bin: Bin) -> *mut u8 {
        // SAFETY: [CACHE-2: tops] the top is a slot of the stack, or the upper null.
        unsafe { *self.tops[bin.index()].get() }
    }

    /// Puts a block on the stack of its bin; returns whether there was room.
    ///
    /// # Safety
    ///
    /// The block lies in a slab of the bin of this cache's heap, and nobody uses it any more. A null, or an address that a
    /// program wrongly freed, is reported later.
    #[inline(always)]
    pub(crate) unsafe fn push(&self, bin: Bin, block: *mut u8) -> bool {
        let top = &self.tops[bin.index()];
        let slot = top.get();
        if slot == self.limits[bin.index()].get() {
            return false;
        }
        // SAFETY: [CACHE-2: tops] below the limit there is one more slot.
        unsafe {
            *slot.add(1) = block;
            step(top, 1);
        }
        poison::freed(bin, block);
        true
    }

    /// Puts a block that the program frees on the stack of its bin; returns whether it did. It doesn't if there is no room,
    /// or if the block is the newest there: then it was just freed.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push).
    #[inline(always)]
    pub(crate) unsafe fn push_unless_newest(&self, bin: Bin, block: *mut u8) -> bool {
        // SAFETY: this function's contract is the same.
        self.newest(bin) != block && unsafe { self.push(bin, block) }
    }

    /// The same, with a key left in the block, where it gets one; it stays also if it may be free already.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push); a block of the bin starts there.
    #[inline(always)]
    pub(crate) unsafe fn push_freed(&self, bin: Bin, block: *mut u8) -> bool {
        // SAFETY: this function's contract is the same.
        unsafe {
            let done = !self.may_have(bin, block) && self.push_at_random(bin, block);
            if done {
                keys::leave_any(bin, block);
            }
            done
        }
    }

    /// The same, for a block in one of the `tiles` of the area that the cache is at home in, or an address there that isn't
    /// in a slab.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push); a block of the bin starts there, if it isn't [`Bin::NONE`].
    #[inline(always)]
    pub(crate) unsafe fn push_at_home(&self, bin: Bin, block: *mut u8) -> bool {
        if !LEAVES_KEYS {
            // SAFETY: this function's contract is the same.
            return unsafe { self.push_unless_newest(bin, block) };
        }
        let (top, key) = (&self.tops[bin.index()], core::ptr::from_ref(self).addr());
        let slot = top.get();
        if slot == self.limits[bin.index()].get() {
            return false;
        }
        // SAFETY: the stack has room, so the bin isn't that of no slab [CACHE-2: tops], and a block starts there, which is
        // given up, by this function's contract; the area is the cache's own place. Below the limit there is one more slot.
        unsafe {
            if keys::lies_in(block, key) {
                return false;
            }
            keys::leave(block, key);
            *slot.add(1) = block;
            step(top, 1);
        }
        true
    }

    /// Whether a block of a bin may start at an address of the area that the cache is at home in, by its low bits: of a size
    /// that isn't a power of two, those of its largest divisor that is one.
    #[inline(always)]
    pub(crate) fn may_start(&self, bin: Bin, address: *mut u8) -> bool {
        address.addr() as u16 & self.inside[bin.index()].get() == 0
    }

    /// The bin of the slab that an address lies in; `None` outside of the area that the cache is at home in, and for an
    /// address that isn't aligned to `ALIGN`, 16 at most.
    #[inline(always)]
    pub(crate) fn bin_of<const ALIGN: usize>(&self, address: *mut u8) -> Option<Bin> {
        let low = const { ALIGN.trailing_zeros() };
        let distance = address.addr() ^ core::ptr::from_ref(self).addr();
        // Low bits that are set become high ones: no tile has so high a number.
        let tile = distance.rotate_right(low) >> (TILE_SHIFT - low);
        if tile >= self.tiles.get() {
            return None;
        }
        // SAFETY: [CACHE-4: tiles] the cache starts an area, which has so many tiles.
        Some(unsafe { Area::bin_at(core::ptr::from_ref(self).addr(), tile) })
    }

    /// Frees a block at home whose bin has no keys, if the stack has room, and the block isn't one of its two newest; returns
    /// whether it did.
    ///
    /// # Safety
    ///
    /// The block is live and given up, or not in a slab of the area that the cache is at home in.
    #[inline(always)]
    pub(crate) unsafe fn push_unkeyed(&self, block: *mut u8) -> bool {
        let start = core::ptr::from_ref(self).addr();
        if area_with_slab(block) != start || !self.is_at_home() {
            return false;
        }
        // SAFETY: the cache is at the start of an area, which has so many tiles.
        let bin = unsafe { Area::bin_at(start, (block.addr() >> TILE_SHIFT) % TILES) };
        let may_be = !keys::has_keys(bin) && self.may_start(bin, block);
        // SAFETY: [AREA-2: tiles] the block lies in a slab of the bin, unless that is none, whose stack has no room; it is given
        // up, by this function's contract.
        may_be && !self.is_among_newest(bin, block) && unsafe { self.push(bin, block) }
    }

    /// Notes that it stands at the start of an area.
    pub(crate) fn move_in(&self) {
        self.tiles.set(KEYED_TILES);
        self.inside.iter().zip(INSIDE).for_each(|(bits, inside)| bits.set(inside));
        self.home.set(core::ptr::from_ref(self).addr());
    }

    /// Whether it stands at the start of an area.
    pub(crate) fn is_at_home(&self) -> bool {
        self.tiles.get() != 0
    }

    /// Whether an address lies in the area that the cache is at home in.
    #[inline(always)]
    pub(crate) fn is_home_of(&self, address: *mut u8) -> bool {
        (address.addr() ^ self.home.get()) >> AREA_SHIFT == 0
    }

    /// Takes a block of a bin whose stack is empty, and fills the stack by half; null if memory is out.
    pub(crate) fn refill(&self, mark: Mark, bin: Bin) -> (*mut u8, Visit) {
        let Some(heap) = self.heap.get() else { return (null_mut(), Visit::NONE) };
        let twice = self.newest(bin);
        if !twice.is_null() {
            report::bad_free(bin, BadFree::Twice(twice));
        }
        probe!("refill", bin.shape().block_size as usize, core::ptr::from_ref(heap).addr());
        let before = self.stack_size(bin);
        let grows = before < bin.shape().stack as usize && self.grow_stack(bin);
        self.out.set(if grows { before / 2 } else { 0 });
        let visit = heap.refill(mark, self, bin);
        (self.pop(bin), visit)
    }

    /// The slots above the blocks in the stack of a bin.
    #[expect(
        clippy::mut_from_ref,
        reason = "the stacks are the thread's alone, and this slice's user"
    )]
    fn free_slots(&self, bin: Bin) -> &mut [*mut u8] {
        // SAFETY: [CACHE-2: tops] from above the top to the limit are slots of this stack; [CACHE-1: sole] they are the
        // thread's own.
        unsafe {
            let top = self.tops[bin.index()].get();
            let count = self.limits[bin.index()].get().offset_from(top).unsigned_abs();
            core::slice::from_raw_parts_mut(top.add(1), count)
        }
    }

    /// Frees a block of this heap whose stack is full, or doesn't exist yet, or that may be free. Of a full stack, the older
    /// half goes back. The process ends with a report if the block is free.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push); a block of the bin starts there.
    #[inline(never)]
    pub(crate) unsafe fn drain(&self, mark: Mark, bin: Bin, block: *mut u8) -> Visit {
        let Some(heap) = self.heap.get() else { return Visit::NONE };
        // SAFETY: this function's contract is the same.
        unsafe {
            let may_be_free = self.may_have(bin, block);
            let seen =
                if may_be_free { self.check_used(mark, heap, bin, block) } else { Visit::NONE };
            keys::leave_any(bin, block);
            self.put(mark, heap, bin, block).and(seen)
        }
    }

    /// Puts a free block of this heap on the stack of its bin. Of a full stack, the older half goes back to the heap.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push).
    unsafe fn put(&self, mark: Mark, heap: &Heap, bin: Bin, block: *mut u8) -> Visit {
        // SAFETY: this function's contract is the same.
        unsafe {
            if self.push_at_random(bin, block)
                || self.grow_stack(bin) && self.push_at_random(bin, block)
            {
                return Visit::NONE;
            }
            self.drain_full(mark, heap, bin, block)
        }
    }

    /// Gives the older half of a full stack back to the heap, and puts a block there.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push).
    unsafe fn drain_full(&self, mark: Mark, heap: &Heap, bin: Bin, block: *mut u8) -> Visit {
        let stack = bin.shape().stack as usize;
        let half = stack / 2;
        // SAFETY: [CACHE-2: tops] the stack is full, so its blocks are the `stack` slots up to the top.
        let slots = unsafe {
            core::slice::from_raw_parts_mut(self.tops[bin.index()].get().sub(stack - 1), stack)
        };
        // SAFETY: [CACHE-3: free] the stack holds free blocks in slabs of its bin, all of the cache's heap.
        let visit = heap.drain(mark, |pools| unsafe { pools.give(bin, &slots[..half]) });
        let top = self.tops[bin.index()].replace(slots.as_mut_ptr().wrapping_sub(1));
        // A signal handler that ends the process here must not find blocks twice: see `check`.
        compiler_fence(Ordering::Release);
        slots.copy_within(half.., 0);
        compiler_fence(Ordering::Release);
        self.tops[bin.index()].set(top.wrapping_sub(half));
        // SAFETY: this function's contract is the same.
        unsafe { self.push_at_random(bin, block) };
        visit
    }

    /// Frees a block of this heap, in any of its areas.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push).
    pub(crate) unsafe fn free_local(&self, mark: Mark, bin: Bin, block: *mut u8) -> Option<Visit> {
        // SAFETY: this function's contract is the same.
        unsafe {
            match self.watch() {
                Some(watch) => watch.free(mark, bin, block),
                None => (!self.push_freed(bin, block)).then(|| self.drain(mark, bin, block)),
            }
        }
    }

    /// The blocks in the stack of a bin, oldest first.
    fn stack(&self, bin: Bin) -> &[*mut u8] {
        let size = self.stack_size(bin);
        if size == 0 {
            return &[];
        }
        // SAFETY: [CACHE-2: tops] the limit is `size` slots above the upper null, and the top is not below that; the
        // blocks lie between.
        unsafe {
            let bottom = self.limits[bin.index()].get().sub(size);
            let held = self.tops[bin.index()].get().offset_from(bottom).unsigned_abs();
            core::slice::from_raw_parts(bottom.add(1), held)
        }
    }
}

/// Moves a top by one slot. It is atomic in name only: the compiler makes one instruction of it, where it would keep the
/// old value in a register for two.
#[inline(always)]
fn step(top: &Cell<*mut *mut u8>, slots: isize) {
    // SAFETY: [CACHE-1: sole] the cell is the thread's own; it has the size and alignment of the pointer in it.
    let top = unsafe { AtomicPtr::from_ptr(top.as_ptr()) };
    top.store(top.load(Ordering::Relaxed).wrapping_offset(slots), Ordering::Relaxed);
}
