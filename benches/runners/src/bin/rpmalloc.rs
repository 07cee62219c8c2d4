//! rpmalloc.

stratalloc_benches::runner!("peers", rpmalloc::RpMalloc = rpmalloc::RpMalloc);
