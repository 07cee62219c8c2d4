//! Blocks that serve nothing, asked for and freed in a plain order or none.

use alloc::{boxed::Box, vec::Vec};
use core::{hint::black_box, mem::MaybeUninit};

use crate::random::Random;

/// A block of so many bytes, of which the first is written.
fn block(size: usize) -> Box<[MaybeUninit<u8>]> {
    let mut block = Box::new_uninit_slice(size);
    block[0].write(size as u8);
    black_box(block)
}

/// Pairs of a request and a free, of one size after the other.
#[unsafe(no_mangle)]
pub extern "C" fn pairs() -> u32 {
    let mut sum = 0;
    for size in [16, 24, 64, 100, 512, 4000] {
        for _ in 0..100_000 {
            sum += block(size).len() as u32;
        }
    }
    sum
}

/// Batches of a thousand equal blocks, freed in the order in which they came.
#[unsafe(no_mangle)]
pub extern "C" fn batches() -> u32 {
    let mut blocks = Vec::with_capacity(1000);
    let mut sum = 0;
    for size in [16, 24, 64, 200] {
        for _ in 0..100 {
            blocks.extend((0..1000).map(|_| block(size)));
            for block in blocks.drain(..) {
                sum += block.len() as u32;
            }
        }
    }
    sum
}

/// Replaces `count` blocks at random, `turns` times.
fn replace(count: usize, turns: usize, mut size: impl FnMut(&mut Random) -> usize) -> u32 {
    let mut random = Random::new(1);
    let mut blocks: Vec<_> = (0..count).map(|_| block(size(&mut random))).collect();
    let mut sum = 0;
    for _ in 0..turns {
        let place = random.below(count);
        blocks[place] = block(size(&mut random));
        sum += blocks[place].len() as u32;
    }
    sum
}

/// Replaces ten thousand blocks of 1 to 511 bytes at random.
#[unsafe(no_mangle)]
pub extern "C" fn replace_small() -> u32 {
    replace(10_000, 200_000, |random| 1 + random.below(511))
}

/// Replaces a thousand blocks of 1 byte to 16 KiB at random, small ones more often.
#[unsafe(no_mangle)]
pub extern "C" fn replace_mixed() -> u32 {
    replace(1000, 200_000, |random| random.size(14))
}

/// Replaces a hundred buffers of 4 to 256 KiB at random.
#[unsafe(no_mangle)]
pub extern "C" fn replace_large() -> u32 {
    replace(100, 100_000, |random| 4096 + random.below(252 << 10))
}
