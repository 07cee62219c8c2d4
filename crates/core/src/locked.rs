//! An allocator behind a lock of the user's choice.

use core::{alloc::Layout, fmt, ops::Deref, ptr::NonNull};

use lock_api::{Mutex, MutexGuard, RawMutex};

use crate::{AllocError, Allocator, FreeUnsized, Owns, ResizeInPlace, Stats, Trim, UsableSize};

/// Any allocator, made usable from all threads by any lock of [`lock_api`].
///
/// The lock is held for just one call of the allocator, and given back when that fails, or unwinds,
/// as well. A call of the allocator that takes the same lock again (by a base that allocates from it)
/// deadlocks. As the global allocator, it needs a lock that doesn't allocate: `parking_lot`'s does when
/// it has to wait; a spin lock, or one over the system's futex, doesn't.
///
/// ```
/// use std::alloc::Layout;
/// # use {core::ptr::NonNull, stratalloc_core::AllocError};
/// use stratalloc_core::{Allocator, Locked};
///
/// # struct Local(core::cell::Cell<usize>);
/// # unsafe impl Allocator for Local {
/// #     fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
/// #         self.0.set(self.0.get() + 1);
/// #         Err(AllocError)
/// #     }
/// #     unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
/// # }
/// # let local = Local(core::cell::Cell::new(0));
/// let shared = Locked::<parking_lot::RawMutex, _>::new(local);
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| shared.allocate(Layout::new::<u64>()).is_ok());
///     }
/// });
/// assert_eq!(shared.lock().0.get(), 2);
/// ```
#[derive(Debug, Default)]
pub struct Locked<R: RawMutex, A>(Mutex<R, A>);

impl<R: RawMutex, A> Locked<R, A> {
    /// Returns the allocator, unlocked.
    pub const fn new(allocator: A) -> Self {
        Self(Mutex::new(allocator))
    }

    /// The allocator, for as long as the guard lives.
    #[inline]
    pub fn lock(&self) -> LockedGuard<'_, R, A> {
        LockedGuard(self.0.lock())
    }

    /// Returns the allocator: the only reference needs no lock.
    pub fn get_mut(&mut self) -> &mut A {
        self.0.get_mut()
    }
}

/// The allocator of a [`Locked`], which nobody else can use while this lives.
///
/// It is lent to look at and to allocate from, not to be changed: code that could replace the allocator
/// would give back the memory of blocks that are live.
///
/// ```compile_fail,E0594
/// # fn replace(shared: stratalloc_core::Locked<parking_lot::RawMutex, u8>) {
/// *shared.lock() = 1;
/// # }
/// ```
#[must_use = "a guard that is dropped at once unlocks at once"]
pub struct LockedGuard<'l, R: RawMutex, A>(MutexGuard<'l, R, A>);

impl<R: RawMutex, A> Deref for LockedGuard<'_, R, A> {
    type Target = A;

    #[inline]
    fn deref(&self) -> &A {
        &self.0
    }
}

impl<R: RawMutex, A: fmt::Debug> fmt::Debug for LockedGuard<'_, R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockedGuard").field(&self.0).finish()
    }
}

// SAFETY: every call goes to the one allocator behind the lock, which keeps the contract, and one at
// a time; nobody but its owner can replace it.
unsafe impl<R: RawMutex, A: Allocator> Allocator for Locked<R, A> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.lock().allocate(layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.lock().allocate_zeroed(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.lock().deallocate(block, layout) }
    }

    #[inline]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { self.lock().grow(block, old, new) }
    }

    #[inline]
    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { self.lock().grow_zeroed(block, old, new) }
    }

    #[inline]
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        unsafe { self.lock().shrink(block, old, new) }
    }
}

crate::ecosystem!(impl[R: RawMutex, A: Allocator] for Locked<R, A>);
crate::global_alloc!(impl[R: RawMutex, A: Allocator] for Locked<R, A>);

// SAFETY: the allocator behind the lock answers.
unsafe impl<R: RawMutex, A: Owns> Owns for Locked<R, A> {
    fn owns(&self, address: NonNull<u8>) -> bool {
        self.lock().owns(address)
    }
}

// SAFETY: the allocator behind the lock answers.
unsafe impl<R: RawMutex, A: UsableSize> UsableSize for Locked<R, A> {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the block is live.
        unsafe { self.lock().usable_size(block) }
    }
}

// SAFETY: the allocator behind the lock does it.
unsafe impl<R: RawMutex, A: ResizeInPlace> ResizeInPlace for Locked<R, A> {
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<(), AllocError> {
        // SAFETY: the block is live, and `old` fits it.
        unsafe { self.lock().resize_in_place(block, old, new) }
    }
}

impl<R: RawMutex, A: FreeUnsized> FreeUnsized for Locked<R, A> {
    #[inline]
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the block is live.
        unsafe { self.lock().free_unsized(block) }
    }
}

impl<R: RawMutex, A: Stats> Stats for Locked<R, A> {
    type Snapshot = A::Snapshot;

    fn stats(&self) -> A::Snapshot {
        self.lock().stats()
    }
}

impl<R: RawMutex, A: Trim> Trim for Locked<R, A> {
    fn trim(&self) -> usize {
        self.lock().trim()
    }
}
