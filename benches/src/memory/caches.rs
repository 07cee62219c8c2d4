//! Caches of buffers in a steady state: as much lives as ever, in other sizes each time.

use std::ops::Range;

use crate::block::Block;
use crate::phases::Phases;
use crate::workload::{MemoryWorkload, Size};

const fn cache(
    name: &'static str,
    about: &'static str,
    run: fn(&mut Phases) -> u64,
) -> MemoryWorkload {
    MemoryWorkload { name, about, size: Size::Quick, run }
}

/// One program at five ranges of sizes.
pub const ALL: &[MemoryWorkload] = &[
    cache("cache-1k", "400 MiB in buffers of 200 to 4,000 bytes, replaced at random", |phases| {
        replace(phases, 200..4_000)
    }),
    cache("cache-16k", "400 MiB in buffers of 4 to 40 KB, replaced at random", |phases| {
        replace(phases, 4_000..40_000)
    }),
    cache("cache-300k", "400 MiB in buffers of 33 to 600 KB, replaced at random", |phases| {
        replace(phases, 33_000..600_000)
    }),
    cache("cache-2m", "400 MiB in buffers of 0.5 to 4 MB, replaced at random", |phases| {
        replace(phases, 500_000..4_000_000)
    }),
    cache("cache-10m", "400 MiB in buffers of 3 to 20 MB, replaced at random", |phases| {
        replace(phases, 3_000_000..20_000_000)
    }),
];

/// How often each buffer is replaced; the second half of it is looked at.
const ROUNDS: usize = 8;

fn replace(phases: &mut Phases, sizes: Range<usize>) -> u64 {
    let mut rng = phases.plan.rng(0);
    let count = (phases.plan.scaled(400 << 20) / usize::midpoint(sizes.start, sizes.end)).max(8);
    let (mut live, mut checksum) = (0, 0_u64);
    let mut buffers: Vec<(Block, usize)> = Vec::with_capacity(count);
    for tag in 0..count as u64 {
        let size = rng.usize(sizes.clone());
        buffers.push((Block::touched(size, tag), size));
        live += size;
    }
    phases.end("filled", live);
    for step in 0..ROUNDS * count {
        let slot = &mut buffers[rng.usize(..count)];
        // The old one goes first, as where a buffer is evicted for the next.
        let (old, size) = std::mem::replace(slot, (Block::empty(), 0));
        checksum = checksum.wrapping_add(old.tag());
        drop(old);
        let next = rng.usize(sizes.clone());
        *slot = (Block::touched(next, rng.u64(..)), next);
        live = live + next - size;
        if step >= ROUNDS / 2 * count && step % (count / 8) == 0 {
            phases.worst("replacing", live);
        }
    }
    phases.end("replaced", live);
    let checksum = buffers.iter().fold(checksum, |sum, (block, _)| sum.wrapping_add(block.tag()));
    drop(buffers);
    phases.end("emptied", 0);
    phases.rest(0, 1, None);
    phases.trim(0);
    checksum
}
