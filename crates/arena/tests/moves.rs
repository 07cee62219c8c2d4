//! Large blocks that move while several mappings lie behind them: where huge pages begin, and in a
//! forked child, whose new pages the kernel keeps apart from those it shares.
//!
//! Kernels differ in what they do when such a range is moved by page tables, so these run in others too
//! (`cargo xtask kernels`).

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/level.rs"]
mod level;

use std::fs;

use alone::alone;
use level::HARDENED;
use stratalloc_arena::{Config, global};

const MIB: usize = 1 << 20;
const PAGE: usize = 4096;

/// A block, freed with the test.
struct Block {
    start: *mut u8,
    size: usize,
}

impl Block {
    /// A block whose pages are all touched, each with its number.
    fn new(size: usize) -> Self {
        let block = Self { start: global::allocate(size, 8), size: 0 };
        assert!(!block.start.is_null());
        block.filled(size)
    }

    /// Grows it, with what is new touched as well.
    fn grown(mut self, size: usize) -> Self {
        // SAFETY: the block is live; its old address is forgotten.
        let start = unsafe { global::reallocate(self.start, size, 8) };
        assert!(!start.is_null());
        self.start = start;
        self.filled(size)
    }

    fn filled(mut self, size: usize) -> Self {
        for page in self.size / PAGE..size / PAGE {
            // SAFETY: the page lies in the block.
            unsafe { self.start.add(page * PAGE).cast::<u32>().write_unaligned(!page as u32) };
        }
        self.size = size;
        self
    }

    fn check(&self) {
        for page in 0..self.size / PAGE {
            // SAFETY: the page lies in the block.
            let found = unsafe { self.start.add(page * PAGE).cast::<u32>().read_unaligned() };
            assert_eq!(found, !page as u32, "page {page}");
        }
    }

    /// How many mappings lie behind it.
    fn mappings(&self) -> usize {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let (from, to) = (self.start.addr(), self.start.addr() + self.size);
        let overlaps = |line: &&str| {
            let (first, last) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let number = |text| usize::from_str_radix(text, 16).unwrap();
            number(first) < to && number(last) > from
        };
        maps.lines().filter(overlaps).count()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the block is live, and not used any more.
        unsafe { global::deallocate(self.start) };
    }
}

/// Grows a block of 6 MiB, in place and then past others that lie in its way.
fn grows_past_others(block: Block) {
    let block = block.grown(12 * MIB);
    // Between guards, a block has no huge pages, which would be a mapping of their own.
    assert!(block.mappings() > 1 || HARDENED, "the system put one mapping behind it");
    let others: Vec<_> = (0..3).map(|_| Block::new(6 * MIB)).collect();
    let block = block.grown(40 * MIB);
    block.check();
    others.iter().for_each(Block::check);
    let block = block.grown(90 * MIB);
    block.check();
}

#[test]
fn content_moves_from_where_huge_pages_begin() {
    let _alone = alone();
    let block = Block::new(6 * MIB);
    // So much is held that the block's growth comes in huge pages.
    let filler = Block::new(40 * MIB);
    grows_past_others(block);
    filler.check();
}

#[test]
fn content_moves_in_a_forked_child() {
    let _alone = alone();
    let block = Block::new(6 * MIB);
    // SAFETY: the child calls nothing but the allocator and what opens a file, and ends by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let moved = std::panic::catch_unwind(|| {
            Config::new().huge_pages(false).apply().unwrap();
            grows_past_others(block);
        });
        // SAFETY: ends the child without the parent's handlers.
        unsafe { libc::_exit(i32::from(moved.is_err())) };
    }
    let mut status = 0;
    // SAFETY: `status` is written to.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    block.check();
}
