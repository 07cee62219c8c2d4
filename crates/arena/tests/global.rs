//! The process-wide arenas under the whole test program, and with a pattern in every block.

#![cfg(not(loom))]

#[path = "common/arenas.rs"]
mod arenas;

use std::{collections::HashMap, sync::mpsc, thread};

use stratalloc_arena::global;

/// A live block with a pattern in it.
struct Block {
    start: *mut u8,
    size: usize,
    seed: u8,
}

// SAFETY: the block is its holder's alone.
unsafe impl Send for Block {}

/// Bytes at each end of a block that carry the pattern.
const EDGE: usize = 64;

impl Block {
    fn new(size: usize, align: usize, seed: u8) -> Self {
        let start = global::allocate(size, align);
        assert!(!start.is_null(), "{size} at {align}");
        assert_eq!(start.addr() % align, 0, "{size} at {align}");
        // SAFETY: just allocated.
        assert!(unsafe { global::usable_size(start) } >= size);
        let block = Self { start, size, seed };
        block.fill();
        block
    }

    fn edges(&self) -> impl Iterator<Item = usize> {
        (0..self.size.min(EDGE)).chain(self.size.saturating_sub(EDGE).max(EDGE)..self.size)
    }

    fn fill(&self) {
        for at in self.edges() {
            // SAFETY: within the block.
            unsafe { self.start.add(at).write(self.seed) };
        }
    }

    fn check(&self, upto: usize) {
        for at in self.edges().filter(|&at| at < upto) {
            // SAFETY: within the block.
            assert_eq!(unsafe { self.start.add(at).read() }, self.seed, "{} at {at}", self.size);
        }
    }

    fn resize(&mut self, size: usize, align: usize) {
        // SAFETY: the block is live, and has this size and alignment.
        let moved = unsafe {
            match size % 2 {
                0 => global::reallocate_sized(self.start, self.size, size, align),
                _ => global::reallocate(self.start, size, align),
            }
        };
        self.take(moved, size, align);
    }

    /// As C does, which has 16 for every alignment.
    fn resize_c(&mut self, size: usize) {
        // SAFETY: the block is live, and came from C's calls.
        let moved = unsafe { global::reallocate_c(self.start, size) };
        self.take(moved, size, 16);
    }

    /// Checks what it has at its new place.
    fn take(&mut self, moved: *mut u8, size: usize, align: usize) {
        assert!(!moved.is_null());
        assert_eq!(moved.addr() % align, 0);
        let kept = self.size.min(size);
        self.start = moved;
        for at in (0..kept.min(EDGE)).chain(kept.saturating_sub(EDGE).max(EDGE)..kept) {
            if at < EDGE || at >= self.size - EDGE.min(self.size) {
                // SAFETY: within the block.
                let byte = unsafe { moved.add(at).read() };
                assert_eq!(byte, self.seed, "{} to {size} at {at}", self.size);
            }
        }
        self.size = size;
        self.fill();
    }

    fn free(self) {
        self.check(self.size);
        // SAFETY: the block is live, and not used after.
        unsafe { global::deallocate(self.start) };
    }
}

/// Where the seed's ranges meet.
fn boundaries() -> Vec<usize> {
    let mut sizes = vec![8, 64, 128, 256, 512, 1024, 2048, 4096, 32 << 10];
    sizes.extend([64 << 10, 2 << 20, 4 << 20, 8 << 20, 512 << 20, 4 << 30]);
    sizes.iter().flat_map(|size| [size - 1, *size, size + 1]).collect()
}

#[test]
fn boundaries_with_every_alignment_from_this_thread_and_another() {
    let (sender, receiver) = mpsc::channel::<Block>();
    let other = thread::spawn(move || receiver.into_iter().for_each(Block::free));
    for size in boundaries() {
        for shift in 0..=21_u8 {
            if size > 16 << 20 && shift % 7 != 0 {
                continue;
            }
            let align = 1 << shift;
            Block::new(size, align, shift).free();
            let mut block = Block::new(size, align, 100 + shift);
            block.resize(size + size / 2, align);
            block.resize(size, align);
            block.resize((size / 3).max(1), align);
            sender.send(block).unwrap();
        }
    }
    drop(sender);
    other.join().unwrap();
}

/// Up to 64 KiB and down again, by steps of all widths.
#[test]
fn blocks_of_c_keep_their_content_as_they_grow_and_shrink() {
    for (first, percent) in (1..40).flat_map(|first| [10, 30, 60, 150].map(|by| (first, by))) {
        let size = first * first;
        let mut block = Block { start: global::allocate_c(size), size, seed: first as u8 };
        block.fill();
        while block.size < 64 << 10 {
            block.resize_c(block.size + block.size * percent / 100 + 1);
        }
        while block.size > 16 {
            block.resize_c(block.size * 100 / (100 + percent));
        }
        block.check(block.size);
        // SAFETY: the block is live, and not used after.
        unsafe { global::deallocate_c(block.start) };
    }
}

