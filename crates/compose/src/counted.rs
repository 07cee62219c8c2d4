//! Figures on any allocator.

use core::{
    alloc::Layout,
    ptr::NonNull,
    // Plain atomics, for loom's can't be made in a `const fn`; the figures order no other memory.
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use stratalloc_core::{AllocError, Allocator, Owns, Stats, Trim};

/// Counts what an allocator does, by [`Stats`]. What isn't wrapped in it pays nothing.
///
/// So that the sums come out even, a block is handed out with exactly the bytes asked for, even if
/// it has more: then only one size fits when it is given back.
///
/// Threads may share it, so it is there where the processor can add atomically: not on a Cortex-M0.
/// Each figure is exact once they rest; while they run, a snapshot may show one figure before a
/// request and another after it.
///
/// ```
/// use core::alloc::Layout;
/// use stratalloc_compose::Counted;
/// use stratalloc_core::{Allocator, Stats, ecosystem::FromGlobal};
///
/// let counted = Counted::new(FromGlobal(&std::alloc::System));
/// let layout = Layout::new::<[u8; 100]>();
/// let block = counted.allocate(layout)?.cast();
/// // SAFETY: allocated just so.
/// unsafe { counted.deallocate(block, layout) };
/// let stats = counted.stats();
/// assert_eq!((stats.live_blocks(), stats.live_bytes, stats.peak_bytes), (0, 0, 100));
/// # Ok::<(), stratalloc_core::AllocError>(())
/// ```
#[derive(Debug, Default)]
pub struct Counted<A> {
    allocator: A,
    allocations: AtomicUsize,
    deallocations: AtomicUsize,
    resizes: AtomicUsize,
    failures: AtomicUsize,
    live_bytes: AtomicUsize,
    peak_bytes: AtomicUsize,
}

/// The figures of [`Counted`]; bytes are those asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Blocks allocated.
    pub allocations: usize,
    /// Blocks given back.
    pub deallocations: usize,
    /// Blocks grown or shrunk, moved or not.
    pub resizes: usize,
    /// Requests refused.
    pub failures: usize,
    /// Bytes that are live.
    pub live_bytes: usize,
    /// The most bytes that were live at a time.
    pub peak_bytes: usize,
}

impl Counts {
    /// Blocks that are live.
    pub const fn live_blocks(&self) -> usize {
        self.allocations.wrapping_sub(self.deallocations)
    }
}

impl<A> Counted<A> {
    /// `allocator`, with nothing counted so far. It should have no live block yet.
    pub const fn new(allocator: A) -> Self {
        Self {
            allocator,
            allocations: AtomicUsize::new(0),
            deallocations: AtomicUsize::new(0),
            resizes: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            live_bytes: AtomicUsize::new(0),
            peak_bytes: AtomicUsize::new(0),
        }
    }

    /// Returns the allocator itself; what is allocated there isn't counted.
    pub const fn inner(&self) -> &A {
        &self.allocator
    }

    /// Counts a request that turned `old` bytes into `new`, by `counter`; or a failure.
    #[inline]
    fn count(
        &self,
        counter: &AtomicUsize,
        [old, new]: [usize; 2],
        answer: Result<NonNull<[u8]>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let Ok(block) = answer else {
            self.failures.fetch_add(1, Relaxed);
            return Err(AllocError);
        };
        counter.fetch_add(1, Relaxed);
        if new >= old {
            let live = self.live_bytes.fetch_add(new - old, Relaxed) + (new - old);
            self.peak_bytes.fetch_max(live, Relaxed);
        } else {
            self.live_bytes.fetch_sub(old - new, Relaxed);
        }
        Ok(NonNull::slice_from_raw_parts(block.cast(), new))
    }
}

// SAFETY: each block is the allocator's, which keeps the contract, and handed out with a part of its
// bytes that is enough for its layout.
unsafe impl<A: Allocator> Allocator for Counted<A> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let answer = self.allocator.allocate(layout);
        self.count(&self.allocations, [0, layout.size()], answer)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let answer = self.allocator.allocate_zeroed(layout);
        self.count(&self.allocations, [0, layout.size()], answer)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        self.deallocations.fetch_add(1, Relaxed);
        // Before the block is back: another thread may be given its bytes at once.
        self.live_bytes.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.allocator.deallocate(block, layout) }
    }

    #[inline]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        let answer = unsafe { self.allocator.grow(block, old, new) };
        self.count(&self.resizes, [old.size(), new.size()], answer)
    }

    #[inline]
    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        let answer = unsafe { self.allocator.grow_zeroed(block, old, new) };
        self.count(&self.resizes, [old.size(), new.size()], answer)
    }

    #[inline]
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        let answer = unsafe { self.allocator.shrink(block, old, new) };
        self.count(&self.resizes, [old.size(), new.size()], answer)
    }
}

stratalloc_core::ecosystem!(impl[A: Allocator] for Counted<A>);
stratalloc_core::global_alloc!(impl[A: Allocator] for Counted<A>);

impl<A> Stats for Counted<A> {
    type Snapshot = Counts;

    fn stats(&self) -> Counts {
        Counts {
            allocations: self.allocations.load(Relaxed),
            deallocations: self.deallocations.load(Relaxed),
            resizes: self.resizes.load(Relaxed),
            failures: self.failures.load(Relaxed),
            live_bytes: self.live_bytes.load(Relaxed),
            peak_bytes: self.peak_bytes.load(Relaxed),
        }
    }
}

// SAFETY: each block is the allocator's, which answers.
unsafe impl<A: Owns> Owns for Counted<A> {
    fn owns(&self, address: NonNull<u8>) -> bool {
        self.allocator.owns(address)
    }
}

impl<A: Trim> Trim for Counted<A> {
    fn trim(&self) -> usize {
        self.allocator.trim()
    }
}
