//! The seed's kernel for the whole process: [`MemBlocks`] over the system's pages, behind a lock.
//!
//! ```
//! use stratalloc_pages::kernel::{mem_block_alloc, mem_block_free};
//! let run = mem_block_alloc(1);
//! // SAFETY: the block is ours until it is freed.
//! unsafe { mem_block_free(run) };
//! ```

use core::{
    cell::UnsafeCell,
    hint::spin_loop,
    // Plain atomics: this is a static at the edge, where loom's can't stand.
    sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Relaxed, Ordering::Release},
};

use crate::{MemBlocks, Mmap};

/// The blocks, and the lock that guards them. A spin lock: it is held for a search of some chunks,
/// or for a system call.
struct Kernel {
    /// Taken with Acquire, given back with Release: each holder sees what the last one did.
    locked: AtomicBool,
    blocks: UnsafeCell<MemBlocks<Mmap>>,
}

// SAFETY: `blocks` is used by the holder of the lock alone.
unsafe impl Sync for Kernel {}

static KERNEL: Kernel =
    Kernel { locked: AtomicBool::new(false), blocks: UnsafeCell::new(MemBlocks::new(Mmap)) };

impl Kernel {
    fn with<T>(&self, act: impl FnOnce(&MemBlocks<Mmap>) -> T) -> T {
        while self.locked.compare_exchange_weak(false, true, Acquire, Relaxed).is_err() {
            spin_loop();
        }
        // SAFETY: we hold the lock, and `act` can't keep the reference.
        let result = act(unsafe { &*self.blocks.get() });
        self.locked.store(false, Release);
        result
    }
}

/// A pointer to `n` contiguous blocks of 4096 bytes; null when no memory is available, or `n` is 0.
///
/// As [`MemBlocks::mem_block_alloc`], from any thread.
pub extern "C" fn mem_block_alloc(n: usize) -> *mut u8 {
    KERNEL.with(|blocks| blocks.mem_block_alloc(n))
}

/// Takes a run back. As [`MemBlocks::mem_block_free`], from any thread.
///
/// # Safety
///
/// `ptr` is from [`mem_block_alloc`], and nothing uses the run.
pub unsafe extern "C" fn mem_block_free(ptr: *mut u8) {
    // SAFETY: the caller's promise, passed on.
    KERNEL.with(|blocks| unsafe { blocks.mem_block_free(ptr) });
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
                        let run = mem_block_alloc(n);
                        // SAFETY: the run is ours, and freed once.
                        unsafe {
                            run.write_bytes(id, n * 4096);
                            std::thread::yield_now();
                            assert_eq!(run.add(n * 4096 - 1).read(), id);
                            assert_eq!(run.read(), id);
                            mem_block_free(run);
                        }
                    }
                });
            }
        });
    }
}
