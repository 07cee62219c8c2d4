//! mimalloc 2.

#[cfg(feature = "mimalloc2")]
fn trim() {
    // SAFETY: it may be called at any time, on any thread.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

stratalloc_benches::runner!("mimalloc2", mimalloc::MiMalloc = mimalloc::MiMalloc, trim = trim);
