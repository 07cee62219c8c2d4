//! Memory of a service whose requests change: each phase has other sizes, and half of what was there stays.

// The sanitizer keeps what is freed, and its own books beside it.
#![cfg(not(any(loom, asan, tsan)))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/level.rs"]
mod level;
#[path = "common/random.rs"]
mod random;
#[path = "common/resident.rs"]
mod resident;

use std::{ops::Range, ptr, thread};

use level::HARDENED;
use random::Random;
use resident::{MIB, resident};
use stratalloc_arena::{Config, global};

/// Bytes that live at the end of a phase, for each thread.
const LIVE: usize = 16 * MIB;
/// Blocks at most: room for those of the smallest sizes.
const MOST: usize = LIVE / 24;
/// Blocks replaced one by one in each phase.
const REPLACED: usize = 50_000;
/// One in so many blocks is a large one, whatever the phase.
const LARGE: usize = 1024;

/// The sizes of each phase in bytes, and what may be resident at its end, in hundredths of what lives.
const PHASES: [(Range<usize>, usize); 10] = [
    (16..64, 130),
    (40..160, 210),
    (100..400, 250),
    (300..900, 300),
    (24..48, 320),
    (1_000..4_000, 350),
    (64..256, 320),
    (3_000..16_000, 300),
    (20..40, 270),
    (200..600, 290),
];

/// The blocks of one thread, each with its size.
struct Table {
    blocks: Vec<(*mut u8, usize)>,
    live: usize,
    random: Random,
}

// SAFETY: the blocks are the table's alone.
unsafe impl Send for Table {}

impl Table {
    /// No blocks, and room for [`MOST`], all of which was touched.
    fn new(seed: u64) -> Self {
        let mut blocks = vec![(ptr::dangling_mut(), 1); MOST];
        blocks.clear();
        Self { blocks, live: 0, random: Random(seed) }
    }

    /// Half of the blocks go, and others of `sizes` come; then as many as are to be replaced do.
    fn change(&mut self, sizes: &Range<usize>) {
        (0..self.blocks.len() / 2).for_each(|_| self.free());
        self.fill(sizes);
        for _ in 0..REPLACED {
            self.free();
            self.fill(sizes);
        }
    }

    fn fill(&mut self, sizes: &Range<usize>) {
        while self.live < LIVE && self.blocks.len() < MOST {
            let is_large = self.random.below(LARGE) == 0;
            let Range { start, end } = if is_large { 8_192..68_000 } else { sizes.clone() };
            let size = start + self.random.below(end - start);
            let block = global::allocate(size, 8);
            // SAFETY: just allocated.
            unsafe { block.write_bytes(1, size) };
            self.blocks.push((block, size));
            self.live += size;
        }
    }

    /// Frees a block at random, if there is one.
    fn free(&mut self) {
        if !self.blocks.is_empty() {
            let (block, size) = self.blocks.swap_remove(self.random.below(self.blocks.len()));
            // SAFETY: live, and no longer in the table.
            unsafe { global::deallocate(block) };
            self.live -= size;
        }
    }
}

/// What is resident at the end of each phase, in hundredths of what lives, with so many threads at work.
fn shift(threads: usize) -> [usize; PHASES.len()] {
    let mut tables: Vec<_> = (1..=threads).map(|seed| Table::new(7919 * seed as u64)).collect();
    let before = resident();
    let held = PHASES.map(|(sizes, _)| {
        thread::scope(|scope| {
            for table in &mut tables {
                scope.spawn(|| table.change(&sizes));
            }
        });
        let live: usize = tables.iter().map(|table| table.live).sum();
        (resident() - before) * 100 / live
    });
    for table in &mut tables {
        (0..table.blocks.len()).for_each(|_| table.free());
    }
    global::trim();
    held
}

#[test]
fn sizes_that_change_leave_holes_but_no_more_than_they_must() {
    let _alone = alone::alone();
    Config::new().keep(0).apply().unwrap();
    for threads in [1, 2] {
        let held = shift(threads);
        // Seals are besides.
        let more = if HARDENED { 8 } else { 0 };
        let is_within =
            held.iter().zip(&PHASES).all(|(held, (_, most))| *held <= most + most * more / 100);
        assert!(is_within, "{threads} threads: {held:?} % at the ends of the phases");
    }
}
