//! How many mappings the areas take of those that a process may have.
//!
//! The kernel keeps usable and unusable memory apart, and a process has 65,530 stretches of either at
//! most (`vm.max_map_count`), its threads' stacks among them. An area with all classes in use takes some two
//! dozen, and large blocks more. So once there are many, what lies between the pieces of a partition is made usable too:
//! it takes no memory.

use core::sync::atomic::{AtomicUsize, Ordering};

/// Usable pieces of all areas, each two mappings at most: itself, and what follows it. A figure, not a
/// guard: `Relaxed`, and it orders nothing.
static PIECES: AtomicUsize = AtomicUsize::new(0);

/// With so many pieces, a quarter of all mappings is taken.
const MANY: usize = 8192;

/// There are so many more pieces.
pub(crate) fn add(pieces: usize) {
    PIECES.fetch_add(pieces, Ordering::Relaxed);
}

/// An area with so many pieces is gone.
pub(crate) fn remove(pieces: usize) {
    PIECES.fetch_sub(pieces, Ordering::Relaxed);
}

/// Whether new pieces are to join old ones.
pub(crate) fn are_scarce() -> bool {
    PIECES.load(Ordering::Relaxed) >= MANY
}
