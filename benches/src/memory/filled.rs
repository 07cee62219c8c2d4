//! Blocks of one size, each page of them written: what is resident beyond that is the allocator's.

use crate::block::Block;
use crate::phases::Phases;
use crate::workload::{MemoryWorkload, Size};

const fn filled(
    name: &'static str,
    about: &'static str,
    run: fn(&mut Phases) -> u64,
) -> MemoryWorkload {
    MemoryWorkload { name, about, size: Size::Quick, run }
}

/// Sizes above the classes, most of them just above a power of two, where rounding costs most.
pub const ALL: &[MemoryWorkload] = &[
    filled("filled-33k", "256 MiB in blocks of 33 KiB", |phases| fill(phases, 33 << 10)),
    filled("filled-66k", "256 MiB in blocks of 66 KiB", |phases| fill(phases, 66 << 10)),
    filled("filled-150k", "256 MiB in blocks of 150 KiB", |phases| fill(phases, 150 << 10)),
    filled("filled-520k", "256 MiB in blocks of 520 KiB", |phases| fill(phases, 520 << 10)),
    filled("filled-1100k", "256 MiB in blocks of 1,100 KiB", |phases| fill(phases, 1_100 << 10)),
    filled("filled-2100k", "256 MiB in blocks of 2,100 KiB", |phases| fill(phases, 2_100 << 10)),
    filled("filled-5m", "256 MiB in blocks of 5 MiB", |phases| fill(phases, 5 << 20)),
    filled("filled-33m", "256 MiB in blocks of 33 MiB", |phases| fill(phases, 33 << 20)),
];

fn fill(phases: &mut Phases, size: usize) -> u64 {
    let count = (phases.plan.scaled(256 << 20) / size).max(2);
    let mut rng = phases.plan.rng(0);
    let blocks: Vec<Block> = (0..count).map(|_| Block::touched(size, rng.u64(..))).collect();
    phases.end("filled", count * size);
    let checksum = blocks.iter().fold(0, |sum, block| block.tag().wrapping_add(sum));
    drop(blocks);
    phases.end("freed", 0);
    phases.trim(0);
    checksum
}
