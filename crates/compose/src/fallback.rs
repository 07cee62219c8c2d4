//! One allocator, and another for when it refuses.

use core::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{
    AllocError, Allocator, FreeUnsized, Owns, ResizeInPlace, Trim, UsableSize, relocate,
};

/// Serves from `primary`, and from `secondary` what that refuses: a small fast pool in front of a
/// heap, say, or memory on the stack in front of the system's.
///
/// The primary has to know its blocks by their address; so what the secondary hands out must
/// not be cut from blocks of the primary. Empty layouts go to the secondary, since an empty block may
/// dangle, and then lies in neither.
///
/// ```
/// use core::alloc::Layout;
/// use stratalloc_compose::Fallback;
/// use stratalloc_core::Allocator;
/// # use core::{cell::UnsafeCell, ptr::NonNull};
/// # use stratalloc_core::{AllocError, Owns, ecosystem::FromGlobal};
/// # /// Room for one word.
/// # struct OneWord(UnsafeCell<u64>, core::cell::Cell<bool>);
/// # unsafe impl Allocator for OneWord {
/// #     fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
/// #         if layout.size() > 8 || layout.align() > 8 || self.1.replace(true) {
/// #             return Err(AllocError);
/// #         }
/// #         Ok(NonNull::slice_from_raw_parts(NonNull::new(self.0.get()).unwrap().cast(), 8))
/// #     }
/// #     unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {
/// #         self.1.set(false);
/// #     }
/// # }
/// # unsafe impl Owns for OneWord {
/// #     fn owns(&self, address: NonNull<u8>) -> bool {
/// #         address.as_ptr().cast_const().cast() == self.0.get().cast_const()
/// #     }
/// # }
/// # let one_word = OneWord(UnsafeCell::new(0), false.into());
/// # let system = FromGlobal(&std::alloc::System);
/// // SAFETY: the system's memory isn't that word.
/// let both = unsafe { Fallback::new(one_word, system) };
/// let layout = Layout::new::<u64>();
/// let first = both.allocate(layout)?.cast::<u8>();
/// let second = both.allocate(layout)?.cast::<u8>();
/// assert!(both.primary().owns(first) && !both.primary().owns(second));
/// // SAFETY: allocated just so.
/// unsafe {
///     both.deallocate(first, layout);
///     both.deallocate(second, layout);
/// }
/// # Ok::<(), stratalloc_core::AllocError>(())
/// ```
///
/// # Invariants
///
/// - [FALLBACK-1: side] A block that isn't empty is live in the primary if the primary owns its address,
///   else in the secondary.
/// - [FALLBACK-2: empty] An empty block is live in the secondary.
/// - [FALLBACK-3: apart] No block of the secondary lies in the primary's memory.
///
/// By the last, [`new`](Self::new) is unsafe: safe code can put an allocator on top of any other.
///
/// ```compile_fail,E0133
/// # use stratalloc_compose::Fallback;
/// # use stratalloc_core::{Allocator, Owns};
/// # fn on_top_of(heap: impl Owns + Copy, blocks_cut_from_the_heap: impl Allocator) {
/// let both = Fallback::new(heap, blocks_cut_from_the_heap);
/// # }
/// ```
#[derive(Debug)]
pub struct Fallback<A, B> {
    primary: A,
    secondary: B,
}

impl<A, B> Fallback<A, B> {
    /// `primary` first, then `secondary`.
    ///
    /// # Safety
    ///
    /// No block of `secondary` lies in memory that `primary` owns: it neither stands on `primary`, nor in
    /// a buffer that was allocated there, for as long as both live.
    pub const unsafe fn new(primary: A, secondary: B) -> Self {
        Self { primary, secondary }
    }

    /// Returns the allocator that is asked first.
    pub const fn primary(&self) -> &A {
        &self.primary
    }

    /// Returns the allocator that is asked when the first refuses.
    pub const fn secondary(&self) -> &B {
        &self.secondary
    }
}

impl<A: Owns, B> Fallback<A, B> {
    /// Returns whether a block is live in the primary [FALLBACK-1, FALLBACK-2].
    #[inline]
    fn is_in_primary(&self, block: NonNull<u8>, layout: Layout) -> bool {
        layout.size() > 0 && self.primary.owns(block)
    }
}

