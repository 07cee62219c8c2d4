//! Blocks replaced at random among many live ones: what a request costs as the heap fills.
//!
//! Under `valgrind --tool=callgrind --toggle-collect='*replace*'` only the replacing is counted.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::{
    contender::{Contender, Default},
    run::Memory,
};

/// Requests that are counted.
const REQUESTS: usize = 400_000;

/// Most bytes of a block.
const SIZES: usize = 128;

/// Marsaglia's xorshift generator.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % end
    }

    fn size(&mut self) -> usize {
        1 + self.below(SIZES)
    }
}

/// Frees a block chosen at random and allocates another, again and again.
#[inline(never)]
fn replace(heap: &mut Default, blocks: &mut [(*mut u8, usize)], requests: usize) {
    let mut random = Random(7);
    for _ in 0..requests / 2 {
        let index = random.below(blocks.len());
        let (block, size) = blocks[index];
        // SAFETY: it is live.
        unsafe { heap.free(block, size) };
        let size = random.size();
        blocks[index] = (heap.allocate(size), size);
    }
}

/// Million requests a second with `count` blocks live.
pub(crate) fn speed(count: usize) -> Result<f64> {
    let size = count * (SIZES + 16) + (1 << 20);
    let memory = Memory::new(size)?;
    let Some(mut heap) = memory.create::<Default>(size) else { return Ok(0.0) };
    let mut random = Random(1);
    let mut blocks: Vec<_> = (0..count)
        .map(|_| {
            let size = random.size();
            (heap.allocate(size), size)
        })
        .collect();
    ensure!(blocks.iter().all(|(block, _)| !block.is_null()), "too little memory");
    let start = Instant::now();
    replace(&mut heap, &mut blocks, REQUESTS);
    Ok(REQUESTS as f64 / start.elapsed().as_secs_f64() / 1e6)
}
