//! The thread's slot: one pointer of thread-local storage that the fast paths read.
//!
//! It always points at a [`Cache`]: at first at one that has no blocks and takes none, so that the fast paths need no
//! test for a thread that was never seen.
//!
//! # Invariants
//!
//! - [SLOT-1: set] It points at one of the two static caches that have nothing, or at a cache in use by this thread,
//!   which lives as long as the process.

use crate::{
    cache::Cache,
    sys::{lock::Mark, mark},
};

/// On x86-64 Linux the slot is one pointer in the initial-exec model, read in two instructions also
/// from a shared library, where `thread_local!` would call the dynamic linker. It is the library's
/// whole static TLS, so that `dlopen` has room for it.
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod imp {
    use core::arch::{asm, global_asm};

    use crate::cache::{Cache, NEW_THREAD};

    global_asm!(
        ".section .tdata.stratalloc_slot,\"awT\",@progbits",
        ".p2align 3",
        ".globl stratalloc_slot",
        ".hidden stratalloc_slot",
        ".type stratalloc_slot,@tls_object",
        ".size stratalloc_slot,8",
        "stratalloc_slot:",
        ".quad {new_thread}",
        ".text",
        new_thread = sym NEW_THREAD,
    );

    #[inline(always)]
    pub(crate) fn get() -> *const Cache {
        let cache;
        // SAFETY: [SLOT-1: set] the thread's slot is always set; reading it changes nothing.
        unsafe {
            asm!(
                "mov {0}, qword ptr [rip + stratalloc_slot@GOTTPOFF]",
                "mov {0}, qword ptr fs:[{0}]",
                out(reg) cache,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        cache
    }

    pub(crate) fn set(cache: *const Cache) {
        // SAFETY: the slot is the thread's own, one pointer large, and nothing refers to it.
        unsafe {
            asm!(
                "mov {0}, qword ptr [rip + stratalloc_slot@GOTTPOFF]",
                "mov qword ptr fs:[{0}], {1}",
                out(reg) _,
                in(reg) cache,
                options(nostack, preserves_flags),
            );
        }
    }
}

/// Elsewhere the compiler's thread-local, without a destructor.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
mod imp {
    use core::cell::Cell;

    use crate::cache::{Cache, NEW_THREAD};

    std::thread_local! {
        static SLOT: Cell<*const Cache> = const { Cell::new(&raw const NEW_THREAD) };
    }

    #[inline(always)]
    pub(crate) fn get() -> *const Cache {
        SLOT.get()
    }

    pub(crate) fn set(cache: *const Cache) {
        SLOT.set(cache);
    }
}

/// The calling thread's cache, or one of the two caches that have nothing.
#[inline(always)]
pub(crate) fn cache() -> &'static Cache {
    // SAFETY: [SLOT-1: set] it points at a cache that lives as long as the process.
    unsafe { &*imp::get() }
}

/// Sets the calling thread's cache.
pub(crate) fn set(cache: &'static Cache) {
    imp::set(cache);
}

/// The mark that the calling thread puts on locks.
pub(crate) fn mark() -> Mark {
    let cache = cache();
    if cache.heap().is_some() { cache.mark() } else { mark::of_thread() }
}
