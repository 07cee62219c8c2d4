//! The names that a kernel's exercise gives to the calls of this crate.
//!
//! ```
//! # #[cfg(all(feature = "hosted", any(unix, windows)))] {
//! use stratalloc_pages::seeds::{mem_block_alloc, mem_block_free};
//! let run = mem_block_alloc(1);
//! // SAFETY: the block is ours until it is freed.
//! unsafe { mem_block_free(run) };
//! # }
//! ```

use stratalloc_core::PageProvider;

use crate::MemBlocks;

/// `mem_block_alloc` and `mem_block_free` of a kernel as a value.
///
/// ```
/// use core::mem::MaybeUninit;
/// use stratalloc_pages::{FixedRegion, MemBlocks, seeds::MemBlockAlloc};
///
/// let mut memory = vec![MaybeUninit::uninit(); 1 << 20];
/// let kernel: MemBlocks<_, 16> = MemBlocks::new(FixedRegion::new(&mut memory, 4096)?);
/// let run = kernel.mem_block_alloc(2);
/// // SAFETY: the run is ours until it is freed.
/// unsafe { kernel.mem_block_free(run) };
/// # Ok::<(), stratalloc_core::ProviderError>(())
/// ```
pub trait MemBlockAlloc {
    /// [`MemBlocks::alloc_blocks`].
    fn mem_block_alloc(&self, n: usize) -> *mut u8;

    /// [`MemBlocks::free_blocks`].
    ///
    /// # Safety
    ///
    /// As for [`MemBlocks::free_blocks`].
    unsafe fn mem_block_free(&self, ptr: *mut u8);
}

impl<P: PageProvider, const CHUNK: usize> MemBlockAlloc for MemBlocks<P, CHUNK> {
    fn mem_block_alloc(&self, n: usize) -> *mut u8 {
        self.alloc_blocks(n)
    }

    unsafe fn mem_block_free(&self, ptr: *mut u8) {
        // SAFETY: the run is from this allocator, and nothing uses it.
        unsafe { self.free_blocks(ptr) }
    }
}

/// [`kernel::alloc_blocks`](crate::kernel::alloc_blocks), of the process's kernel.
#[cfg(all(feature = "hosted", any(unix, windows), not(loom)))]
pub extern "C" fn mem_block_alloc(n: usize) -> *mut u8 {
    crate::kernel::alloc_blocks(n)
}

/// [`kernel::free_blocks`](crate::kernel::free_blocks), of the process's kernel.
///
/// # Safety
///
/// As for [`kernel::free_blocks`](crate::kernel::free_blocks).
#[cfg(all(feature = "hosted", any(unix, windows), not(loom)))]
pub unsafe extern "C" fn mem_block_free(ptr: *mut u8) {
    // SAFETY: the run is from this allocator, and nothing uses it.
    unsafe { crate::kernel::free_blocks(ptr) };
}
