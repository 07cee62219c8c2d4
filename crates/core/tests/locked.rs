//! An allocator behind a lock, through the conformance suite.

use std::alloc::Layout;

use stratalloc_core::{AllocError, Allocator, Locked};
use stratalloc_testkit::{Faulty, Plan, SLOT, Slots, Suite, System};

type Lock = parking_lot::RawMutex;

#[test]
fn locked_conforms_with_every_extension_and_threads() {
    Suite::new(|| Locked::<Lock, _>::new(Slots::new(250)))
        .max_size(SLOT)
        .max_align(SLOT)
        .bounded()
        .owns()
        .usable_size()
        .resize_in_place()
        .free_unsized()
        .threads()
        .run();
}

#[test]
fn a_failing_allocator_leaves_the_lock_free() {
    let locked = Locked::<Lock, _>::new(Faulty::new(System, Plan::From(0)));
    let layout = Layout::new::<u64>();
    for _ in 0..2 {
        assert_eq!(locked.allocate(layout), Err(AllocError));
        assert_eq!(locked.allocate_zeroed(layout), Err(AllocError));
    }
}

/// The lock is what makes it `Sync`: the allocator itself need not be.
#[test]
fn an_allocator_that_is_not_sync_is_shared_behind_the_lock() {
    fn is_sync<T: Sync>(_: &T) {}
    is_sync(&Locked::<Lock, _>::new(Slots::new(1)));
}
