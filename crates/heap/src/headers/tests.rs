//! The heap with headers: the contract, what its headers say after random requests, and where memory comes from.

use core::cell::Cell;
use std::vec::Vec;

use stratalloc_core::{AllocError, Allocator, Trim, UsableSize};
use stratalloc_testkit::{Suite, System};

use super::*;

/// Pages of a memory that grows at its end, as WebAssembly's does, up to a limit.
struct Growing {
    start: *mut u8,
    grown: Cell<usize>,
}

const PAGE: usize = 65_536;
const MOST: usize = 40 * PAGE;

impl Growing {
    fn new() -> Self {
        let layout = Layout::from_size_align(MOST, PAGE).unwrap();
        // SAFETY: the layout isn't empty. It is never given back, as such a memory isn't.
        Self { start: unsafe { std::alloc::alloc(layout) }, grown: Cell::new(0) }
    }

    /// Somebody else grows the memory.
    fn disturb(&self) {
        self.grown.set(self.grown.get() + PAGE);
    }
}

// SAFETY: each block begins where the last ended, in memory that is never freed.
unsafe impl Allocator for Growing {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let (start, size) = (self.grown.get(), layout.size().next_multiple_of(PAGE));
        if size > MOST - start {
            return Err(AllocError);
        }
        self.grown.set(start + size);
        let start = NonNull::new(self.start.wrapping_add(start)).unwrap();
        Ok(NonNull::slice_from_raw_parts(start, size))
    }

    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

impl HeaderHeap<Growing> {
    fn get(&self, size: usize) -> NonNull<u8> {
        self.allocate(layout(size)).unwrap().cast()
    }

    /// Goes over the one stretch of memory, block by block, and returns how many bytes are free.
    fn check(&self) -> usize {
        // SAFETY: the reference ends here, and each address is a block's or the end.
        unsafe {
            let engine = self.engine();
            if engine.end == 0 {
                return 0;
            }
            let mut address = self.base.start.addr() + block::GRANULE;
            let (mut before_is_used, mut free) = (true, 0);
            while address != engine.top {
                let is_used = block::is_used(address);
                let flag = block::header(address) & block::BEFORE_USED != 0;
                assert_eq!(
                    flag, before_is_used,
                    "what the block at {address:x} says of the one before"
                );
                assert!(is_used || before_is_used, "two free neighbours at {address:x}");
                assert!(
                    is_used || engine.bins.holds(address),
                    "{address:x} is free, and in no bin"
                );
                free += if is_used { 0 } else { block::size(address) };
                before_is_used = is_used;
                address += block::size(address);
            }
            assert!(before_is_used, "a free block before the top");
            assert_eq!(engine.end, self.base.start.addr() + self.base.grown.get());
            free + engine.end - engine.top
        }
    }
}

#[test]
fn the_contract_over_the_system() {
    Suite::new(|| HeaderHeap::new(System))
        .max_size(1 << 20)
        .max_align(1 << 12)
        .usable_size()
        .free_unsized()
        .run();
}

#[test]
fn the_contract_over_a_memory_that_grows() {
    Suite::new(|| HeaderHeap::new(Growing::new()))
        .max_size(1 << 18)
        .programs(20)
        .max_align(1 << 12)
        .usable_size()
        .free_unsized()
        .run();
}

