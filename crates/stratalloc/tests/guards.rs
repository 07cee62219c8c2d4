//! The front door with every small block between guard pages, as long as there are slots.

#![cfg(all(kind = "arenas", not(miri)))]

use stratalloc::{Stratalloc, arena::Config};
use stratalloc_testkit::Suite;

#[global_allocator]
static STRATALLOC: Stratalloc = Stratalloc;

#[test]
fn with_every_block_fenced_stratalloc_conforms() {
    Config::new().guards(1).guard_slots(Config::MOST_GUARD_SLOTS).apply().unwrap();
    Suite::new(|| Stratalloc)
        .max_size(1 << 20)
        .programs(100)
        .usable_size()
        .free_unsized()
        .threads()
        .run();
}
