//! What is run of the library on other machines and systems than the developers': the front door and each layer that
//! is portable, held to the contract. `cargo xtask platforms` runs it: as tests where there are threads, and as a program
//! elsewhere.

mod host;

use stratalloc::{
    Kind, Stratalloc,
    block::{BlockAllocator, BlockLayout, Growth, SyncBlockAllocator},
    heap::Heap,
    pool::{Checked, Config, Pool},
};
use stratalloc_testkit::{Suite, System};

pub use host::say;

/// The largest block asked of a heap: one that has a region to itself.
const LARGE: usize = (4 << 20) + 4097;

/// The front door, of whatever kind it is here; by several threads where `has_threads`.
pub fn front_door(has_threads: bool) {
    let size = if Stratalloc::KIND == Kind::Arenas { 64 << 20 } else { LARGE };
    let suite = Suite::new(|| Stratalloc).max_size(size).usable_size().free_unsized();
    if has_threads { suite.threads() } else { suite }.run();
}

/// A heap over the system's allocator.
pub fn heap() {
    let suite = Suite::new(|| Heap::<System>::new(System)).max_size(LARGE);
    suite.owns().usable_size().resize_in_place().free_unsized().run();
}

/// Blocks of one size, for one thread and for several.
///
/// # Panics
///
/// If the suite finds something, as all of these.
pub fn block(has_threads: bool) {
    let layout = BlockLayout::new(100, 4).expect("a layout of blocks");
    let growth = Growth::doubling(4, 64);
    Suite::new(|| BlockAllocator::new_in(System, layout, growth))
        .max_size(layout.size())
        .max_align(layout.align())
        .owns()
        .usable_size()
        .free_unsized()
        .run();
    let shared = Suite::new(|| SyncBlockAllocator::new_in(System, layout, growth))
        .max_size(layout.size())
        .max_align(layout.align())
        .usable_size()
        .free_unsized();
    if has_threads { shared.threads() } else { shared }.run();
}

/// A pool in 65,536 bytes.
///
/// # Panics
///
/// If what the pool knows of itself doesn't agree.
pub fn pool() {
    const SIZES: [usize; 5] = [16, 64, 256, 1024, 4096];
    let mut memory = vec![core::mem::MaybeUninit::uninit(); 65_536];
    let pool = Pool::<Checked>::new(&mut memory, &Config::new(&SIZES)).expect("the sizes fit");
    Suite::new(|| &pool)
        .max_size(4096)
        .max_align(8)
        .bounded()
        .owns()
        .usable_size()
        .free_unsized()
        .run();
    pool.validate().expect("a pool in order");
}
