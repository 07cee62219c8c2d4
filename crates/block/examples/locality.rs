//! What shuffling costs (S2.4): a list of blocks walked in the order of their addresses, and again after
//! the free list was shuffled by use. Then once more after `sort_free_list`.

use std::{mem::MaybeUninit, ptr::NonNull, time::Instant};

use stratalloc_block::{BlockAllocator, BlockLayout, Blocks};

/// Blocks of one cache line, in 64 MiB: more than second-level caches hold.
const BLOCK: usize = 64;
const COUNT: usize = 1 << 20;
/// Walks of which the median is printed.
const WALKS: usize = 7;

fn main() {
    let mut memory = vec![MaybeUninit::uninit(); (COUNT + 1) * BLOCK];
    let layout = BlockLayout::new(BLOCK, BLOCK).expect("a power of two");
    let pool = BlockAllocator::from_buffer(&mut memory, layout).expect("room for the blocks");
    let fresh = take_all(&pool);
    println!("fresh     {:5.1} ns a block", walk(&fresh));
    free_shuffled(&pool, fresh);
    let shuffled = take_all(&pool);
    println!("shuffled  {:5.1} ns a block", walk(&shuffled));
    free_shuffled(&pool, shuffled);
    pool.sort_free_list();
    println!("sorted    {:5.1} ns a block", walk(&take_all(&pool)));
}

fn take_all(pool: &impl Blocks) -> Vec<NonNull<u8>> {
    (0..COUNT).map(|_| pool.alloc_block().expect("as many as there are")).collect()
}

/// Frees all blocks in an order that has nothing to do with their addresses.
fn free_shuffled(pool: &impl Blocks, mut blocks: Vec<NonNull<u8>>) {
    let mut random = 1_usize;
    for last in (1..blocks.len()).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        blocks.swap(last, (random >> 33) % (last + 1));
    }
    for block in blocks {
        // SAFETY: every block was allocated here and is freed once.
        unsafe { pool.free_block(block) };
    }
}

/// Links the blocks in their order of allocation, walks the list, and says the median time a block.
fn walk(blocks: &[NonNull<u8>]) -> f64 {
    for pair in blocks.windows(2) {
        // SAFETY: each block holds a pointer, aligned to 64.
        unsafe { pair[0].cast::<Option<NonNull<u8>>>().write(Some(pair[1])) };
    }
    // SAFETY: as above.
    unsafe { blocks[blocks.len() - 1].cast::<Option<NonNull<u8>>>().write(None) };
    let mut times: Vec<_> = (0..WALKS).map(|_| time_of_one(blocks[0])).collect();
    times.sort_by(f64::total_cmp);
    times[WALKS / 2]
}

fn time_of_one(first: NonNull<u8>) -> f64 {
    let start = Instant::now();
    let (mut count, mut next) = (0_usize, Some(first));
    while let Some(block) = next {
        count += 1;
        // SAFETY: `walk` wrote a link into every block.
        next = unsafe { block.cast::<Option<NonNull<u8>>>().read() };
    }
    assert_eq!(count, COUNT);
    start.elapsed().as_nanos() as f64 / COUNT as f64
}
