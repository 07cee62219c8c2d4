//! jemalloc.

/// Empties this thread's cache, and gives back what no arena of any thread uses.
#[cfg(feature = "peers")]
fn trim() {
    // 4096 stands for all arenas.
    for command in [c"thread.tcache.flush", c"arena.4096.purge"] {
        let none = std::ptr::null_mut;
        // SAFETY: both commands take no value and give none, so no pointer is read or written.
        unsafe {
            tikv_jemalloc_sys::mallctl(command.as_ptr(), none(), none().cast(), none(), 0);
        }
    }
}

stratalloc_benches::runner!(
    "peers",
    tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc,
    trim = trim
);
