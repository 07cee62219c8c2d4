//! Memory given piece by piece: what continues a region is one with it.

use core::{alloc::Layout, cell::Cell};
use std::{ptr::NonNull, vec::Vec};

use stratalloc_core::{AllocError, Allocator};

use super::memory;
use crate::{Compact, Granule8, Heap, NoBase, Policy};

const PAGE: usize = 4096;

/// Gives `pages` pages, up or down, one by one, each when the heap is full of blocks of `size` bytes;
/// how many blocks there are.
fn filled_page_by_page<P: Policy>(pages: usize, size: usize, is_up: bool) -> usize {
    let start = memory((pages + 1) * PAGE);
    let start = start.map_addr(|it| it.checked_add(PAGE - it.get() % PAGE).unwrap());
    let heap: Heap<NoBase, P> = Heap::new(NoBase);
    let mut blocks: Vec<*mut u8> = Vec::new();
    for page in 0..pages {
        let place = if is_up { page } else { pages - 1 - page };
        // SAFETY: the page is the heap's alone, for ever.
        unsafe { heap.add_region(start.add(place * PAGE), PAGE) };
        loop {
            let block = heap.malloc(size);
            if block.is_null() {
                break;
            }
            // SAFETY: it is live and has as many bytes.
            unsafe { block.write_bytes(blocks.len() as u8, size) };
            blocks.push(block);
        }
        assert_eq!(heap.check(), Ok(()), "{page} pages");
    }
    for (count, &block) in blocks.iter().enumerate() {
        // SAFETY: it is live and has as many bytes.
        let bytes = unsafe { core::slice::from_raw_parts(block, size) };
        assert!(bytes.iter().all(|&byte| byte == count as u8));
    }
    for &block in &blocks {
        // SAFETY: it is live.
        unsafe { heap.free(block) };
    }
    assert_eq!(heap.check(), Ok(()));
    let held = heap.snapshot().held;
    assert!(held >= (pages - 1) * PAGE, "{held} of {pages} pages");
    assert!(!heap.malloc(held * 98 / 100).is_null(), "all is one block");
    blocks.len()
}

#[test]
fn pages_given_one_by_one_are_one_region() {
    for is_up in [true, false] {
        for size in [24, 100, 1_000, 3_000] {
            let blocks = filled_page_by_page::<Compact>(256, size, is_up);
            let served = blocks * size.next_multiple_of(16) * 100 / (256 * PAGE);
            // A large block takes the far end of a page, and parts what is before it from the next.
            assert!(size == 24 || served >= 95 || size > 2048, "{size}: {served} %");
            filled_page_by_page::<Granule8>(100, size, is_up);
        }
    }
}

#[test]
fn two_regions_that_touch_are_one() {
    let size = 1 << 20;
    for first in [0, 1] {
        let start = memory(2 * size);
        let heap: Heap = Heap::new(NoBase);
        for piece in [first, 1 - first] {
            // SAFETY: each half is the heap's alone, for ever.
            assert!(unsafe { heap.add_region(start.add(piece * size), size) });
        }
        assert!(!heap.malloc(size * 3 / 2).is_null());
        assert_eq!(heap.check(), Ok(()));
    }
}

/// What is to be opened of a large region isn't touched before it is needed, nor are its tags.
#[test]
#[cfg_attr(asan, ignore = "it looks at memory that is the heap's")]
fn a_large_region_is_opened_as_it_is_needed() {
    const SIZE: usize = 400 << 20;
    const MARKED: usize = 4 << 20;
    let start = memory(SIZE);
    // SAFETY: the memory is the test's.
    let marked = unsafe { start.add(SIZE - MARKED) };
    // SAFETY: as above.
    unsafe { marked.write_bytes(0xA5, MARKED) };
    let written = |start: NonNull<u8>| {
        // SAFETY: the memory is the test's, and nobody writes it meanwhile.
        let bytes = unsafe { core::slice::from_raw_parts(start.as_ptr(), MARKED) };
        bytes.iter().filter(|&&byte| byte != 0xA5).count()
    };
    let heap: Heap = Heap::new(NoBase);
    // SAFETY: the memory is the heap's alone, for ever.
    assert!(unsafe { heap.add_region(start, SIZE) });
    let block = heap.malloc(1000);
    assert!(written(marked) < (64 << 20) / 100, "{}", written(marked));
    let large = heap.malloc(300 << 20);
    assert!(!block.is_null() && !large.is_null());
    assert!(written(marked) > 2 << 20, "{}", written(marked));
    assert_eq!(heap.check(), Ok(()));
    // SAFETY: they are live.
    unsafe {
        heap.free(large);
        heap.free(block);
    }
    assert_eq!(heap.check(), Ok(()));
}

/// A base that gives what continues what it gave before.
struct Break {
    start: NonNull<u8>,
    taken: Cell<usize>,
}

// SAFETY: each byte is given once, and the memory is kept for ever.
unsafe impl Allocator for Break {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let taken = self.taken.get();
        self.taken.set(taken + layout.size());
        // SAFETY: the test takes less than there is.
        Ok(NonNull::slice_from_raw_parts(unsafe { self.start.add(taken) }, layout.size()))
    }

    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
}

/// A block that grows step by step, small ones coming and going, over memory that grows with it.
#[test]
fn a_block_grows_into_what_the_base_adds() {
    let base = Break { start: memory(4 << 20), taken: Cell::new(0) };
    let heap: Heap<Break> = Heap::new(base);
    let mut block = heap.malloc(512);
    let mut small = heap.malloc(128);
    for step in 1..4_000 {
        // SAFETY: each block is live until it is reallocated or freed.
        unsafe {
            block = heap.realloc(block, 512 + 128 * step);
            let next = heap.malloc(128);
            heap.free(small);
            small = next;
        }
        assert_eq!(heap.check(), Ok(()), "{step}");
    }
    let taken = heap.base().taken.get();
    assert!(taken < 4_000 * 128 * 5 / 4, "{taken}");
}
