//! A kernel for a Cortex-M4, or for a RISC-V processor of 32 bits, that holds the front door, a heap, blocks and a pool
//! to the contract in 64 KiB of memory, and prints what conforms.

#![no_std]
#![no_main]

extern crate alloc;

mod contract;

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::mem::MaybeUninit;

// For their critical sections.
#[cfg(target_arch = "arm")]
use cortex_m as _;
#[cfg(target_arch = "riscv32")]
use riscv as _;
use semihosting::{println, process};
use stratalloc::{
    Stratalloc,
    block::{BlockAllocator, BlockLayout},
    heap::Heap,
    pool::{Checked, Config, Pool},
};

#[global_allocator]
static ALLOCATOR: Stratalloc = Stratalloc;

const BYTES: usize = 65_536;

/// All memory that there is to allocate.
static mut MEMORY: [u8; BYTES] = [0; BYTES];

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    // SAFETY: nothing else names it, and this runs once.
    assert!(Stratalloc::add_slice(unsafe { &mut *(&raw mut MEMORY) }));
    collections();
    contract::hold(&Stratalloc, 20_000, 64);
    println!("conforms: the front door");
    let heap = Heap::<Stratalloc>::new(Stratalloc);
    contract::hold(&heap, 20_000, 64);
    heap.check().expect("a heap in order");
    drop(heap);
    println!("conforms: a heap");
    blocks();
    println!("conforms: blocks");
    pool();
    println!("conforms: a pool");
    process::exit(0)
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
    println!("{info}");
    process::exit(1)
}
