//! Where memory ends.

use std::alloc::Layout;

use stratalloc_core::Allocator;

use super::subject::Suite;
use crate::{Violation, Watched, sizes};

/// Sizes up to the largest that a layout can have are refused, without harm to what is live.
pub(super) fn absurd_sizes<A: Allocator>(suite: &Suite<'_, A>) -> Result<(), Violation> {
    let allocator = suite.make();
    let mut watched = suite.watch(&allocator);
    let has_block = watched.allocate(suite.limits.clip(40, 8), false)?;
    for align in
        sizes::alignments(usize::MAX).chain([1 << (usize::BITS - 24), 1 << (usize::BITS - 2)])
    {
        let largest = isize::MAX as usize - (align - 1);
        for size in [largest, largest - 1, largest - 4096, largest / 2 + 1] {
            let Ok(layout) = Layout::from_size_align(size, align) else { continue };
            let zeroed = size % 2 == 0;
            let answer =
                if zeroed { allocator.allocate_zeroed(layout) } else { allocator.allocate(layout) };
            if answer.is_ok() || (has_block && watched.resize(0, layout, zeroed)?) {
                return Err(Violation::Served { layout });
            }
            watched.verify()?;
        }
    }
    watched.clear()
}

/// A bounded allocator holds less than this many blocks.
const MANY: usize = 100_000;

/// Fills the allocator with blocks of one size until it refuses; once they are back, as many fit
/// again. And a size in between must not be in the way.
pub(super) fn fill_up<A: Allocator>(suite: &Suite<'_, A>) -> Result<(), Violation> {
    if !suite.bounded {
        return Ok(());
    }
    let allocator = suite.make();
    let mut watched = suite.watch(&allocator);
    let samples = sizes::samples(suite.limits.max_size);
    let layouts: Vec<_> = samples.iter().map(|&size| suite.limits.clip(size, 8)).collect();
    let mut first = Vec::new();
    for &layout in &layouts {
        first.push(fill_and_clear(&mut watched, layout)?);
    }
    for (&layout, &before) in layouts.iter().zip(&first).rev() {
        let after = fill_and_clear(&mut watched, layout)?;
        if after < before {
            return Err(Violation::Shrunk { layout, before, after });
        }
    }
    Ok(())
}

/// Returns the number of blocks that fit. They are given back from the middle outwards.
fn fill_and_clear<A: Allocator>(
    watched: &mut Watched<'_, A>,
    layout: Layout,
) -> Result<usize, Violation> {
    while watched.allocate(layout, false)? {
        assert!(watched.live().len() < MANY, "said to be bounded, but is not");
    }
    let count = watched.live().len();
    while !watched.live().is_empty() {
        watched.free_unsized(watched.live().len() / 2)?;
    }
    Ok(count)
}
