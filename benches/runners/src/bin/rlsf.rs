//! rlsf: a two-level segregated fit behind a lock.

stratalloc_benches::runner!("peers", rlsf::GlobalTlsf = rlsf::GlobalTlsf::new());
