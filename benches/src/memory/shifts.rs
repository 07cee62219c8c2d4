//! A service whose requests change: each phase has other sizes, and half of what was there stays.

use std::ops::Range;
use std::thread;

use fastrand::Rng;

use crate::block::Block;
use crate::phases::Phases;
use crate::workload::{MemoryWorkload, Size};

/// On one thread and on four.
pub const ALL: &[MemoryWorkload] = &[
    MemoryWorkload {
        name: "shifts",
        about: "ten phases of other sizes over 64 MiB, half of each kept",
        size: Size::Quick,
        run: |phases| shift(phases, 1),
    },
    MemoryWorkload {
        name: "shifts-4",
        about: "the same on four threads, 64 MiB each",
        size: Size::Quick,
        run: |phases| shift(phases, 4),
    },
];

/// The sizes of each phase, in bytes, and what it is called.
const PHASES: [(&str, Range<usize>); 10] = [
    ("phase 1", 16..64),
    ("phase 2", 40..160),
    ("phase 3", 100..400),
    ("phase 4", 300..900),
    ("phase 5", 24..48),
    ("phase 6", 1_000..4_000),
    ("phase 7", 64..256),
    ("phase 8", 3_000..16_000),
    ("phase 9", 20..40),
    ("phase 10", 200..600),
];

/// One in so many blocks is a large one, whatever the phase.
const LARGE: usize = 1_024;

/// Blocks, and how many bytes they have in all.
struct Table {
    blocks: Vec<Block>,
    live: usize,
    rng: Rng,
}

fn shift(phases: &mut Phases, threads: usize) -> u64 {
    let plan = phases.plan;
    let bytes = plan.scaled(64 << 20);
    let mut tables: Vec<Table> =
        (0..threads).map(|index| Table::with_room(bytes / 24, plan.rng(index))).collect();
    phases.base();
    for (phase, sizes) in PHASES {
        thread::scope(|scope| {
            for table in &mut tables {
                let sizes = sizes.clone();
                scope.spawn(move || table.change(bytes, &sizes, plan.scaled(400_000)));
            }
        });
        phases.end(phase, tables.iter().map(|table| table.live).sum());
    }
    let checksum = tables.iter().fold(0, |sum, table| table.tags().wrapping_add(sum));
    for table in &mut tables {
        table.blocks.clear();
    }
    phases.end("emptied", 0);
    phases.rest(0, 1, None);
    phases.trim(0);
    checksum
}

impl Table {
    /// No blocks, and room for so many, all of which was touched.
    fn with_room(room: usize, rng: Rng) -> Self {
        let mut blocks: Vec<_> = (0..room).map(|_| Block::empty()).collect();
        blocks.clear();
        Self { blocks, live: 0, rng }
    }

    /// Half of the blocks go; others of `sizes` come until `bytes` live. Then `count` go one by one, chosen at
    /// random, and others come in their stead.
    fn change(&mut self, bytes: usize, sizes: &Range<usize>, count: usize) {
        for _ in 0..self.blocks.len() / 2 {
            self.free();
        }
        self.fill(bytes, sizes);
        for _ in 0..count {
            self.free();
            self.fill(bytes, sizes);
        }
    }

    fn fill(&mut self, bytes: usize, sizes: &Range<usize>) {
        while self.live < bytes && self.blocks.len() < self.blocks.capacity() {
            let is_large = self.rng.usize(..LARGE) == 0;
            let size = self.rng.usize(if is_large { 8_192..68_000 } else { sizes.clone() });
            self.blocks.push(Block::touched(size, self.rng.u64(..)));
            self.live += size;
        }
    }

    /// Frees a random block, if there is one.
    fn free(&mut self) {
        if !self.blocks.is_empty() {
            let index = self.rng.usize(..self.blocks.len());
            self.live -= self.blocks.swap_remove(index).size();
        }
    }

    fn tags(&self) -> u64 {
        self.blocks.iter().fold(0, |sum, block| block.tag().wrapping_add(sum))
    }
}
