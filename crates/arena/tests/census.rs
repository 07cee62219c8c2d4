//! A census tells what changed since another.

#![cfg(all(not(loom), not(miri)))]

#[path = "common/alone.rs"]
mod alone;

use std::thread;

use alone::alone;
use stratalloc_arena::{Census, Changes, ClassChanges, global};

/// Blocks that a thread's stock of one class has at most.
const STOCK: isize = 128;

fn allocate(count: usize, size: usize) -> Vec<usize> {
    (0..count).map(|_| global::allocate(size, 8).expose_provenance()).collect()
}

fn free(blocks: Vec<usize>) {
    for block in blocks {
        // SAFETY: a live block of these tests.
        unsafe { global::deallocate(std::ptr::with_exposed_provenance_mut(block)) };
    }
}

fn class(changes: &Changes, size: usize) -> &ClassChanges {
    changes.classes.iter().find(|class| class.block_size == size).unwrap()
}

#[test]
fn what_a_program_keeps_shows_by_class() {
    let _alone = alone();
    let before = Census::take();
    let (small, large, huge) = (allocate(3000, 200), allocate(3, 1 << 20), allocate(1, 5 << 30));
    let middle = Census::take();
    let changes = middle.since(&before);
    assert!((3000..=3000 + STOCK).contains(&class(&changes, 208).live), "{changes}");
    assert_eq!((changes.large, changes.huge), (3 << 20, 5 << 30));
    // Each 1260 of them take a segment of 256 KiB.
    assert!((3..=4).contains(&class(&changes, 208).segments), "{changes:?}");
    assert!(changes.to_string().starts_with('+') && changes.to_string().contains(" of 208, +6"));

    // Another thread frees them: what it collects comes home as it ends, and is taken in.
    thread::spawn(|| free(small)).join().unwrap();
    free(large);
    free(huge);
    for _ in 0..4 {
        global::trim();
    }
    let after = Census::take();
    let changes = after.since(&middle);
    assert!((-3000 - STOCK..=-3000 + STOCK).contains(&class(&changes, 208).live), "{changes}");
    assert!(class(&changes, 208).remote_frees >= 3000 && changes.events.purges > 0, "{changes:?}");
    assert_eq!((changes.large, changes.huge), (-(3 << 20), -(5 << 30)));
    assert_eq!(after.since(&after).to_string(), "");
    let whole = after.since(&before);
    assert_eq!((whole.large, whole.huge), (0, 0));
}
