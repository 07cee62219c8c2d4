//! A picture of the heaps of a running program: `cargo run --release -p stratalloc --example heap_map`
//! writes `heap.svg`, or the file named.
//!
//! Three threads have blocks of many sizes and free most of them again; a fourth keeps an arena heap.

use std::{alloc::Layout, fs, sync::Barrier, thread};

use stratalloc::{ArenaHeap, core::Allocator};

#[global_allocator]
static ALLOCATOR: stratalloc::Stratalloc = stratalloc::Stratalloc;

fn main() -> std::io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or("heap.svg".into());
    let (full, drawn) = (Barrier::new(5), Barrier::new(5));
    thread::scope(|scope| {
        for seed in 1..=3 {
            let (full, drawn) = (&full, &drawn);
            scope.spawn(move || {
                let blocks = survivors(seed);
                full.wait();
                drawn.wait();
                drop(blocks);
            });
        }
        scope.spawn(|| {
            let heap = ArenaHeap::new().expect("there is memory");
            for size in (0..60_000).map(|number| 16 + number * 7 % 900) {
                heap.allocate(Layout::array::<u8>(size).expect("it is small"))
                    .expect("there is memory");
            }
            full.wait();
            drawn.wait();
        });
        full.wait();
        let mut picture = String::new();
        stratalloc::arena::map(&mut picture).expect("strings take everything");
        drawn.wait();
        fs::write(&path, picture)
    })?;
    println!("{path}");
    Ok(())
}

/// Vectors of sizes that are the rarer the larger, of which some were freed again.
fn survivors(seed: u64) -> Vec<Vec<u8>> {
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random >> 33
    };
    let mut blocks: Vec<Vec<u8>> = (0..300_000)
        .map(|_| {
            let doublings = [next() % 7, next() % 7, next() % 12][next() as usize % 3];
            vec![1; (8 << doublings) + (next() as usize % (8 << doublings))]
        })
        .collect();
    blocks.extend((0..40).map(|_| vec![1; next() as usize % (1 << 20)]));
    blocks.retain(|_| next() % 5 < seed + 1);
    // A vector that grows moves to where there is room to grow on.
    blocks.push((0..9_u32 << 20).map(|byte| byte as u8).collect());
    blocks
}
