//! dlmalloc behind a lock.

stratalloc_benches::runner!("peers", dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc);
