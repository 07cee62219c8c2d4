//! Blocks that grow and shrink.

use stratalloc_core::Allocator;

use super::subject::Suite;
use crate::{Violation, Watched, sizes};

/// Two blocks side by side take turns to grow through every sample of a size and to shrink again,
/// zeroed or not, also from one alignment to another.
pub(super) fn up_and_down<A: Allocator>(suite: &Suite<'_, A>) -> Result<(), Violation> {
    let allocator = suite.make();
    let mut watched = suite.watch(&allocator);
    let samples = sizes::samples(suite.limits.max_size);
    for (from_align, to_align) in [(1, 1), (8, 8), (16, 16), (1, 64), (64, 1), (4096, 8)] {
        for zeroed in [false, true] {
            let start = suite.limits.clip(1, from_align);
            if !(watched.allocate(start, zeroed)? && watched.allocate(start, zeroed)?) {
                watched.clear()?;
                continue;
            }
            for (turn, &size) in samples.iter().chain(samples.iter().rev()).enumerate() {
                let align = if turn % 2 == 0 { to_align } else { from_align };
                let layout = suite.limits.clip(size, align);
                // An allocator with little memory may refuse; both blocks must be whole then.
                watched.resize(turn % 2, layout, zeroed)?;
                watched.verify()?;
            }
            watched.clear()?;
        }
    }
    Ok(())
}

/// As above, where blocks are.
pub(super) fn in_place<A: Allocator>(suite: &Suite<'_, A>) -> Result<(), Violation> {
    let allocator = suite.make();
    let mut watched = suite.watch(&allocator);
    let samples = sizes::samples(suite.limits.max_size);
    for &from in &samples {
        fill(&mut watched, suite, from)?;
        for &to in samples.iter().chain(samples.iter().rev()) {
            for index in 0..watched.live().len() {
                // The block becomes the last one, so each index has its turn all the same.
                watched.resize_in_place(index, to)?;
            }
            watched.verify()?;
        }
        watched.clear()?;
    }
    Ok(())
}

/// Three blocks, the second of which is given back: room for one to grow into.
fn fill<A: Allocator>(
    watched: &mut Watched<'_, A>,
    suite: &Suite<'_, A>,
    size: usize,
) -> Result<(), Violation> {
    for _ in 0..3 {
        watched.allocate(suite.limits.clip(size, 8), false)?;
    }
    if watched.live().len() == 3 {
        watched.deallocate(1)?;
    }
    Ok(())
}
