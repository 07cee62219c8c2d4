//! The kernel of the whole process: [`MemBlocks`] over the system's pages, behind a lock.
//!
//! The only thread of a forked process finds the lock free.
//!
//! ```
//! use stratalloc_pages::kernel::{alloc_blocks, free_blocks};
//! let run = alloc_blocks(1);
//! // SAFETY: the block is ours until it is freed.
//! unsafe { free_blocks(run) };
//! ```

use crate::{MemBlocks, Mmap, ProcessLock, ProcessWide};

/// The blocks. Their lock is held for a search of some chunks, or for a system call.
static KERNEL: ProcessLock<MemBlocks<Mmap>> = ProcessLock::new(MemBlocks::new(Mmap));

/// Names [`KERNEL`].
struct Kernel;

impl ProcessWide for Kernel {
    type Value = MemBlocks<Mmap>;

    fn lock() -> &'static ProcessLock<MemBlocks<Mmap>> {
        &KERNEL
    }
}

// Before there are threads that fork.
#[cfg(unix)]
crate::at_start!({ ProcessLock::watch::<Kernel>() });

/// Returns a pointer to `n` contiguous blocks of 4096 bytes; null when no memory is available, or `n` is 0.
///
/// As [`MemBlocks::alloc_blocks`], from any thread.
pub fn alloc_blocks(n: usize) -> *mut u8 {
    ProcessLock::with::<Kernel, _>(|blocks| blocks.alloc_blocks(n))
}

/// Takes a run back. As [`MemBlocks::free_blocks`], from any thread.
///
/// # Safety
///
/// `ptr` is from [`alloc_blocks`], and nothing uses the run.
pub unsafe fn free_blocks(ptr: *mut u8) {
    // SAFETY: the run is the kernel's, and nothing uses it.
    ProcessLock::with::<Kernel, _>(|blocks| unsafe { blocks.free_blocks(ptr) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_it() {
        std::thread::scope(|scope| {
            for id in 0..4_u8 {
                scope.spawn(move || {
                    for round in 1..200 {
                        let n = round % 9 + 1;
                        let run = alloc_blocks(n);
                        // SAFETY: the run is ours, and freed once.
                        unsafe {
                            run.write_bytes(id, n * 4096);
                            std::thread::yield_now();
                            assert_eq!(run.add(n * 4096 - 1).read(), id);
                            assert_eq!(run.read(), id);
                            free_blocks(run);
                        }
                    }
                });
            }
        });
    }
}
