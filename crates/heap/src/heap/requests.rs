//! How requests are served: the fast paths, and where they lead.
//!
//! ```text
//! take ── quick.pop                                 a block of that length, just freed
//!      ├─ refill ── allocate_cell, allocate           from the bins, or the top
//!      └─ refill_long ── allocate                     longer than the quick lists have
//!          └─ refill_consolidated ── consolidate, drain, obtain
//! give ── release_quick ── quick.push               a short block in one window: nothing else
//!      ├─ give_far ── release_far                     a long one: coalesce, file
//!      └─ give_slow ── release                        of another region, or when the lists are full
//! ```
//!
//! Each function goes on to the next by its last call, so that none saves registers for what it
//! seldom does.

use core::{
    alloc::Layout,
    ptr::{NonNull, null_mut, with_exposed_provenance_mut},
};

use stratalloc_core::{Allocator, diag};

use crate::{
    engine::{Engine, Release, slab::CELL},
    heap::Heap,
    memory::{unused, used},
    policy::Policy,
    quick::QUICK,
    tags::WINDOW,
};

impl<B: Allocator, P: Policy> Heap<B, P> {
    /// Requests beyond this many bytes are long: it may be time to consolidate before they are placed.
    const SHORT: usize = (WINDOW - 1) * P::GRANULE;

    /// At least `request` bytes, aligned to a granule; null if there is no memory.
    #[inline(always)]
    pub(crate) fn take(&self, request: usize) -> *mut u8 {
        let block = self.take_unmarked(request);
        self.mark_used(block);
        block
    }

    /// Marks for `AddressSanitizer` that a block, not at null, is in use.
    #[inline(always)]
    fn mark_used(&self, block: *mut u8) {
        if cfg!(asan) && !block.is_null() {
            // SAFETY: the block is live; the reference ends here [HEAP-1].
            used(block.addr(), unsafe { self.engine().usable(block.addr()) });
        }
    }

    #[inline(always)]
    fn take_unmarked(&self, request: usize) -> *mut u8 {
        if request > QUICK * P::GRANULE {
            return self.refill_long(request);
        }
        // SAFETY: the reference ends here [HEAP-1].
        let address = unsafe { self.engine() }.quick.pop(Engine::<P>::quick_len(request));
        if address != 0 { with_exposed_provenance_mut(address) } else { self.refill(request) }
    }

    #[inline(never)]
    fn refill(&self, request: usize) -> *mut u8 {
        if request > Self::SHORT {
            return self.refill_long(request);
        }
        // SAFETY: the reference ends here [HEAP-1].
        let engine = unsafe { self.engine() };
        let address = if P::CELLS && request <= CELL {
            engine.allocate_cell()
        } else {
            engine.allocate(Engine::<P>::block_size(request))
        };
        if address != 0 {
            with_exposed_provenance_mut(address)
        } else {
            self.refill_consolidated(request)
        }
    }

    #[inline(never)]
    fn refill_long(&self, request: usize) -> *mut u8 {
        // SAFETY: the reference ends here [HEAP-1].
        let engine = unsafe { self.engine() };
        if request > Engine::<P>::MAX || engine.quick.is_worth_consolidating() {
            return self.refill_consolidated(request);
        }
        match engine.allocate(Engine::<P>::block_size(request)) {
            0 => self.refill_consolidated(request),
            address => with_exposed_provenance_mut(address),
        }
    }

    #[cold]
    #[inline(never)]
    fn refill_consolidated(&self, request: usize) -> *mut u8 {
        if request > Engine::<P>::MAX {
            return null_mut();
        }
        let size = Engine::<P>::block_size(request);
        // SAFETY: the reference ends here [HEAP-1].
        unsafe { self.engine() }.consolidate();
        self.with_memory_for(size, |engine| engine.allocate(size))
    }

    /// At least `request` bytes aligned to `align`, which is more than a granule; null if there is
    /// no memory.
    #[inline(never)]
    pub(crate) fn take_aligned(&self, request: usize, align: usize) -> *mut u8 {
        let size = Engine::<P>::block_size(request.min(Engine::<P>::MAX));
        let whole = size.saturating_add(Engine::<P>::slack(align));
        if request > Engine::<P>::MAX || whole > Engine::<P>::MAX {
            return null_mut();
        }
        let block = self.with_memory_for(whole, |engine| engine.allocate_aligned(size, align));
        self.mark_used(block);
        block
    }

