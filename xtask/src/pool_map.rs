//! `cargo xtask pool-map`: the map of a pool's heap in use.

use std::mem::MaybeUninit;

use anyhow::Result;
use stratalloc_pool::{Config, Pool};

/// Fills a small heap with requests of many sizes, frees some of them, and prints the map.
#[derive(clap::Args)]
pub(crate) struct PoolMap {
    /// The block sizes.
    #[arg(default_values_t = [8, 16, 32, 64, 128])]
    sizes: Vec<usize>,
    /// The heap's size in bytes, at most 65,536.
    #[arg(long, default_value_t = 4096)]
    heap: usize,
    /// How many requests to make; each third block is freed again.
    #[arg(long, default_value_t = 60)]
    requests: usize,
}

impl PoolMap {
    pub(crate) fn run(self) -> Result<()> {
        // Words, for the heap must be aligned to 8.
        let mut heap = vec![MaybeUninit::<u64>::uninit(); self.heap.div_ceil(8)];
        // SAFETY: the bytes of the words, which need hold nothing.
        let (_, bytes, _) = unsafe { heap.align_to_mut::<MaybeUninit<u8>>() };
        let pool: Pool = Pool::new(&mut bytes[..self.heap], &Config::new(&self.sizes))?;
        let largest = self.sizes.last().copied().unwrap_or_default();
        let blocks: Vec<_> = (0..self.requests)
            .filter_map(|request| pool.malloc(request * 37 % largest + 1))
            .collect();
        for &block in blocks.iter().step_by(3) {
            // SAFETY: the block is live, and not used again.
            unsafe { pool.free(block) }?;
        }
        print!("{}", pool.map());
        Ok(())
    }
}
