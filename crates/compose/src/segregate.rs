//! One allocator for small blocks, and another for large ones.

use core::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator, Owns, ResizeInPlace, Trim, relocate};

/// Serves requests of up to `threshold` bytes from `small`, and the rest from `large`.
///
/// The layout alone says where a block is live, so neither allocator has to know its own: routing is
/// one compare, and none where the layout is a constant.
///
/// ```
/// use core::alloc::Layout;
/// use stratalloc_compose::{Counted, Segregate};
/// use stratalloc_core::{Allocator, Stats, ecosystem::FromGlobal};
///
/// let system = FromGlobal(&std::alloc::System);
/// let both = Segregate::new(256, Counted::new(system), Counted::new(system));
/// let layout = Layout::new::<[u8; 257]>();
/// let block = both.allocate(layout)?.cast();
/// assert_eq!(both.small().stats().allocations, 0);
/// assert_eq!(both.large().stats().live_bytes, 257);
/// // SAFETY: allocated just so.
/// unsafe { both.deallocate(block, layout) };
/// # Ok::<(), stratalloc_core::AllocError>(())
/// ```
///
/// # Invariants
///
/// - [SEGREGATE-1: side] A layout of up to `threshold` bytes fits only blocks that are live in `small`, and
///   a larger one only blocks that are live in `large`. For that, a small block is handed out with no
///   more than `threshold` bytes, even if it has more.
#[derive(Debug)]
pub struct Segregate<A, B> {
    threshold: usize,
    small: A,
    large: B,
}

impl<A, B> Segregate<A, B> {
    /// Blocks of up to `threshold` bytes from `small`, larger ones from `large`.
    pub const fn new(threshold: usize, small: A, large: B) -> Self {
        Self { threshold, small, large }
    }

    /// Returns the largest size, in bytes, that `small` serves.
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// Returns the allocator of small blocks.
    pub const fn small(&self) -> &A {
        &self.small
    }

    /// Returns the allocator of large blocks.
    pub const fn large(&self) -> &B {
        &self.large
    }

    #[inline]
    const fn is_small(&self, layout: Layout) -> bool {
        layout.size() <= self.threshold
    }

    /// Returns a small block, with no more bytes than a small layout can have [SEGREGATE-1].
    #[inline]
    fn capped(&self, block: NonNull<[u8]>) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(block.cast(), block.len().min(self.threshold))
    }
}

// SAFETY: each block is one of the two allocators', which keep the contract, and goes back to that
// one [SEGREGATE-1]; memory of one is never memory of the other.
unsafe impl<A: Allocator, B: Allocator> Allocator for Segregate<A, B> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if self.is_small(layout) {
            self.small.allocate(layout).map(|block| self.capped(block))
        } else {
            self.large.allocate(layout)
        }
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if self.is_small(layout) {
            self.small.allocate_zeroed(layout).map(|block| self.capped(block))
        } else {
            self.large.allocate_zeroed(layout)
        }
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live on the side of its size [SEGREGATE-1], and the layout fits it.
        unsafe {
            if self.is_small(layout) {
                self.small.deallocate(block, layout);
            } else {
                self.large.deallocate(block, layout);
            }
        }
    }

    #[inline]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live on the side of its size [SEGREGATE-1], `old` fits it, and `new` is no smaller, so both
        // blocks hold `old.size()` bytes.
        unsafe {
            match (self.is_small(old), self.is_small(new)) {
                (true, true) => self.small.grow(block, old, new).map(|block| self.capped(block)),
                (true, false) => Ok(relocate(self, self.allocate(new)?, block, old, old.size())),
                (false, _) => self.large.grow(block, old, new),
            }
        }
    }

    #[inline]
    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: as in `grow`.
        unsafe {
            match (self.is_small(old), self.is_small(new)) {
                (true, true) => {
                    self.small.grow_zeroed(block, old, new).map(|block| self.capped(block))
                }
                (true, false) => {
                    Ok(relocate(self, self.allocate_zeroed(new)?, block, old, old.size()))
                }
                (false, _) => self.large.grow_zeroed(block, old, new),
            }
        }
    }

    #[inline]
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live on the side of its size [SEGREGATE-1], `old` fits it, and `new` is no larger, so both
        // blocks hold `new.size()` bytes.
        unsafe {
            match (self.is_small(old), self.is_small(new)) {
                (true, _) => self.small.shrink(block, old, new).map(|block| self.capped(block)),
                (false, true) => Ok(relocate(self, self.allocate(new)?, block, old, new.size())),
                (false, false) => self.large.shrink(block, old, new),
            }
        }
    }
}

stratalloc_core::ecosystem!(impl[A: Allocator, B: Allocator] for Segregate<A, B>);
stratalloc_core::global_alloc!(impl[A: Allocator, B: Allocator] for Segregate<A, B>);

// SAFETY: each block is one of the two allocators', which answer.
unsafe impl<A: Owns, B: Owns> Owns for Segregate<A, B> {
    fn owns(&self, address: NonNull<u8>) -> bool {
        self.small.owns(address) || self.large.owns(address)
    }
}

// SAFETY: the allocator that has the block does it; one that would have to change sides is refused.
unsafe impl<A: ResizeInPlace, B: ResizeInPlace> ResizeInPlace for Segregate<A, B> {
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<(), AllocError> {
        // SAFETY: the block is live on the side of its size [SEGREGATE-1], and `old` fits it.
        unsafe {
            match (self.is_small(old), self.is_small(new)) {
                (true, true) => self.small.resize_in_place(block, old, new),
                (false, false) => self.large.resize_in_place(block, old, new),
                _ => Err(AllocError),
            }
        }
    }
}

impl<A: Trim, B: Trim> Trim for Segregate<A, B> {
    fn trim(&self) -> usize {
        self.small.trim() + self.large.trim()
    }
}
