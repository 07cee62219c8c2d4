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

use crate::{
    MemBlocks, Mmap,
    lock::{Lock, Mark},
};

/// The blocks. Their lock is held for a search of some chunks, or for a system call.
static KERNEL: Lock<MemBlocks<Mmap>> = Lock::new(MemBlocks::new(Mmap));

fn with<T>(act: impl FnOnce(&MemBlocks<Mmap>) -> T) -> T {
    fork::watch();
    act(&KERNEL.lock(mark()))
}

/// What the calling thread marks the lock with.
fn mark() -> Mark {
    unsafe extern "C" {
        safe fn pthread_self() -> usize;
    }
    Mark::new(pthread_self())
}

/// A pointer to `n` contiguous blocks of 4096 bytes; null when no memory is available, or `n` is 0.
///
/// As [`MemBlocks::alloc_blocks`], from any thread.
pub fn alloc_blocks(n: usize) -> *mut u8 {
    with(|blocks| blocks.alloc_blocks(n))
}

/// Takes a run back. As [`MemBlocks::free_blocks`], from any thread.
///
/// # Safety
///
/// `ptr` is from [`alloc_blocks`], and nothing uses the run.
pub unsafe fn free_blocks(ptr: *mut u8) {
    // SAFETY: the caller's promise, passed on.
    with(|blocks| unsafe { blocks.free_blocks(ptr) });
}

/// Holding the lock from before a fork until after it.
mod fork {
    use core::{
        ffi::c_int,
        // Plain atomics: these are statics at the edge, where loom's can't stand.
        sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    use super::{KERNEL, mark};

    unsafe extern "C" {
        fn pthread_atfork(
            prepare: Option<unsafe extern "C" fn()>,
            parent: Option<unsafe extern "C" fn()>,
            child: Option<unsafe extern "C" fn()>,
        ) -> c_int;
    }

    /// Whether the handlers are known to the C library. `Release` in `watch` pairs with its `Acquire`.
    static WATCHED: AtomicBool = AtomicBool::new(false);

    /// Forks under way that found the lock taken by their own thread, and leave it so. Touched by the
    /// lock's holder alone.
    static NESTED: AtomicUsize = AtomicUsize::new(0);

    // Before there are threads that fork.
    crate::at_start!({ watch() });

    /// Sees to it that a forked process finds the lock free. Before the lock is first taken.
    pub(super) fn watch() {
        if !WATCHED.load(Ordering::Acquire) {
            // Only before the start has come to it. Two threads may both do it; then the second handler finds the lock taken by the first.
            // SAFETY: the handlers are functions of ours.
            unsafe { pthread_atfork(Some(before), Some(after), Some(after)) };
            WATCHED.store(true, Ordering::Release);
        }
    }

    unsafe extern "C" fn before() {
        if !KERNEL.lock_for_fork(mark()) {
            NESTED.fetch_add(1, Ordering::Relaxed);
        }
    }

    unsafe extern "C" fn after() {
        if NESTED.load(Ordering::Relaxed) > 0 {
            NESTED.fetch_sub(1, Ordering::Relaxed);
        } else {
            // SAFETY: `before` took it for this fork.
            unsafe { KERNEL.unlock_forked() };
        }
    }
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
