//! The lock over a heap's pools, and over what the process has of idle caches, arena heaps, samples and forks: taken on slow
//! paths only. None is taken under another, but for a heap's under that of the arena heaps, and all by a fork.

pub(crate) use stratalloc_pages::lock::{Lock, LockGuard, Mark};