    /// Runs `attempt`; and again with what was kept back given up, and with memory of the base for
    /// `size` bytes, until it finds an address.
    #[cold]
    fn with_memory_for(&self, size: usize, attempt: impl Fn(&mut Engine<P>) -> usize) -> *mut u8 {
        // SAFETY: the reference ends before the base is called [HEAP-1].
        let engine = unsafe { self.engine() };
        let mut address = attempt(engine);
        if address == 0 && engine.consolidate() {
            address = attempt(engine);
        }
        if address == 0 && engine.drain_slabs() {
            address = attempt(engine);
        }
        if address == 0 && engine.open(size) {
            address = attempt(engine);
        }
        // Memory that joins a region from below may have to give room to the table of all of it; the
        // next finds that table where it can grow.
        for _ in 0..2 {
            if address == 0 && self.obtain(size) {
                // SAFETY: the reference ends here [HEAP-1].
                let engine = unsafe { self.engine() };
                engine.open(size);
                address = attempt(engine);
            }
        }
        with_exposed_provenance_mut(address)
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// `block` is live in this heap.
    #[inline(always)]
    pub(crate) unsafe fn give(&self, block: NonNull<u8>) {
        if cfg!(debug_assertions) {
            self.expect_live(block);
        }
        // SAFETY: the block is live.
        unsafe { self.take_back(block) }
    }

    /// As [`give`](Self::give), without a look whether the block is live.
    #[inline(always)]
    pub(crate) unsafe fn take_back(&self, block: NonNull<u8>) {
        // SAFETY: the block is live; the reference ends here [HEAP-1].
        unsafe {
            if cfg!(asan) {
                unused(block.addr().get(), self.engine().usable(block.addr().get()));
            }
            match self.engine().release_quick(block.addr().get()) {
                Release::Quick => {}
                Release::Far => self.give_far(block),
                Release::Slow => self.give_slow(block),
            }
        }
    }

    /// A block of the current region that ends in another window than it begins in.
    #[inline(never)]
    unsafe fn give_far(&self, block: NonNull<u8>) {
        // SAFETY: the block is live in the current region; the reference ends before the base is called [HEAP-1].
        unsafe {
            let engine = self.engine();
            if !engine.release_far(block.addr().get()) {
                self.give_slow(block);
            } else if engine.has_emptied {
                self.give_back(true);
            }
        }
    }

    #[inline(never)]
    unsafe fn give_slow(&self, block: NonNull<u8>) {
        // SAFETY: the block is live; the reference ends before the base is called [HEAP-1].
        unsafe {
            let engine = self.engine();
            engine.release(block.addr().get());
            if engine.has_emptied {
                self.give_back(true);
            }
        }
    }

    /// Reports a block that isn't live, and ends the process.
    fn expect_live(&self, block: NonNull<u8>) {
        // SAFETY: the reference ends here [HEAP-1].
        if !unsafe { self.engine() }.looks_live(block.addr().get()) {
            diag::fatal(format_args!("{block:p} is freed or resized, but isn't a live block"));
        }
    }

    /// Resizes a block where it lies, or down into the free block before it: its address, or 0.
    ///
    /// # Safety
    ///
    /// `address` is a live block's.
    pub(crate) unsafe fn resize_near(&self, address: usize, new: Layout) -> usize {
        let request = new.size();
        if address % new.align() != 0 || request > Engine::<P>::MAX {
            return 0;
        }
        // SAFETY: a live block begins at the address; the references end before the base is called [HEAP-1].
        unsafe {
            let engine = self.engine();
            if engine.resize_in_place(address, request) {
                return address;
            }
            let is_long = request > Self::SHORT;
            if is_long && engine.consolidate() && engine.resize_in_place(address, request) {
                return address;
            }
            if engine.open_behind(address, request) && engine.resize_in_place(address, request) {
                return address;
            }
            if new.align() <= P::GRANULE {
                let moved = match engine.resize_to_top(address, request) {
                    0 => engine.resize_down(address, request),
                    moved => moved,
                };
                if moved != 0 {
                    return moved;
                }
            }
            self.resize_at_end(address, request)
        }
    }
}
