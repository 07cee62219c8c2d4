//! The front door, held to the contract.

use stratalloc::{Kind, Stratalloc};
use stratalloc_testkit::Suite;

/// Every boundary up to whole arenas of all partitions but the largest, and beyond what grows in place; of a
/// heap, every one of its own, and blocks that are regions of their own.
const LARGE: usize =
    if matches!(Stratalloc::KIND, Kind::Arenas) { 64 << 20 } else { 4 << 20 } + 4097;

/// With alignments to 2 MiB: written at both ends, resized across every boundary and given back, here and by
/// another thread.
#[test]
fn stratalloc_conforms() {
    Suite::new(|| Stratalloc).max_size(LARGE).usable_size().free_unsized().threads().run();
}

/// The same for blocks of gigabytes, by one thread: most of the time goes into their pages.
#[test]
#[cfg(target_pointer_width = "64")]
#[ignore = "a minute: `cargo xtask test --elsewhere` runs it"]
fn stratalloc_conforms_with_blocks_of_gigabytes() {
    /// Past the special partition, where a block is a mapping of its own (S4.4).
    const LARGEST: usize = (4 << 30) + 4097;
    Suite::new(|| Stratalloc).max_size(LARGEST).programs(1).usable_size().free_unsized().run();
}
