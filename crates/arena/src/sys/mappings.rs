//! The count of mappings that the areas take, of those that a process may have.
//!
//! A process has 65,530 of them at most (`vm.max_map_count`), its threads' stacks among them.
//! Each stretch of usable memory is one: an area with all classes in use has some forty if each slab is usable as far
//! as it serves, and large blocks are more.
//! So once there are many, memory becomes usable in larger steps, which meet: that takes no memory.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::thresholds::{MANY_STRETCHES, MOST_BROUGHT_IN_ALL};

/// Stretches of usable memory in all areas. A figure, not a guard: `Relaxed`, and it orders nothing.
static STRETCHES: AtomicUsize = AtomicUsize::new(0);

/// Pieces of memory that were brought elsewhere, each of which may have split a mapping in three. `Relaxed`, as above.
static BROUGHT: AtomicUsize = AtomicUsize::new(0);

/// Whether one more piece of memory may become a mapping of its own.
pub(crate) fn may_bring() -> bool {
    BROUGHT.load(Ordering::Relaxed) < MOST_BROUGHT_IN_ALL
}

/// Counts that an arena had so many such pieces `before`, and has another number now.
pub(crate) fn change_brought(before: u8, now: u8) {
    BROUGHT.fetch_add(usize::from(now).wrapping_sub(before.into()), Ordering::Relaxed);
}

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
