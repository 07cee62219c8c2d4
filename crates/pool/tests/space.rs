//! How much of 65,536 bytes is payload, filled with exact sizes, and how near that is to the most
//! that any layout of so much state could give.

mod common;

use common::{Memory, SEED_HEAP, fill};
use stratalloc_pool::{Bare, Checked, Config, Full, Mode, Pool};

/// Fills the heap, each pool with its own size: the payload in bytes as the blocks have it.
fn payload<M: Mode>(config: &Config<'_>) -> usize {
    let mut memory = Memory::new(SEED_HEAP);
    let pool = Pool::<M>::new(memory.bytes(), config).unwrap();
    let sizes: Vec<_> = pool.iter_stats().map(|pool| pool.block_size).collect();
    sizes.into_iter().map(|size| fill(&pool, size).len() * size).sum()
}

fn percent(payload: usize) -> f64 {
    payload as f64 * 100.0 / SEED_HEAP as f64
}

fn reaches<M: Mode>(config: &Config<'_>, least: f64) {
    let payload = payload::<M>(config);
    let (name, sizes) = (std::any::type_name::<M>(), config.sizes().len());
    println!("{sizes:3} sizes, {name}: {payload} bytes, {:.2} %", percent(payload));
    assert!(percent(payload) >= least, "{sizes} sizes, {name}: {:.2} %", percent(payload));
}

#[test]
fn s0_1_the_payload_reaches_its_targets() {
    let steps: Vec<_> = (1..=64).map(|step| step * 8).collect();
    let powers = [8, 16, 32, 64, 128, 256, 512];
    let all: Vec<_> = (1..=248).collect();
    for (sizes, checked, bare) in
        [(&[8][..], 98.0, 99.0), (&steps, 96.0, 97.0), (&powers, 96.0, 97.0), (&all, 90.0, 92.0)]
    {
        let config = Config::new(sizes);
        reaches::<Full>(&config, checked);
        reaches::<Checked>(&config, checked);
        reaches::<Bare>(&config, bare);
    }
    let packed = Config::new(&all).packed();
    reaches::<Checked>(&packed, 90.0);
    reaches::<Bare>(&packed, 92.0);
}

/// Nothing is lost but the records, the table, the bits, and less than a block of each size.
#[test]
fn s0_1_no_more_is_lost_than_the_layout_says() {
    for largest in [8, 64, 512] {
        let sizes: Vec<_> = (1..=largest / 8).map(|step| step * 8).collect();
        let config = Config::new(&sizes);
        let mut memory = Memory::new(SEED_HEAP);
        let pool: Pool = Pool::new(memory.bytes(), &config).unwrap();
        let bits: usize = pool.iter_stats().map(|pool| pool.blocks.div_ceil(8)).sum();
        let table = if sizes.len() == 1 { 0 } else { largest / 8 };
        let state = sizes.len() * Pool::<Full>::STATE + 2 + table + bits;
        // Each pool but the smallest ends aligned; the last block that doesn't fit is of 8 bytes.
        let most = state + 7 * sizes.len() + 8;
        assert!((state..=most).contains(&pool.overhead()), "{}", pool.overhead());
    }
}
