//! Figures by size class and partition are those of what was done.

use std::{alloc::Layout, thread};

use stratalloc::{
    Stratalloc,
    arena::{Census, ClassFigures, global},
    core::Allocator,
};

/// Of a class that nothing else here uses.
const SIZE: usize = 3072;
/// The bytes of its slab that may lie in partition 0, at most.
const FIRST_SLAB: usize = 64 << 10;

struct Block(*mut u8);

// SAFETY: the block is its holder's alone.
unsafe impl Send for Block {}

fn allocate() -> Block {
    let block = Stratalloc.allocate(Layout::from_size_align(SIZE, 8).unwrap()).unwrap();
    Block(block.cast().as_ptr())
}

impl Block {
    fn free(self) {
        // SAFETY: live; freed once.
        unsafe { global::deallocate(self.0) };
    }
}

fn class(census: &Census) -> ClassFigures {
    *census.classes.iter().find(|class| class.block_size == SIZE).unwrap()
}

#[test]
fn classes_partitions_and_events_are_counted() {
    let mut blocks: Vec<Block> = (0..2000).map(|_| allocate()).collect();
    let full = Census::take();
    let figures = class(&full);
    assert!((2000..2100).contains(&figures.live), "{figures:?}");
    assert!(figures.peak >= figures.live && figures.remote_frees == 0, "{figures:?}");
    assert_eq!(figures.bytes(), figures.live * SIZE);
    assert!(figures.segments >= 2 && figures.touched >= figures.bytes(), "{figures:?}");
    assert!(full.partitions[6].in_use >= figures.bytes() - FIRST_SLAB);
    assert_eq!(full.totals.in_use, full.partitions.iter().map(|of| of.in_use).sum::<usize>());
    assert_eq!(full.totals.touched, full.partitions.iter().map(|of| of.touched).sum::<usize>());
    assert!(full.events.peak_in_use >= full.totals.in_use && full.events.minor_faults > 0);

    // Another thread frees most of them; the owner takes them in on its way.
    let others = blocks.split_off(100);
    thread::spawn(|| others.into_iter().for_each(Block::free)).join().unwrap();
    for _ in 0..3 {
        let blocks: Vec<Block> = (0..200).map(|_| allocate()).collect();
        blocks.into_iter().for_each(Block::free);
    }
    let after = class(&Census::take());
    assert_eq!(after.remote_frees, 1900, "{after:?}");
    assert!(after.live < 400 && after.free > 0 && after.peak >= figures.peak, "{after:?}");

    blocks.into_iter().for_each(Block::free);
    let given = global::trim();
    let end = Census::take();
    assert_eq!(class(&end).live, 0);
    assert!(given > 0 && end.events.purges > full.events.purges);
    assert!(end.events.purged >= full.events.purged + given as u64);

    let json = serde_json::to_value(end).unwrap();
    assert_eq!(json["classes"].as_array().unwrap().len(), end.classes.len());
    assert_eq!(json["partitions"][6]["touched"], end.partitions[6].touched);
    assert_eq!(json["events"]["purges"], end.events.purges);
}
