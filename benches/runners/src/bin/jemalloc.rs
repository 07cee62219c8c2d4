//! jemalloc.

stratalloc_benches::runner!("peers", tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc);
