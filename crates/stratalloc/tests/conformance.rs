//! The front door, held to the contract.

use stratalloc::Stratalloc;
use stratalloc_testkit::Suite;

/// Every boundary up to a mapping of its own past the special partition (S4.4), with alignments to
/// 2 MiB: written at both ends, resized across and given back, here and by another thread.
const LARGEST: usize = (4 << 30) + 4097;

#[test]
fn stratalloc_conforms() {
    Suite::new(|| Stratalloc).max_size(LARGEST).usable_size().free_unsized().threads().run();
}
