//! The count of mappings that the areas take, of those that a process may have.
//!
//! A process has 65,530 of them at most (`vm.max_map_count`), its threads' stacks among them.
//! Each stretch of usable memory is one: an area with all classes in use has some forty if each slab is usable as far
//! as it serves, and large blocks are more.
//! So once there are many, memory becomes usable in larger steps, which meet: that takes no memory.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::thresholds::MANY_STRETCHES;

/// Stretches of usable memory in all areas. A figure, not a guard: `Relaxed`, and it orders nothing.
static STRETCHES: AtomicUsize = AtomicUsize::new(0);

/// Counts that an arena, or the books of an area, had so many stretches `before`, and has another number now.
pub(crate) fn change(before: u32, now: u32) {
    if before != now {
        STRETCHES.fetch_add((now as usize).wrapping_sub(before as usize), Ordering::Relaxed);
    }
}

/// Whether mappings are scarce, so that new stretches are to meet old ones.
pub(crate) fn are_scarce() -> bool {
    STRETCHES.load(Ordering::Relaxed) >= MANY_STRETCHES
}
