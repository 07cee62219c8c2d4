//! What other code maps within an area stays as it is, and the heap goes on beside it.

#![cfg(not(loom))]

use std::{alloc::Layout, ptr::NonNull};

use stratalloc_arena::{AREA_SIZE, ArenaHeap, Partition};
use stratalloc_core::Allocator;
use stratalloc_pages::os;

/// Maps `size` bytes at many places in each partition of the area that `heap` lies in, and writes to them.
fn foreign(heap: &ArenaHeap, size: usize) -> Vec<NonNull<u8>> {
    let block = heap.allocate(Layout::new::<u64>()).unwrap();
    let area = block.cast::<u8>().addr().get() & !(AREA_SIZE - 1);
    let mut pieces = Vec::new();
    for partition in Partition::all() {
        let step = partition.segment_size() * 3 + partition.segment_size() / 2;
        for number in 0..60 {
            let address = area + partition.offset() + number * step;
            // A place that is taken already is the heap's.
            if let Ok(piece) = os::map_at(address, size) {
                // SAFETY: just mapped.
                unsafe { piece.as_ptr().write_bytes(number as u8 + 1, size) };
                pieces.push(piece);
            }
        }
    }
    pieces
}

#[test]
fn a_heap_goes_around_what_others_mapped_in_its_area() {
    let size = os::page_size();
    let mut heap = ArenaHeap::new().unwrap();
    let pieces = foreign(&heap, size);
    assert!(pieces.len() > 400, "{}", pieces.len());
    for round in 0..2 {
        for bytes in [8, 64, 100, 300, 1000, 2000, 30_000, 100_000, 1 << 20, 5 << 20, 40 << 20] {
            let layout = Layout::from_size_align(bytes, 8).unwrap();
            for _ in 0..(8 << 20) / bytes + 2 {
                let block = heap.allocate(layout).unwrap().cast::<u8>();
                // SAFETY: the block holds so many bytes.
                unsafe {
                    block.write(0xee);
                    block.add(bytes - 1).write(0xee);
                }
            }
        }
        for piece in &pieces {
            // SAFETY: still mapped; nobody else writes to it.
            let bytes = unsafe { core::slice::from_raw_parts(piece.as_ptr(), size) };
            assert!(bytes[0] > 0 && bytes[0] < 61 && bytes.iter().all(|&byte| byte == bytes[0]));
        }
        if round == 0 {
            heap.reset();
        }
    }
    drop(heap);
    stratalloc_arena::global::trim();
    for piece in pieces {
        // SAFETY: as above; mapped by this test.
        unsafe {
            assert_ne!(piece.read(), 0);
            os::unmap(piece, size).unwrap();
        }
    }
}
