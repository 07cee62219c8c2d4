//! From indices to addresses and back: the shared allocator's chunks, blocks and links.

use core::{
    alloc::Layout,
    cell::Cell,
    ptr::NonNull,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use stratalloc_core::Allocator;

use super::SyncBlockAllocator;
use crate::{
    free_list::{CHECKED, Link, peek},
    poison,
    shared::{
        depot::Taken,
        frontier::{ChunkSource, Claim},
        index::{Index, MAX_CHUNK_BLOCKS},
        shelf::Shelf,
        stack::Links,
    },
};

/// The link of a block, behind the blocks of its chunk. Not loom's: it lies in raw memory, and the
/// models keep theirs in a vector.
pub(in crate::shared) type SideLink = AtomicU32;

/// Blocks that nobody else has, on their way to the caller.
#[derive(Clone, Copy, Debug)]
pub(in crate::shared) enum Supply {
    /// From a shelf.
    Lone(NonNull<u8>),
    /// From the depot.
    Taken(Taken),
}

impl<A: Allocator> SyncBlockAllocator<A> {
    /// Takes a batch, or else at most `fresh` blocks that nobody had. The base may be asked, so what the
    /// caller knew of its own blocks may have changed after this.
    #[inline]
    pub(in crate::shared) fn obtain(&self, home: usize, fresh: usize) -> Option<Supply> {
        let taken = self.depot.take(home, self, fresh).map(Supply::Taken);
        taken.or_else(|| self.obtain_from_afar(home, fresh))
    }

    /// Looks on all shelves before the base is asked, and again when that has no more.
    #[cold]
    #[inline(never)]
    fn obtain_from_afar(&self, home: usize, fresh: usize) -> Option<Supply> {
        let find = || self.shelves.iter().find_map(Shelf::find).map(Supply::Lone);
        find().or_else(|| self.depot.grow(home, self, fresh).map(Supply::Taken)).or_else(find)
    }

    /// Writes blocks that were [obtained](Self::obtain) into the front of `out`, which isn't empty, the first
    /// to be used last; returns how many. What doesn't fit goes back.
    #[inline]
    pub(in crate::shared) fn unpack(
        &self,
        home: usize,
        supply: Supply,
        out: &[Cell<NonNull<u8>>],
    ) -> usize {
        match supply {
            Supply::Lone(block) => {
                out[0].set(block);
                1
            }
            Supply::Taken(Taken::Batch(first)) => self.unpack_batch(home, first, out),
            Supply::Taken(Taken::Fresh(claim)) => self.unpack_fresh(claim, out),
        }
    }

    #[inline]
    fn unpack_batch(&self, home: usize, first: Index, out: &[Cell<NonNull<u8>>]) -> usize {
        let mut next = Some(self.address(first));
        let mut places = out.iter();
        while let Some(block) = next {
            let Some(place) = places.next() else {
                self.depot.put_back(home, self, self.index_of_ours(block));
                break;
            };
            place.set(block);
            next = self.chained(block);
        }
        let count = out.len() - places.len();
        self.depot.note_taken(home, count);
        count
    }

    /// Fresh blocks are used in the order of addresses.
    fn unpack_fresh(&self, claim: Claim, out: &[Cell<NonNull<u8>>]) -> usize {
        let (first, count) = claim.first();
        let start = self.address(first);
        for (step, place) in out[..count].iter().rev().enumerate() {
            // SAFETY: the blocks of a claim lie behind each other.
            place.set(unsafe { start.add(step * self.blocks.size()) });
        }
        if CHECKED {
            claim.iter().for_each(|index| self.set_next(index, Index::NIL));
        }
        count
    }

    /// Puts back blocks that the caller alone has, as a batch.
    #[inline]
    pub(in crate::shared) fn put(&self, home: usize, blocks: &[Cell<NonNull<u8>>]) {
        let [first, ..] = blocks else { return };
        // SAFETY: [SYNC_BLOCK_ALLOCATOR-2] the blocks are the caller's.
        unsafe {
            for pair in blocks.windows(2) {
                chain(pair[0].get(), Some(pair[1].get()));
            }
            chain(blocks[blocks.len() - 1].get(), None);
        }
        self.depot.put(home, self, self.index_of_ours(first.get()), blocks.len());
    }

    /// Returns the block after this one in a batch that the caller alone has. Checked builds end the process if
    /// that isn't a free block, since this one was written to.
    #[inline]
    fn chained(&self, block: NonNull<u8>) -> Option<NonNull<u8>> {
        // SAFETY: [SYNC_BLOCK_ALLOCATOR-4] it was written when the batch was put together.
        let next = unsafe { peek(block) };
        if CHECKED && next.is_some_and(|next| !self.is_free(next)) {
            self.report_overwritten(block);
        }
        next
    }

    /// Returns where the block is.
    #[inline]
    pub(in crate::shared) fn address(&self, index: Index) -> NonNull<u8> {
        // SAFETY: [SYNC_BLOCK_ALLOCATOR-1] for the chunk, in which the position lies.
        unsafe { self.boundary(index).sub((index.position() + 1) * self.blocks.size()) }
    }

    /// Returns the block that starts at the address, if one does.
    #[inline]
    pub(in crate::shared) fn index(&self, address: NonNull<u8>) -> Option<Index> {
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
    pub(in crate::shared) fn link(&self, index: Index) -> &SideLink {
        let link = self.boundary(index).cast::<SideLink>();
        // SAFETY: [SYNC_BLOCK_ALLOCATOR-1] for the chunk, in which the position lies, and the boundary is aligned as
        // blocks are. What isn't initialised yet is only written [SYNC_BLOCK_ALLOCATOR-3].
        unsafe { link.add(index.position()).as_ref() }
    }

    /// Returns the address between blocks and links of the chunk in which the block lies.
    #[inline]
    fn boundary(&self, index: Index) -> NonNull<u8> {
        let boundary = self.depot.frontier().chunk(index.chunk());
        debug_assert!(boundary.is_some());
        // SAFETY: an index names a block of a chunk that was opened, so it is filed [FRONTIER-2]; and the thread that has the
        // index sees that, for he claimed the block, or has it from a stack's head [STACK-3: from the head].
        unsafe { boundary.unwrap_unchecked() }
    }

    /// Returns what is asked of the base for the chunk with this number, and how far in its boundary is.
    pub(in crate::shared) fn chunk_layout(&self, number: usize) -> Option<(Layout, usize)> {
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
    pub(in crate::shared) unsafe fn release(&self, number: usize, boundary: NonNull<u8>) {
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

/// Writes into a free block which one comes after it in its batch.
///
/// # Safety
///
/// The block is the caller's alone.
#[inline]
unsafe fn chain(block: NonNull<u8>, next: Option<NonNull<u8>>) {
    poison::unpoison(block, size_of::<Link>());
    // SAFETY: the block is the caller's alone; every block has room for a link, and is as aligned.
    unsafe { Link::write(block, next) };
    poison::poison(block, size_of::<Link>());
}

impl<A: Allocator> Links for SyncBlockAllocator<A> {
    // Relaxed, both: a link is ordered by the head of the stack that names its block, or else what was
    // read is thrown away.

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