#[test]
fn live_blocks_of_every_size_never_overlap() {
    let mut live: HashMap<usize, Block> = HashMap::new();
    let mut random = 1_u64;
    for step in 0..400_000_usize {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let key = (random >> 33) as usize % 3000;
        if let Some(block) = live.remove(&key) {
            block.free();
        } else {
            let size = 1 + ((random >> 20) as usize % (1 << (3 + key % 15)));
            live.insert(key, Block::new(size, 1 << (key % 5), step as u8));
        }
    }
    live.into_values().for_each(Block::free);
}

#[test]
fn zeroed_blocks_are_zero_also_when_reused() {
    for size in boundaries().into_iter().filter(|&size| size <= 8 << 20) {
        for _ in 0..3 {
            let block = global::allocate_zeroed(size, 8);
            // SAFETY: just allocated.
            let bytes = unsafe { core::slice::from_raw_parts_mut(block, size) };
            assert!(bytes.iter().all(|&byte| byte == 0), "{size}");
            bytes.fill(0xFF);
            // SAFETY: live, and not used after.
            unsafe { global::deallocate(block) };
        }
    }
}

#[test]
fn threads_come_and_go_and_free_each_others_blocks() {
    for round in 0..200_u8 {
        let blocks: Vec<Block> = (1..300).map(|size| Block::new(size * 7, 8, round)).collect();
        let back = thread::spawn(move || {
            blocks.into_iter().for_each(Block::free);
            (1..300).map(|size| Block::new(size * 11, 16, round)).collect::<Vec<Block>>()
        });
        back.join().unwrap().into_iter().for_each(Block::free);
    }
}

/// A resize may change the alignment alone, as `Allocator::shrink` does: what is freed then is of the new one.
#[test]
fn a_block_that_keeps_its_size_may_get_another_alignment() {
    for size in [0, 1, 8, 64, 1000, 5000] {
        for [old, new] in [[4096, 2], [64, 8], [8, 1], [2, 64], [1, 4096]] {
            let block = global::allocate(size, old);
            if block.addr() % new != 0 {
                // SAFETY: just allocated.
                unsafe { global::deallocate(block) };
                continue;
            }
            // SAFETY: the block is live, aligned to both, and is freed as it was last resized.
            unsafe {
                let block = global::reallocate_sized(block, size, size, new);
                global::deallocate_sized(block, size, new);
            }
        }
    }
}

/// As `Allocator::shrink` and `grow` may ask for it.
#[test]
fn a_block_may_shrink_to_no_bytes_and_grow_from_none() {
    for size in [1, 8, 100, 1000, 40_000] {
        let block = global::allocate(size, 8);
        // SAFETY: the block is live, of this size each time, and is freed as it was last resized.
        unsafe {
            let none = global::reallocate_sized(block, size, 0, 8);
            let some = global::reallocate_sized(none, 0, size, 8);
            some.write_bytes(1, size);
            let none = global::reallocate_sized(some, size, 0, 8);
            assert!(!none.is_null());
            global::deallocate_sized(none, 0, 8);
        }
    }
}

/// Threads take over the heaps of others that end at the same moment.
#[test]
fn threads_start_while_others_end() {
    let work = |seed: u8| {
        let blocks: Vec<Block> = (1..200).map(|size| Block::new(size * 7, 8, seed)).collect();
        blocks.into_iter().for_each(Block::free);
    };
    thread::scope(|scope| {
        for seed in 0..4 {
            scope.spawn(move || {
                for _ in 0..400 {
                    thread::spawn(move || work(seed)).join().unwrap();
                }
            });
        }
    });
}

#[test]
fn vectors_grow_to_the_gigabytes() {
    let mut vector = vec![1_u8; 64 << 10];
    // Where something was written, and what.
    let mut written = vec![(0, 1), (vector.len() - 1, 1)];
    while vector.len() < 2 << 30 {
        vector.reserve_exact(vector.len());
        let last = vector.capacity() - 1;
        // SAFETY: within the capacity; the bytes between are zero or stale, and never read.
        unsafe {
            vector.as_mut_ptr().add(last).write(written.len() as u8);
            vector.set_len(last + 1);
        }
        written.push((last, written.len() as u8));
        for &(at, byte) in &written {
            assert_eq!(vector[at], byte, "at {at} of {}", vector.len());
        }
    }
}
