//! A kernel for a Cortex-M4 that holds the front door, a heap, blocks and a pool to the contract in 64 KiB of memory,
//! and prints what conforms.

#![no_std]
#![no_main]

extern crate alloc;

mod contract;

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::mem::MaybeUninit;

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use stratalloc::{
    Stratalloc,
    block::{BlockAllocator, BlockLayout},
    heap::Heap,
    pool::{Checked, Config, Pool},
};

#[global_allocator]
static ALLOCATOR: Stratalloc = Stratalloc;

const BYTES: usize = 65_536;

#[entry]
fn main() -> ! {
    static mut MEMORY: [u8; BYTES] = [0; BYTES];
    assert!(Stratalloc::add_slice(MEMORY));
    collections();
    contract::hold(&Stratalloc, 20_000, 64);
    hprintln!("conforms: the front door");
    let heap = Heap::<Stratalloc>::new(Stratalloc);
    contract::hold(&heap, 20_000, 64);
    heap.check().expect("a heap in order");
    drop(heap);
    hprintln!("conforms: a heap");
    blocks();
    hprintln!("conforms: blocks");
    pool();
    hprintln!("conforms: a pool");
    debug::exit(debug::EXIT_SUCCESS);
    loop {}
}

/// Blocks of one size.
fn blocks() {
    let layout = BlockLayout::new(100, 4).expect("a layout of blocks");
    let mut memory = room();
    let blocks = BlockAllocator::from_buffer(&mut memory, layout).expect("room for blocks");
    contract::hold(&blocks, layout.size(), layout.align());
}

/// A pool of four sizes.
fn pool() {
    let mut memory = room();
    let config = Config::new(&[16, 64, 256, 1024]);
    let pool = Pool::<Checked>::new(&mut memory, &config).expect("the sizes fit");
    contract::hold(&&pool, 1024, 8);
    pool.validate().expect("a pool in order");
}

/// Half of all memory.
fn room() -> Vec<MaybeUninit<u8>> {
    let mut memory = Vec::with_capacity(BYTES / 2);
    memory.resize(BYTES / 2, MaybeUninit::uninit());
    memory
}

/// A program's own collections.
fn collections() {
    let names: BTreeMap<u32, String> = (0..200).map(|n| (n, alloc::format!("name {n}"))).collect();
    assert!(names.iter().all(|(n, name)| name.ends_with(&alloc::format!("{n}"))));
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}
