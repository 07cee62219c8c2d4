//! Our allocators, by their traits.

/// Implements the ecosystem's `Allocator` traits for one of our allocators.
///
/// Which of them is decided by the features `allocator-api2-02`, `allocator-api2-04` and `nightly`
/// *of the crate that calls the macro*: it declares all three, each switching on the feature of the
/// same name of `stratalloc-core`; and for the last it has
/// `#![cfg_attr(feature = "nightly", feature(allocator_api))]`.
///
/// Of the ecosystem's contract one clause goes beyond ours: clones of an allocator must be one and
/// the same. Our allocators aren't `Clone`, but by reference.
///
/// ```
/// # #![cfg_attr(feature = "nightly", feature(allocator_api))]
/// use core::{alloc::Layout, ptr::NonNull};
/// use stratalloc_core::{AllocError, Allocator, ecosystem};
///
/// /// Passes everything on.
/// struct Transparent<B>(B);
///
/// // SAFETY: the contract is the base's.
/// unsafe impl<B: Allocator> Allocator for Transparent<B> {
///     fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
///         self.0.allocate(layout)
///     }
///     unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
///         unsafe { self.0.deallocate(block, layout) }
///     }
/// }
///
/// ecosystem!(impl[B: Allocator] for Transparent<B>);
/// ```
#[macro_export]
macro_rules! ecosystem {
    (impl [$($generics:tt)*] for $type:ty $(where $($bounds:tt)*)?) => {
        #[cfg(feature = "allocator-api2-02")]
        $crate::foreign_allocator!(api2_02 [$($generics)*] [$type] [$(where $($bounds)*)?]);
        #[cfg(feature = "allocator-api2-04")]
        $crate::foreign_allocator!(api2_04 [$($generics)*] [$type] [$(where $($bounds)*)?]);
        #[cfg(feature = "nightly")]
        $crate::foreign_allocator!(nightly [$($generics)*] [$type] [$(where $($bounds)*)?]);
    };
}

/// One of the implementations of [`ecosystem!`](crate::ecosystem!).
#[doc(hidden)]
#[macro_export]
macro_rules! foreign_allocator {
    ($trait:ident [$($generics:tt)*] [$type:ty] [$($bounds:tt)*]) => {
        // SAFETY: our contract is theirs, and each call passes straight through. The type isn't
        // `Clone`.
        unsafe impl<$($generics)*> $crate::ecosystem::$trait::Allocator for $type $($bounds)* {
            #[inline]
            fn allocate(
                &self,
                layout: ::core::alloc::Layout,
            ) -> Result<::core::ptr::NonNull<[u8]>, $crate::ecosystem::$trait::AllocError> {
                $crate::Allocator::allocate(self, layout)
                    .map_err(|_| $crate::ecosystem::$trait::AllocError)
            }

            #[inline]
            fn allocate_zeroed(
                &self,
                layout: ::core::alloc::Layout,
            ) -> Result<::core::ptr::NonNull<[u8]>, $crate::ecosystem::$trait::AllocError> {
                $crate::Allocator::allocate_zeroed(self, layout)
                    .map_err(|_| $crate::ecosystem::$trait::AllocError)
            }

            #[inline]
            unsafe fn deallocate(
                &self,
                block: ::core::ptr::NonNull<u8>,
                layout: ::core::alloc::Layout,
            ) {
                // SAFETY: the block is live, and the layout fits it.
                unsafe { $crate::Allocator::deallocate(self, block, layout) }
            }

            $crate::foreign_allocator!(@resize $trait grow);
            $crate::foreign_allocator!(@resize $trait grow_zeroed);
            $crate::foreign_allocator!(@resize $trait shrink);
        }
    };
    (@resize $trait:ident $method:ident) => {
        #[inline]
        unsafe fn $method(
            &self,
            block: ::core::ptr::NonNull<u8>,
            old: ::core::alloc::Layout,
            new: ::core::alloc::Layout,
        ) -> Result<::core::ptr::NonNull<[u8]>, $crate::ecosystem::$trait::AllocError> {
            // SAFETY: both contracts ask the same: the block is live, `old` fits it, and `new` is no smaller to grow, no
            // larger to shrink.
            unsafe { $crate::Allocator::$method(self, block, old, new) }
                .map_err(|_| $crate::ecosystem::$trait::AllocError)
        }
    };
}

/// Implements [`GlobalAlloc`](core::alloc::GlobalAlloc) for one of our allocators, so that a static
/// of it can be the `#[global_allocator]`. Only a type that is `Sync` can stand in a static.
///
/// ```
/// # use core::{alloc::{GlobalAlloc, Layout}, ptr::NonNull};
/// # use stratalloc_core::{AllocError, Allocator, global_alloc};
/// # struct Mine;
/// # unsafe impl Allocator for Mine {
/// #     fn allocate(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
/// #         Err(AllocError)
/// #     }
/// #     unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
/// # }
/// global_alloc!(impl[] for Mine);
/// assert!(unsafe { Mine.alloc(Layout::new::<u64>()) }.is_null());
/// ```
#[macro_export]
macro_rules! global_alloc {
    (impl [$($generics:tt)*] for $type:ty $(where $($bounds:tt)*)?) => {
        // SAFETY: our contract holds for every layout, theirs for those that aren't empty; each call
        // passes straight through, and none unwinds.
        unsafe impl<$($generics)*> ::core::alloc::GlobalAlloc for $type $(where $($bounds)*)? {
            #[inline]
            unsafe fn alloc(&self, layout: ::core::alloc::Layout) -> *mut u8 {
                $crate::ecosystem::start_or_null($crate::ecosystem::without_unwinding(|| {
                    $crate::Allocator::allocate(self, layout)
                }))
            }

            #[inline]
            unsafe fn alloc_zeroed(&self, layout: ::core::alloc::Layout) -> *mut u8 {
                $crate::ecosystem::start_or_null($crate::ecosystem::without_unwinding(|| {
                    $crate::Allocator::allocate_zeroed(self, layout)
                }))
            }

            #[inline]
            unsafe fn dealloc(&self, block: *mut u8, layout: ::core::alloc::Layout) {
                // SAFETY: the block is live, and the layout is its own; a live block isn't null.
                $crate::ecosystem::without_unwinding(|| unsafe {
                    let block = ::core::ptr::NonNull::new_unchecked(block);
                    $crate::Allocator::deallocate(self, block, layout);
                })
            }

            #[inline]
            unsafe fn realloc(
                &self,
                block: *mut u8,
                old: ::core::alloc::Layout,
                new_size: usize,
            ) -> *mut u8 {
                // SAFETY: the block is live with this layout, so it isn't null, and the new size doesn't overflow when
                // rounded up to the alignment.
                $crate::ecosystem::start_or_null($crate::ecosystem::without_unwinding(|| unsafe {
                    let block = ::core::ptr::NonNull::new_unchecked(block);
                    let new =
                        ::core::alloc::Layout::from_size_align_unchecked(new_size, old.align());
                    if new_size < old.size() {
                        $crate::Allocator::shrink(self, block, old, new)
                    } else {
                        $crate::Allocator::grow(self, block, old, new)
                    }
                }))
            }
        }
    };
}
