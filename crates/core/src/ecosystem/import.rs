//! Their allocators, by our trait.

/// Defines `FromEcosystem` in a module that has an `Allocator` and an `AllocError` of the ecosystem.
macro_rules! from_ecosystem {
    () => {
        /// An allocator of the ecosystem as one of ours, so that it can be the base of any layer.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct FromEcosystem<A>(pub A);

        // SAFETY: their contract is ours, and each call passes straight through.
        unsafe impl<A: Allocator> crate::Allocator for FromEcosystem<A> {
            #[inline]
            fn allocate(
                &self,
                layout: core::alloc::Layout,
            ) -> Result<core::ptr::NonNull<[u8]>, crate::AllocError> {
                self.0.allocate(layout).map_err(|_| crate::AllocError)
            }

            #[inline]
            fn allocate_zeroed(
                &self,
                layout: core::alloc::Layout,
            ) -> Result<core::ptr::NonNull<[u8]>, crate::AllocError> {
                self.0.allocate_zeroed(layout).map_err(|_| crate::AllocError)
            }

            #[inline]
            unsafe fn deallocate(
                &self,
                block: core::ptr::NonNull<u8>,
                layout: core::alloc::Layout,
            ) {
                // SAFETY: the block is live, and the layout fits it.
                unsafe { self.0.deallocate(block, layout) }
            }

            #[inline]
            unsafe fn grow(
                &self,
                block: core::ptr::NonNull<u8>,
                old: core::alloc::Layout,
                new: core::alloc::Layout,
            ) -> Result<core::ptr::NonNull<[u8]>, crate::AllocError> {
                // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
                unsafe { self.0.grow(block, old, new) }.map_err(|_| crate::AllocError)
            }

            #[inline]
            unsafe fn grow_zeroed(
                &self,
                block: core::ptr::NonNull<u8>,
                old: core::alloc::Layout,
                new: core::alloc::Layout,
            ) -> Result<core::ptr::NonNull<[u8]>, crate::AllocError> {
                // Theirs may leave what lies between `old.size()` and the old block's end as it was;
                // ours may not.
                // SAFETY: the block is live, `old` fits it, and `new` is no smaller; what is returned is ours to write.
                unsafe { Ok(crate::zero_rest(self.grow(block, old, new)?, old.size())) }
            }

            #[inline]
            unsafe fn shrink(
                &self,
                block: core::ptr::NonNull<u8>,
                old: core::alloc::Layout,
                new: core::alloc::Layout,
            ) -> Result<core::ptr::NonNull<[u8]>, crate::AllocError> {
                // SAFETY: the block is live, `old` fits it, and `new` is no larger.
                unsafe { self.0.shrink(block, old, new) }.map_err(|_| crate::AllocError)
            }
        }
    };
}

pub(super) use from_ecosystem;
