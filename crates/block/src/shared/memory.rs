//! From indices to addresses and back: the shared allocator's chunks, blocks and links.

use core::{
    alloc::Layout,
    ptr::NonNull,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use stratalloc_core::Allocator;

use super::{
    SyncBlockAllocator,
    frontier::ChunkSource,
    index::{Index, MAX_CHUNK_BLOCKS},
    shelf::Shelf,
    stack::Links,
};
use crate::{free_list::CHECKED, poison};

/// The link of a block, behind the blocks of its chunk. Not loom's: it lies in raw memory, and the
/// models keep theirs in a vector.
pub(super) type SideLink = AtomicU32;

impl<A: Allocator> SyncBlockAllocator<A> {
    /// Takes blocks that nobody has into the front of `out`, and says how many.
    #[inline]
    pub(super) fn take(&self, home: usize, out: &mut [Index]) -> usize {
        let count = match self.depot.take(home, self, out) {
            0 => self.take_from_afar(home, out),
            count => count,
        };
        if CHECKED {
            for &index in &out[..count] {
                self.set_next(index, Index::NIL);
            }
        }
        count
    }

    /// Looks on all shelves before the base is asked, and again when that has no more.
    #[cold]
    #[inline(never)]
    fn take_from_afar(&self, home: usize, out: &mut [Index]) -> usize {
        let find = |out: &mut [Index]| match self.shelves.iter().find_map(Shelf::find) {
            Some(block) => {
                out[0] = self.index_of_ours(block);
                1
            }
            None => 0,
        };
        match find(out) {
            0 => match self.depot.grow(home, self, out) {
                0 => find(out),
                count => count,
            },
            count => count,
        }
    }

    /// Puts back blocks that the caller alone has.
    #[inline]
    pub(super) fn put(&self, home: usize, blocks: &[Index]) {
        self.depot.put(home, self, blocks);
    }

    /// Where the block is.
    #[inline]
    pub(super) fn address(&self, index: Index) -> NonNull<u8> {
        // SAFETY: [Y1] for the chunk, in which the position lies.
        unsafe { self.boundary(index).sub((index.position() + 1) * self.blocks.size()) }
    }

    /// The block that starts at the address, if one does.
    #[inline]
    pub(super) fn index(&self, address: NonNull<u8>) -> Option<Index> {
        let (opened, _) = self.depot.frontier().opened_and_claimed();
        // The newest first: doubling, it is half of all.
        (0..opened).rev().find_map(|number| {
            let boundary = self.depot.frontier().chunk(number)?.addr().get();
            let distance = boundary.wrapping_sub(address.addr().get());
            let position = self.blocks.slot(distance).wrapping_sub(1);
            (position < self.blocks_in(number)).then(|| Index::new(number, position))
        })
    }

    #[inline]
    pub(super) fn link(&self, index: Index) -> &SideLink {
        let link = self.boundary(index).cast::<SideLink>();
        // SAFETY: [Y1] for the chunk, in which the position lies, and the boundary is aligned as
        // blocks are. What isn't initialised yet is only written [Y3].
        unsafe { link.add(index.position()).as_ref() }
    }

    /// The address between blocks and links of the chunk in which the block lies.
    #[inline]
    fn boundary(&self, index: Index) -> NonNull<u8> {
        let boundary = self.depot.frontier().chunk(index.chunk());
        debug_assert!(boundary.is_some());
        // SAFETY: an index names a block of a chunk that was opened, so it is filed [G2].
        unsafe { boundary.unwrap_unchecked() }
    }

    /// What is asked of the base for the chunk with this number, and how far in its boundary is.
    pub(super) fn chunk_layout(&self, number: usize) -> Option<(Layout, usize)> {
        let count = self.blocks_in(number);
        let boundary = count.checked_mul(self.blocks.size())?;
        let size = boundary.checked_add(count.checked_mul(size_of::<SideLink>())?)?;
        Some((Layout::from_size_align(size, self.blocks.align()).ok()?, boundary))
    }

    /// Gives a chunk back to the base.
    ///
    /// # Safety
    ///
    /// The boundary is that of a chunk with this number that `take_chunk` returned, and nothing in it
    /// is used from here on.
    pub(super) unsafe fn release(&self, number: usize, boundary: NonNull<u8>) {
        if let Some((layout, distance)) = self.chunk_layout(number) {
            // SAFETY: the memory was allocated with this layout, and starts this far below.
            unsafe {
                let start = boundary.sub(distance);
                poison::unpoison(start, distance);
                self.base.deallocate(start, layout);
            }
        }
    }
}

impl<A: Allocator> Links for SyncBlockAllocator<A> {
    // Relaxed, both: a link is ordered by the head of the stack that it is reached from, or else
    // what was read is thrown away.

    #[inline]
    fn next(&self, of: Index) -> Index {
        Index::from_bits(self.link(of).load(Relaxed))
    }

    #[inline]
    fn set_next(&self, of: Index, next: Index) {
        self.link(of).store(next.bits(), Relaxed);
    }
}

impl<A: Allocator> ChunkSource for SyncBlockAllocator<A> {
    #[inline]
    fn blocks_in(&self, number: usize) -> usize {
        self.growth.blocks_in(number).min(MAX_CHUNK_BLOCKS)
    }

    fn take_chunk(&self, number: usize) -> Option<NonNull<u8>> {
        let (layout, distance) = self.chunk_layout(number)?;
        let start = self.base.allocate(layout).ok()?.cast::<u8>();
        poison::poison(start, distance);
        // SAFETY: within the layout just allocated.
        Some(unsafe { start.add(distance) })
    }

    fn give_back(&self, number: usize, memory: NonNull<u8>) {
        // SAFETY: it came from `take_chunk` for this number, and was never filed.
        unsafe { self.release(number, memory) };
    }
}
