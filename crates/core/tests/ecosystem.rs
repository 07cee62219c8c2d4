//! Collections of the ecosystem on an allocator of ours, and allocators of the ecosystem as ours.

#![cfg_attr(feature = "nightly", feature(allocator_api))]

use std::{alloc::Layout, ptr::NonNull};

use allocator_api2_02 as api2_02;
use allocator_api2_04 as api2_04;
use stratalloc_core::{
    AllocError, Allocator, ecosystem,
    ecosystem::{FromGlobal, api2_02::FromEcosystem as From02, api2_04::FromEcosystem as From04},
    global_alloc,
};
use stratalloc_testkit::{Faulty, Plan, Suite, System};

/// One of ours: only what every layer has.
struct Ours<'b, B>(&'b Faulty<B>);

// SAFETY: the contract is the base's.
unsafe impl<B: Allocator> Allocator for Ours<'_, B> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.0.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.0.deallocate(block, layout) }
    }
}

ecosystem!(impl['b, B] for Ours<'b, B> where B: Allocator);
global_alloc!(impl['b, B: Allocator] for Ours<'b, B>);

fn base() -> Faulty<System> {
    Faulty::new(System, Plan::Never)
}

#[test]
fn a_map_of_hashbrown_lives_in_ours() {
    let base = base();
    let mut map = hashbrown::HashMap::new_in(Ours(&base));
    for key in 0..1000 {
        map.insert(key, vec![key; 3]);
    }
    map.retain(|key, _| key % 2 == 0);
    map.shrink_to_fit();
    assert!((0..1000).all(|key| map.contains_key(&key) == (key % 2 == 0)));
    assert!(base.live_bytes() > 0);
    drop(map);
    base.assert_all_released();
}

#[test]
fn vectors_of_both_versions_live_in_ours() {
    let base = base();
    let mut old = api2_02::vec::Vec::new_in(Ours(&base));
    let mut new = api2_04::vec::Vec::new_in(Ours(&base));
    for number in 0..5000_u32 {
        old.push(number);
        new.push(number);
    }
    assert!(old.iter().eq(new.iter()));
    assert_eq!(base.live_count(), 2);
    old.truncate(10);
    old.shrink_to_fit();
    drop(old);
    drop(new);
    base.assert_all_released();
}

#[test]
fn out_of_memory_is_their_error() {
    let base = Faulty::new(System, Plan::From(0));
    let mut old = api2_02::vec::Vec::<u64, _>::new_in(Ours(&base));
    assert!(old.try_reserve(1).is_err());
    let mut new = api2_04::vec::Vec::<u64, _>::new_in(Ours(&base));
    assert!(new.try_reserve(1).is_err());
}

#[test]
fn theirs_conform_as_ours() {
    let global = From02(api2_02::alloc::Global);
    Suite::new(|| global).max_size(100_000).max_align(4096).threads().run();
    let global = From04(api2_04::alloc::Global);
    Suite::new(|| global).max_size(100_000).max_align(4096).threads().run();
}

#[test]
fn there_and_back_again_conforms() {
    let base = base();
    Suite::new(|| From02(Ours(&base))).max_size(100_000).max_align(4096).run();
    Suite::new(|| From04(Ours(&base))).max_size(100_000).max_align(4096).run();
    let ours = Ours(&base);
    Suite::new(|| FromGlobal(&ours)).max_size(100_000).max_align(4096).run();
    base.assert_all_released();
}

#[test]
fn a_global_allocator_conforms_as_ours() {
    Suite::new(|| FromGlobal(&std::alloc::System)).threads().run();
}