/// Random requests; the content of each block is its own.
fn run_program(heap: &HeaderHeap<Growing>, seed: u32) {
    let mut random = seed;
    let mut below = move |limit: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as usize % limit
    };
    let mut live: Vec<(NonNull<u8>, Layout, u8)> = Vec::new();
    for turn in 0..if cfg!(miri) { 300_u32 } else { 4000 } {
        let doublings = below(16);
        let size = below(1 << doublings);
        let new = Layout::from_size_align(size, 1 << below(9)).unwrap();
        // SAFETY: each block is live, and as long as its layout says.
        unsafe {
            if live.len() < 100 && below(3) > 0 {
                let Ok(block) = heap.allocate(new) else { continue };
                assert_eq!(block.addr().get() % new.align(), 0);
                block.cast::<u8>().write_bytes(turn as u8, size);
                live.push((block.cast(), new, turn as u8));
            } else if !live.is_empty() {
                let (block, old, fill) = live.swap_remove(below(live.len()));
                for at in 0..old.size() {
                    assert_eq!(block.add(at).read(), fill);
                }
                if below(2) == 0 {
                    heap.deallocate(block, old);
                    continue;
                }
                let resized = if size < old.size() {
                    heap.shrink(block, old, new)
                } else {
                    heap.grow(block, old, new)
                };
                let Ok(resized) = resized else { continue };
                for at in 0..old.size().min(size) {
                    assert_eq!(resized.cast::<u8>().add(at).read(), fill);
                }
                resized.cast::<u8>().write_bytes(turn as u8, size);
                live.push((resized.cast(), new, turn as u8));
            }
        }
        if turn % 64 == 0 {
            heap.check();
        }
    }
    for (block, layout, _) in live {
        // SAFETY: live.
        unsafe { heap.deallocate(block, layout) };
    }
}

#[test]
fn headers_tell_the_truth_whatever_is_asked() {
    for seed in 0..if cfg!(miri) { 2 } else { 20 } {
        let heap = HeaderHeap::new(Growing::new());
        run_program(&heap, seed);
        heap.trim();
        assert_eq!(heap.check(), heap.base.grown.get() - block::GRANULE, "all is free");
    }
}

#[test]
fn what_waits_serves_others_before_memory_grows() {
    let heap = HeaderHeap::new(Growing::new());
    let blocks: Vec<_> = (0..1000).map(|_| heap.get(50)).collect();
    let grown = heap.base.grown.get();
    for block in blocks {
        // SAFETY: live.
        unsafe { heap.deallocate(block, layout(50)) };
    }
    heap.get(grown - PAGE / 2);
    assert_eq!(heap.base.grown.get(), grown);
}

#[test]
fn the_last_block_grows_where_it_lies_by_just_as_many_pages() {
    let heap = HeaderHeap::new(Growing::new());
    let block = heap.get(1000);
    // SAFETY: live.
    let grown = unsafe { heap.grow(block, layout(1000), layout(9 * PAGE)).unwrap() };
    assert_eq!(grown.cast(), block);
    assert_eq!(heap.base.grown.get(), 10 * PAGE);
}

#[test]
fn memory_that_others_grew_lies_between_two_stretches() {
    for room in [0, block::GRANULE, 10 * block::GRANULE] {
        let heap = HeaderHeap::new(Growing::new());
        let first = heap.get(PAGE - block::GRANULE - block::WORD - room);
        heap.base.disturb();
        let second = heap.get(PAGE / 2);
        assert!(
            second.addr() > first.addr().checked_add(2 * PAGE - room - block::GRANULE).unwrap()
        );
        // SAFETY: live.
        unsafe {
            heap.deallocate(first, layout(PAGE - block::GRANULE - block::WORD - room));
        }
        heap.get(PAGE - block::GRANULE - block::WORD);
        assert_eq!(heap.base.grown.get(), if room == block::GRANULE { 4 } else { 3 } * PAGE);
    }
}

#[test]
fn a_refusal_changes_nothing() {
    let heap = HeaderHeap::new(Growing::new());
    let block = heap.get(100);
    let free = heap.check();
    assert!(heap.allocate(layout(MOST)).is_err());
    assert!(heap.allocate(layout(isize::MAX as usize - 7)).is_err());
    // SAFETY: live.
    assert!(unsafe { heap.grow(block, layout(100), layout(MOST)) }.is_err());
    assert_eq!(heap.check(), free);
}

#[test]
fn a_block_that_was_freed_does_not_look_live() {
    let heap = HeaderHeap::new(Growing::new());
    for size in [10, 100, 5000] {
        let (block, _next) = (heap.get(size), heap.get(size));
        // SAFETY: live, and then freed.
        unsafe {
            assert!(heap.usable_size(block) >= size);
            assert!(heap.engine().looks_live(block.addr().get()));
            heap.deallocate(block, layout(size));
            assert!(!heap.engine().looks_live(block.addr().get()));
        }
    }
}
