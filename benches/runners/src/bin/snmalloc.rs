//! snmalloc.

stratalloc_benches::runner!("peers", snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc);
