//! WebAssembly's linear memory, which only ever grows at its end, and what its threads have.

use core::{
    arch::wasm32::{memory_grow, memory_size, unreachable},
    hint::spin_loop,
    ptr::{NonNull, with_exposed_provenance_mut},
    sync::atomic::AtomicUsize,
};

use stratalloc_core::ProviderError;

/// Returns the size of a page in bytes, which the standard fixes.
pub const fn page_size() -> usize {
    65_536
}

/// The memory never has more pages than this: one more would end where addresses do.
const MAX_PAGES: usize = usize::MAX / page_size();

/// Makes the memory longer by `size` bytes, a multiple of [`page_size`], and returns where they begin. They read as
/// zero, and continue what was grown last unless somebody else grew the memory in between.
///
/// A call that fails leaves the memory as long as it was.
pub fn grow(size: usize) -> Result<NonNull<u8>, ProviderError> {
    let out_of_memory = ProviderError::OutOfMemory { size, align: page_size() };
    let pages = size / page_size();
    if pages > MAX_PAGES - memory_size(0) {
        return Err(out_of_memory);
    }
    let page = memory_grow(0, pages);
    // Where threads share the memory, another may have grown it meanwhile.
    if page == usize::MAX || (cfg!(target_feature = "atomics") && page > MAX_PAGES - pages) {
        return Err(out_of_memory);
    }
    NonNull::new(with_exposed_provenance_mut(page * page_size())).ok_or(out_of_memory)
}

/// Passes a moment: a browser's main thread isn't allowed to wait. Without threads it ends the program, whose one
/// thread waits for itself: it panicked while it had the lock, and asks for memory to say so.
pub(crate) fn wait(_: &AtomicUsize, _: usize) {
    if cfg!(not(target_feature = "atomics")) {
        unreachable();
    }
    spin_loop();
}

/// Does nothing: who waits looks again by itself.
pub(crate) fn wake_one(_: &AtomicUsize) {}

/// Returns the same for all threads: it tells the threads of a fork apart, and there are no forks.
pub(crate) fn this_thread() -> usize {
    0
}

/// There are no forks.
pub(crate) fn watch_forks(_: unsafe extern "C" fn(), _: unsafe extern "C" fn()) {}
