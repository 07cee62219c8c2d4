//! Blocks behind a lock of the user's choice.

use core::ptr::NonNull;

use lock_api::RawMutex;
use stratalloc_core::{AllocError, Locked};

use crate::{BlockLayout, Blocks};

// SAFETY: every call goes to the one allocator behind the lock, one at a time.
unsafe impl<R: RawMutex, B: Blocks> Blocks for Locked<R, B> {
    #[inline]
    fn block_layout(&self) -> BlockLayout {
        self.lock().block_layout()
    }

    #[inline]
    fn alloc_block(&self) -> Result<NonNull<u8>, AllocError> {
        self.lock().alloc_block()
    }

    #[inline]
    unsafe fn free_block(&self, block: NonNull<u8>) {
        // SAFETY: the block is live.
        unsafe { self.lock().free_block(block) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::vec::Vec;

    use stratalloc_core::{Allocator, Stats};

    use super::*;
    use crate::{
        BlockAllocator, Growth,
        test_base::{TestBase, in_threads},
    };

    type Shared<'a> = Locked<parking_lot::RawMutex, BlockAllocator<&'a TestBase>>;

    fn shared(base: &TestBase) -> Shared<'_> {
        let layout = BlockLayout::new(24, 8).unwrap();
        Locked::new(BlockAllocator::new_in(base, layout, Growth::fixed(10)))
    }

    #[test]
    fn s2_7_threads_share_a_locked_pool() {
        let base = TestBase::new();
        let pool = shared(&base);
        in_threads(4, |_| {
            for count in 0..60 {
                let live: Vec<_> = (0..count).map(|_| pool.alloc_block().unwrap()).collect();
                for block in live {
                    // SAFETY: live, and freed once.
                    unsafe { pool.free_block(block) };
                }
            }
        });
        assert_eq!(pool.stats().used, 0);
        assert!(pool.lock().validate());
    }

    #[test]
    fn s2_7_the_lock_is_given_back_when_the_base_fails() {
        let base = TestBase::allowing(0);
        let pool = shared(&base);
        assert!(pool.alloc_block().is_err());
        assert!(pool.allocate(core::alloc::Layout::new::<u8>()).is_err());
        base.allow(1);
        assert!(pool.alloc_block().is_ok());
    }
}
