//! Where a heap's memory comes from, and how it goes back.

use core::{
    alloc::Layout,
    ptr::{NonNull, with_exposed_provenance_mut},
};

use stratalloc_core::Allocator;

use crate::{
    engine::{Engine, slab::CELL},
    heap::Heap,
    memory::used,
    policy::Policy,
    table::{Chunk, Table},
};

/// The alignment of what the heap asks of its base.
const CHUNK_ALIGN: usize = 16;

/// The heap asks its base for multiples of this many bytes: a page of most systems.
const CHUNK_STEP: usize = 4096;

/// The heap grows by at least this part of itself if what it gets is a region of its own,
const APART_PART: usize = 8;

/// and by this if it continues a region.
const JOINED_PART: usize = 64;

impl<B: Allocator, P: Policy> Heap<B, P> {
    /// Gets memory for a block of `size` bytes from the base; whether it could.
    ///
    /// At least a part of what there is, so that regions stay few and the moves of tables cheap; just
    /// enough if the base hasn't that much.
    #[cold]
    #[inline(never)]
    pub(crate) fn obtain(&self, size: usize) -> bool {
        let needed = Table::<P>::chunk_bytes(size + 2 * Engine::<P>::MIN);
        let Some(needed) = needed.and_then(|size| size.checked_next_multiple_of(CHUNK_STEP)) else {
            return false;
        };
        // SAFETY: the reference ends here [HEAP-1].
        let engine = unsafe { self.engine() };
        let part = if engine.has_joined { JOINED_PART } else { APART_PART };
        let part = (engine.span() / part).next_multiple_of(CHUNK_STEP);
        (part > needed && self.obtain_bytes(part)) || self.obtain_bytes(needed)
    }

    fn obtain_bytes(&self, size: usize) -> bool {
        let Ok(layout) = Layout::from_size_align(size, CHUNK_ALIGN) else { return false };
        let Ok(chunk) = self.base().allocate(layout) else { return false };
        let start = chunk.cast::<u8>().as_ptr().expose_provenance();
        let added = Chunk { start, size: chunk.len(), owned: true };
        // SAFETY: the base gave the memory to the heap alone; the reference ends here [HEAP-1].
        let is_useful = unsafe { self.engine().add_chunk(added) };
        if !is_useful {
            // SAFETY: just allocated, and not used.
            unsafe { self.base().deallocate(chunk.cast(), layout) };
        }
        is_useful
    }

    /// Resizes the last block of a region into new memory of the base, by just the difference; 0 if
    /// the base's memory isn't expected to continue the region.
    #[cold]
    pub(crate) unsafe fn resize_at_end(&self, address: usize, request: usize) -> usize {
        // SAFETY: the block is live; the references end before the base is called [HEAP-1].
        unsafe {
            let engine = self.engine();
            let old = engine.usable(address);
            if old <= CELL || !engine.has_joined || !engine.is_last(address) {
                return 0;
            }
            let more = Engine::<P>::block_size(request) - old;
            let is_done = self.obtain(more)
                && self.engine().open_behind(address, request)
                && self.engine().resize_in_place(address, request);
            if is_done { address } else { 0 }
        }
    }

    /// Gives empty regions back to the base, all or all but one; how many bytes.
    #[cold]
    #[inline(never)]
    pub(crate) fn give_back(&self, keep_one: bool) -> usize {
        let mut bytes = 0;
        // SAFETY: the reference ends before the base is called [HEAP-1].
        while let Some(table) = unsafe { self.engine() }.take_empty(keep_one) {
            bytes += self.give_back_chunks(table);
        }
        bytes
    }

    pub(crate) fn give_back_chunks(&self, table: Table<P>) -> usize {
        let mut bytes = 0;
        // The table itself lies in the first chunk or in the last: that one goes last.
        let mut give = |Chunk { start, size, owned }| {
            bytes += size;
            used(start, size);
            let start = NonNull::new(with_exposed_provenance_mut::<u8>(start));
            let layout = Layout::from_size_align(size, CHUNK_ALIGN);
            if let (Some(start), Ok(layout), true) = (start, layout, owned) {
                // SAFETY: the base gave the chunk, and nothing of it is in use any more.
                unsafe { self.base().deallocate(start, layout) };
            }
        };
        if table.is_below() {
            table.chunks().rev().for_each(&mut give);
        } else {
            table.chunks().for_each(&mut give);
        }
        bytes
    }

    /// Makes everything coalesce that can, and gives all empty regions back to the base: how many
    /// bytes.
    pub(crate) fn trim_all(&self) -> usize {
        // SAFETY: the reference ends here [HEAP-1].
        let engine = unsafe { self.engine() };
        engine.consolidate();
        engine.drain_slabs();
        self.give_back(false)
    }
}
