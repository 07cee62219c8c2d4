//! mimalloc 3.

stratalloc_benches::runner!("peers", mimalloc::MiMalloc = mimalloc::MiMalloc);