// SAFETY: each block is one of the two allocators', which keep the contract, and goes back to that
// one [FALLBACK-1, FALLBACK-2], which the primary knows rightly [FALLBACK-3].
unsafe impl<A: Owns, B: Allocator> Allocator for Fallback<A, B> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() > 0 {
            if let Ok(block) = self.primary.allocate(layout) {
                return Ok(block);
            }
        }
        self.secondary.allocate(layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() > 0 {
            if let Ok(block) = self.primary.allocate_zeroed(layout) {
                return Ok(block);
            }
        }
        self.secondary.allocate_zeroed(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live where it is given back [FALLBACK-1, FALLBACK-2], and the layout fits it.
        unsafe {
            if self.is_in_primary(block, layout) {
                self.primary.deallocate(block, layout);
            } else {
                self.secondary.deallocate(block, layout);
            }
        }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // An empty block moves, so that it has its chance in the primary.
        // SAFETY: the block is live where it is asked for [FALLBACK-1], `old` fits it, and `new` is no smaller, so both
        // blocks hold `old.size()` bytes.
        unsafe {
            let grown = match old.size() {
                0 => Err(AllocError),
                _ if self.primary.owns(block) => self.primary.grow(block, old, new),
                _ => self.secondary.grow(block, old, new),
            };
            grown.or_else(|_| Ok(relocate(self, self.allocate(new)?, block, old, old.size())))
        }
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: as in `grow`.
        unsafe {
            let grown = match old.size() {
                0 => Err(AllocError),
                _ if self.primary.owns(block) => self.primary.grow_zeroed(block, old, new),
                _ => self.secondary.grow_zeroed(block, old, new),
            };
            grown
                .or_else(|_| Ok(relocate(self, self.allocate_zeroed(new)?, block, old, old.size())))
        }
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live where it is asked for [FALLBACK-1], `old` fits it, and `new` is no larger, so both
        // blocks hold `new.size()` bytes. A block that becomes empty moves to the secondary [FALLBACK-2].
        unsafe {
            let shrunk = match new.size() {
                0 => Err(AllocError),
                _ if self.primary.owns(block) => self.primary.shrink(block, old, new),
                _ => self.secondary.shrink(block, old, new),
            };
            shrunk.or_else(|_| Ok(relocate(self, self.allocate(new)?, block, old, new.size())))
        }
    }
}

stratalloc_core::ecosystem!(impl[A: Owns, B: Allocator] for Fallback<A, B>);
stratalloc_core::global_alloc!(impl[A: Owns, B: Allocator] for Fallback<A, B>);

// SAFETY: each block is one of the two allocators', which answer.
unsafe impl<A: Owns, B: Owns> Owns for Fallback<A, B> {
    fn owns(&self, address: NonNull<u8>) -> bool {
        self.primary.owns(address) || self.secondary.owns(address)
    }
}

// SAFETY: the allocator that has the block answers [FALLBACK-1].
unsafe impl<A: Owns + UsableSize, B: UsableSize> UsableSize for Fallback<A, B> {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the block is live, and isn't empty, so it is live where it is asked for [FALLBACK-1].
        unsafe {
            if self.primary.owns(block) {
                self.primary.usable_size(block)
            } else {
                self.secondary.usable_size(block)
            }
        }
    }
}

// SAFETY: the allocator that has the block does it [FALLBACK-1]; an empty block stays where it is [FALLBACK-2].
unsafe impl<A: Owns + ResizeInPlace, B: ResizeInPlace> ResizeInPlace for Fallback<A, B> {
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<(), AllocError> {
        if old.size() == 0 || new.size() == 0 {
            return if old.size() == new.size() { Ok(()) } else { Err(AllocError) };
        }
        // SAFETY: the block is live where it is asked for [FALLBACK-1], and `old` fits it.
        unsafe {
            if self.primary.owns(block) {
                self.primary.resize_in_place(block, old, new)
            } else {
                self.secondary.resize_in_place(block, old, new)
            }
        }
    }
}

impl<A: Owns + FreeUnsized, B: FreeUnsized> FreeUnsized for Fallback<A, B> {
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: as in `usable_size`.
        unsafe {
            if self.primary.owns(block) {
                self.primary.free_unsized(block);
            } else {
                self.secondary.free_unsized(block);
            }
        }
    }
}

impl<A: Trim, B: Trim> Trim for Fallback<A, B> {
    fn trim(&self) -> usize {
        self.primary.trim() + self.secondary.trim()
    }
}
