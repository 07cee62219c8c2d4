//! Which extension traits are put to use.

use std::{alloc::Layout, fmt, ptr::NonNull};

use stratalloc_core::{AllocError, FreeUnsized, Owns, ResizeInPlace, UsableSize};

type OwnsFn<A> = fn(&A, NonNull<u8>) -> bool;
type UsableSizeFn<A> = unsafe fn(&A, NonNull<u8>) -> usize;
type ResizeFn<A> = unsafe fn(&A, NonNull<u8>, Layout, Layout) -> Result<(), AllocError>;
type FreeFn<A> = unsafe fn(&A, NonNull<u8>);

/// The extension traits that are put to use, besides `Allocator`.
pub struct Extensions<A: ?Sized> {
    pub(super) owns: Option<OwnsFn<A>>,
    pub(super) usable_size: Option<UsableSizeFn<A>>,
    pub(super) resize_in_place: Option<ResizeFn<A>>,
    pub(super) free_unsized: Option<FreeFn<A>>,
}

impl<A: ?Sized> Clone for Extensions<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: ?Sized> Copy for Extensions<A> {}

impl<A: ?Sized> Default for Extensions<A> {
    fn default() -> Self {
        Self { owns: None, usable_size: None, resize_in_place: None, free_unsized: None }
    }
}

impl<A: ?Sized> fmt::Debug for Extensions<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extensions")
            .field("owns", &self.owns.is_some())
            .field("usable_size", &self.usable_size.is_some())
            .field("resize_in_place", &self.resize_in_place.is_some())
            .field("free_unsized", &self.free_unsized.is_some())
            .finish()
    }
}

impl<A> Extensions<A> {
    /// With [`Owns`].
    #[must_use]
    pub fn owns(mut self) -> Self
    where
        A: Owns,
    {
        self.owns = Some(A::owns);
        self
    }

    /// With [`UsableSize`].
    #[must_use]
    pub fn usable_size(mut self) -> Self
    where
        A: UsableSize,
    {
        self.usable_size = Some(A::usable_size);
        self
    }

    /// With [`ResizeInPlace`].
    #[must_use]
    pub fn resize_in_place(mut self) -> Self
    where
        A: ResizeInPlace,
    {
        self.resize_in_place = Some(A::resize_in_place);
        self
    }

    /// With [`FreeUnsized`].
    #[must_use]
    pub fn free_unsized(mut self) -> Self
    where
        A: FreeUnsized,
    {
        self.free_unsized = Some(A::free_unsized);
        self
    }
}
