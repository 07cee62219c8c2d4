//! mimalloc 3.

#[cfg(feature = "peers")]
fn trim() {
    // SAFETY: it may be called at any time, on any thread.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

stratalloc_benches::runner!("peers", mimalloc::MiMalloc = mimalloc::MiMalloc, trim = trim);
