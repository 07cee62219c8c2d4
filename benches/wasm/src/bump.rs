//! The least that a program can allocate with: it takes new memory, and gives none back.

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32::{memory_grow, memory_size},
    cell::Cell,
    ptr::{null_mut, with_exposed_provenance_mut},
};

const PAGE: usize = 65_536;

/// Where the next block may begin, or 0 before the first.
struct Bump(Cell<usize>);

// SAFETY: the programs here have one thread.
unsafe impl Sync for Bump {}

#[global_allocator]
static ALLOCATOR: Bump = Bump(Cell::new(0));

// SAFETY: no two blocks overlap, for each begins where the one before ended, or later; all of it is the program's.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.0.get() == 0 {
            self.0.set(memory_size(0) * PAGE);
        }
        let start = self.0.get().next_multiple_of(layout.align());
        let end = start + layout.size();
        let missing = end.saturating_sub(memory_size(0) * PAGE);
        if missing > 0 && memory_grow(0, missing.div_ceil(PAGE)) == usize::MAX {
            return null_mut();
        }
        self.0.set(end);
        with_exposed_provenance_mut(start)
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
