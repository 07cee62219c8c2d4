//! Collections of std on an allocator of ours, by the standard library's own trait.

#![feature(allocator_api, btreemap_alloc)]

use std::{alloc::Layout, collections::BTreeMap, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator, ecosystem, ecosystem::nightly::FromEcosystem};
use stratalloc_testkit::{Faulty, Plan, Suite, System};

/// One of ours: only what every layer has.
struct Ours<B>(B);

// SAFETY: the contract is the base's.
unsafe impl<B: Allocator> Allocator for Ours<B> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.0.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.0.deallocate(block, layout) }
    }
}

ecosystem!(impl[B: Allocator] for Ours<B>);

#[test]
fn std_collections_live_in_ours() {
    let base = Faulty::new(System, Plan::Never);
    let ours = Ours(&base);
    let mut vector = Vec::new_in(&ours);
    let mut map = BTreeMap::new_in(&ours);
    for number in 0..1000 {
        vector.push(number);
        map.insert(number, Box::new_in(number, &ours));
    }
    assert!(vector.iter().eq(map.keys()));
    assert!(base.live_bytes() > 0);
    drop((vector, map));
    base.assert_all_released();
}

#[test]
fn theirs_conform_as_ours() {
    Suite::new(|| FromEcosystem(std::alloc::Global)).max_size(100_000).threads().run();
}
