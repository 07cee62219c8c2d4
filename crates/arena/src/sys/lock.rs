//! The lock over one heap's pools: taken on slow paths only. The lock of the arena heaps is the only one under which
//! it is taken.

pub(crate) use stratalloc_pages::lock::{Lock, LockGuard, Mark};
