//! The lowest layers, operation by operation: the free list, and memory from outside.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::ptr::NonNull;

use criterion::{Criterion, criterion_group, criterion_main};
use stratalloc_core::{FreeList, PageProvider};
use stratalloc_pages::{MEM_BLOCK_SIZE, MemBlocks, Mmap};

criterion_group!(benches, free_list, pages);
criterion_main!(benches);

fn free_list(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("core/put a block on a list and take it");
    let mut blocks = [[0_usize; 8]; 16];
    let blocks: Vec<NonNull<u8>> =
        blocks.iter_mut().map(|block| NonNull::from(block).cast()).collect();
    let mut list = FreeList::new();
    for block in &blocks[1..] {
        // SAFETY: a block of 64 bytes that nothing else uses.
        unsafe { list.push(*block) };
    }
    let mut next = blocks[0];
    group.bench_function("FreeList", |bencher| {
        bencher.iter(|| {
            // SAFETY: `next` is the one block that is not on the list.
            unsafe { list.push(black_box(next)) };
            next = list.pop().expect("a block was just put there");
        });
    });
    let mut stack = blocks.clone();
    group.bench_function("Vec", |bencher| {
        bencher.iter(|| {
            stack.push(black_box(next));
            next = stack.pop().expect("a block was just put there");
        });
    });
    group.finish();
}

fn pages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pages/take 4 KiB, touch and return them");
    let kernel: MemBlocks<Mmap> = MemBlocks::new(Mmap);
    group.bench_function("MemBlocks over Mmap", |bencher| {
        bencher.iter(|| {
            let block = kernel.alloc_blocks(1);
            // SAFETY: a run of one block, not null while there is memory, returned once.
            unsafe {
                block.write(1);
                kernel.free_blocks(black_box(block));
            }
        });
    });
    group.bench_function("Mmap", |bencher| {
        bencher.iter(|| {
            let range = Mmap.reserve_committed(MEM_BLOCK_SIZE, MEM_BLOCK_SIZE).expect("memory");
            // SAFETY: the range is ours and committed; nothing uses it after its release.
            unsafe {
                range.start().as_ptr().write(1);
                Mmap.release(black_box(range)).expect("it was reserved");
            }
        });
    });
    let layout = Layout::from_size_align(MEM_BLOCK_SIZE, MEM_BLOCK_SIZE).expect("a valid layout");
    group.bench_function("system, aligned", |bencher| {
        bencher.iter(|| {
            // SAFETY: the layout's size isn't zero; the block is freed once, with the same layout.
            unsafe {
                let block = System.alloc(layout);
                block.write(1);
                System.dealloc(black_box(block), layout);
            }
        });
    });
    group.finish();
}
