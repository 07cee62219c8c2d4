//! What allocators are called.

/// Ours.
pub(crate) const OWN: &str = "stratalloc";

/// Those that every figure of memory is set against: the leanest of the fast, and the system's.
pub(crate) const PEERS: [&str; 3] = ["jemalloc", "mimalloc3", "system"];

/// The name of an allocator without the mark of its second registration, `NAME-again`.
pub(crate) fn once(name: &str) -> &str {
    name.trim_end_matches("-again")
}
