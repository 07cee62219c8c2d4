//! mimalloc 2.

stratalloc_benches::runner!("mimalloc2", mimalloc::MiMalloc = mimalloc::MiMalloc);
