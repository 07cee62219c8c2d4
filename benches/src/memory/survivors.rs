//! Few blocks that stay where many went: what the allocator can't give back for their sake.

use crate::block::{Block, skewed_size};
use crate::phases::Phases;
use crate::workload::{MemoryWorkload, Size};

/// One in fifty at random, and the last of many large ones.
pub const ALL: &[MemoryWorkload] = &[
    MemoryWorkload {
        name: "survivors-small",
        about: "of 256 MB in blocks of 16 bytes to 4 KB one in fifty stays",
        size: Size::Quick,
        run: |phases| survive(phases, 4..12),
    },
    MemoryWorkload {
        name: "survivors-large",
        about: "of 256 MB in blocks of 32 KB to 2 MB one in fifty stays",
        size: Size::Quick,
        run: |phases| survive(phases, 15..21),
    },
];

fn survive(phases: &mut Phases, bits: std::ops::Range<u32>) -> u64 {
    let (mut rng, bytes) = (phases.plan.rng(0), phases.plan.scaled(256 << 20));
    let (mut blocks, mut live) = (Vec::new(), 0);
    while live < bytes {
        let size = skewed_size(&mut rng, bits.clone());
        blocks.push((Block::touched(size, rng.u64(..)), size));
        live += size;
    }
    phases.end("filled", live);
    let all = sum(&blocks);
    blocks.retain(|_| rng.usize(..50) == 0);
    let live = blocks.iter().map(|(_, size)| size).sum();
    phases.end("survivors", live);
    phases.rest(live, 1, None);
    phases.trim(live);
    sum(&blocks).wrapping_add(all)
}

/// The sum of the tags.
fn sum(blocks: &[(Block, usize)]) -> u64 {
    blocks.iter().fold(0, |sum, (block, _)| block.tag().wrapping_add(sum))
}
