//! Blocks at the edges of sizes and alignments.

use std::alloc::Layout;

use stratalloc_core::Allocator;

use super::subject::Suite;
use crate::{Violation, Watched, sizes};

/// One block at a time, at every edge of a size with every alignment: each has to be served; most are
/// then resized across the edge.
pub(super) fn one_at_a_time<A: Allocator>(suite: &Suite<'_, A>) -> Result<(), Violation> {
    let allocator = suite.make();
    let mut watched = suite.watch(&allocator);
    for (turn, layout) in layouts(suite).enumerate() {
        must_allocate(&mut watched, layout, turn % 8 == 0)?;
        if turn % 3 > 0 {
            let across = suite.limits.clip(layout.size() + 1, layout.align());
            // An allocator with little memory may refuse; the block must be whole then.
            watched.resize(0, across, turn % 2 == 0)?;
        }
        watched.free_unsized(0)?;
    }
    Ok(())
}

/// Every edge of a size with every alignment that a lone block has to be served with.
pub(super) fn layouts<'s, A: Allocator>(
    suite: &'s Suite<'_, A>,
) -> impl Iterator<Item = Layout> + 's {
    let sizes = if cfg!(miri) { sizes::samples(5000) } else { sizes::edges(suite.limits.max_size) };
    sizes::alignments(suite.limits.max_align)
        .flat_map(move |align| sizes.clone().into_iter().map(move |size| (size, align)))
        .filter_map(|(size, align)| Layout::from_size_align(size, align).ok())
        .filter(|&layout| suite.must_serve(layout))
}

/// Allocates what has to be served.
fn must_allocate<A: Allocator>(
    watched: &mut Watched<'_, A>,
    layout: Layout,
    zeroed: bool,
) -> Result<(), Violation> {
    if watched.allocate(layout, zeroed)? {
        return Ok(());
    }
    Err(Violation::Refused { layout, live: watched.live().len() })
}

/// Up to so many blocks are live at a time.
const MANY: usize = if cfg!(miri) { 20 } else { 200 };

/// Many blocks of one size, and of all sizes; given back last first, first first, and every other
/// one before the rest.
pub(super) fn many_in_orders<A: Allocator>(suite: &Suite<'_, A>) -> Result<(), Violation> {
    type Order = fn(usize) -> usize;
    let orders: [Order; 3] = [|live| live - 1, |_| 0, |live| live / 2];
    let allocator = suite.make();
    let mut watched = suite.watch(&allocator);
    let samples = sizes::samples(suite.limits.max_size.min(40_000));
    let layout_of = |size| suite.limits.clip(size, 1 << (size % 6));
    for order in orders {
        for &size in &samples {
            many(&mut watched, order, |_| layout_of(size))?;
        }
        if !samples.is_empty() {
            many(&mut watched, order, |turn| layout_of(samples[turn * 7 % samples.len()]))?;
        }
    }
    Ok(())
}

/// Allocates up to [`MANY`] blocks, and gives them back in this order; then half of them once more.
fn many<A: Allocator>(
    watched: &mut Watched<'_, A>,
    order: fn(usize) -> usize,
    layout: impl Fn(usize) -> Layout,
) -> Result<(), Violation> {
    for count in [MANY, MANY / 2] {
        for turn in 0..count {
            // An allocator with little memory may be full by now.
            if !watched.allocate(layout(turn), false)? {
                break;
            }
        }
        while !watched.live().is_empty() {
            watched.deallocate(order(watched.live().len()))?;
        }
    }
    Ok(())
}

/// Blocks that were used and given back come zeroed when that is asked for.
pub(super) fn zeroed_over_dirty<A: Allocator>(suite: &Suite<'_, A>) -> Result<(), Violation> {
    let allocator = suite.make();
    let mut watched = suite.watch(&allocator);
    for size in sizes::samples(suite.limits.max_size) {
        for layout in [suite.limits.clip(size, 1), suite.limits.clip(size, 64)] {
            for turn in 0..6 {
                if watched.allocate(layout, turn % 2 == 1)? {
                    watched.allocate(layout, true)?;
                } else if suite.must_serve(layout) {
                    return Err(Violation::Refused { layout, live: 0 });
                }
                watched.clear()?;
            }
        }
    }
    Ok(())
}

/// Empty layouts are served, and grow and shrink like others.
pub(super) fn empty<A: Allocator>(suite: &Suite<'_, A>) -> Result<(), Violation> {
    let allocator = suite.make();
    let mut watched = suite.watch(&allocator);
    for align in sizes::alignments(suite.limits.max_align) {
        let empty = suite.limits.clip(0, align);
        if !suite.must_serve(empty) {
            continue;
        }
        let full = suite.limits.clip(48, align);
        for zeroed in [false, true] {
            must_allocate(&mut watched, empty, zeroed)?;
            must_allocate(&mut watched, empty, zeroed)?;
            watched.free_unsized(0)?;
            watched.resize(0, full, zeroed)?;
            watched.resize(0, empty, false)?;
            watched.resize(0, full, zeroed)?;
            watched.clear()?;
        }
    }
    Ok(())
}
