//! A base whose chunks touch each other.

use core::{alloc::Layout, cell::RefCell, ptr::NonNull};
use std::{boxed::Box, vec, vec::Vec};

use stratalloc_core::{AllocError, Allocator};

/// Bytes of a page: the heap asks for multiples of it.
const PAGE: usize = 4096;

/// Pages of the base's memory.
const PAGES: usize = 4096;

/// Hands out pages next to each other: in turn the lowest, the highest, and the lowest from a point
/// on that moves, so that chunks come to lie behind, before and between others.
pub(super) struct Touching {
    memory: NonNull<u8>,
    state: RefCell<State>,
}

struct State {
    taken: Vec<bool>,
    turn: usize,
}

impl Touching {
    /// None taken; `turn` says with which of the places it begins.
    pub(super) fn new(turn: usize) -> Self {
        let memory = Box::leak(vec![0_u8; PAGE * PAGES].into_boxed_slice());
        let state = RefCell::new(State { taken: vec![false; PAGES], turn });
        Self { memory: NonNull::from(memory).cast(), state }
    }
}

impl Drop for Touching {
    fn drop(&mut self) {
        let is_all_back = !self.state.get_mut().taken.contains(&true);
        assert!(is_all_back || std::thread::panicking(), "all must be given back");
        let memory = core::ptr::slice_from_raw_parts_mut(self.memory.as_ptr(), PAGE * PAGES);
        // SAFETY: leaked by `new`, and nothing of it is taken any more.
        drop(unsafe { Box::from_raw(memory) });
    }
}

impl State {
    /// The first of `count` free pages, by the place whose turn it is.
    fn find(&mut self, count: usize) -> Option<usize> {
        let is_free = |start: &usize| !self.taken[*start..start + count].contains(&true);
        let last = PAGES.checked_sub(count)?;
        self.turn += 1;
        match self.turn % 3 {
            0 => (0..=last).find(is_free),
            1 => (0..=last).rfind(is_free),
            _ => (self.turn * 37 % PAGES..=last).chain(0..=last).find(is_free),
        }
    }
}

// SAFETY: pages are taken once until they are given back, and don't move with the base.
unsafe impl Allocator for Touching {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let mut state = self.state.borrow_mut();
        let count = layout.size().div_ceil(PAGE);
        let start = state.find(count).ok_or(AllocError)?;
        state.taken[start..start + count].fill(true);
        // SAFETY: the pages lie in the memory.
        let block = unsafe { self.memory.add(start * PAGE) };
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block lies in the memory.
        let start = unsafe { block.offset_from_unsigned(self.memory) } / PAGE;
        let pages = &mut self.state.borrow_mut().taken[start..start + layout.size().div_ceil(PAGE)];
        assert!(!pages.contains(&false), "given back twice");
        pages.fill(false);
    }
}
