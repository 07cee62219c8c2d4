//! The block allocator of one thread.

use core::{alloc::Layout, cell::Cell, fmt, mem::MaybeUninit, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator, Owns, Stats};

use crate::{
    BlockError, BlockLayout, BlockStats, Blocks, Buffer, Growth,
    allocator::impl_allocator,
    chunk::{Chunk, ChunkList, ChunkShape},
    free_list::{CHECKED, FreeList},
    poison,
};

mod check;
#[cfg(test)]
mod tests;

/// Blocks of one size for one thread: cut from chunks of a base, or from a buffer.
///
/// ```
/// use core::mem::MaybeUninit;
/// use stratalloc_block::{BlockAllocator, BlockLayout, Blocks};
///
/// let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
/// let pool = BlockAllocator::from_buffer(&mut buffer, BlockLayout::new(48, 16)?)?;
/// let block = pool.alloc_block()?;
/// // SAFETY: the block is live, and not used from here on.
/// unsafe { pool.free_block(block) };
/// assert_eq!(pool.alloc_block(), Ok(block), "the last one freed is the first one reused");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// It isn't thread-safe, and can't be shared by mistake (S2.6):
///
/// ```compile_fail,E0277
/// fn share<T: Sync>() {}
/// share::<stratalloc_block::BlockAllocator<stratalloc_block::Buffer<'static>>>();
/// ```
///
/// # How it works
///
/// ```text
/// alloc_block ── pop the free list ── empty? ── carve the next fresh block ── none? ── grow
/// free_block ─── push on the free list
/// ```
///
/// Once saturated, both are two loads and stores. A chunk is not cut up when it comes: blocks are
/// carved off its front as they are needed, so growth costs one call of the base and touches no
/// memory but a link. Memory is never given back before the drop, which gives each chunk back once,
/// whether blocks in it are live or not.
///
/// # Invariants
///
/// - [BLOCK_ALLOCATOR-1: free] The free list holds blocks of our chunks that were handed out and freed.
/// - [BLOCK_ALLOCATOR-2: fresh] From `fresh` to `fresh_end` lie the blocks of the newest chunk that were never
///   handed out; in older chunks there are none.
/// - [BLOCK_ALLOCATOR-3: carved] A block is carved only while the free list is empty, so all that were carved
///   before are live then: as many blocks as were ever carved were once used together. The peak
///   comes for free.
pub struct BlockAllocator<A: Allocator> {
    free: FreeList,
    fresh: Cell<NonNull<u8>>,
    fresh_end: Cell<NonNull<u8>>,
    shape: ChunkShape,
    chunks: ChunkList,
    base: A,
}

// SAFETY: chunks are the allocator's own and tied to no thread, and the base goes along. Nothing
// else can reach the cells, since the type is not `Sync`.
unsafe impl<A: Allocator + Send> Send for BlockAllocator<A> {}

impl<A: Allocator> BlockAllocator<A> {
    /// Returns an allocator that takes chunks from `base` as `growth` says, the first one when a block is
    /// first asked for.
    pub const fn new_in(base: A, blocks: BlockLayout, growth: Growth) -> Self {
        Self {
            free: FreeList::new(),
            fresh: Cell::new(NonNull::dangling()),
            fresh_end: Cell::new(NonNull::dangling()),
            shape: ChunkShape { blocks, growth },
            chunks: ChunkList::new(),
            base,
        }
    }

    /// Returns the base that chunks come from.
    pub const fn base(&self) -> &A {
        &self.base
    }

    /// Hands out a block for `size` bytes aligned to `align`, if blocks are that large and that
    /// aligned: the seed's `alloc_aligned`. `align` that is no power of two is an error.
    ///
    /// ```
    /// # use core::mem::MaybeUninit;
    /// # use stratalloc_block::{BlockAllocator, BlockLayout};
    /// # let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
    /// let pool = BlockAllocator::from_buffer(&mut buffer, BlockLayout::new(64, 32)?)?;
    /// assert!(pool.alloc_aligned(50, 32)?.is_aligned_to(32));
    /// assert!(pool.alloc_aligned(50, 64).is_err() && pool.alloc_aligned(65, 1).is_err());
    /// # trait AlignedTo { fn is_aligned_to(self, align: usize) -> bool; }
    /// # impl AlignedTo for core::ptr::NonNull<u8> {
    /// #     fn is_aligned_to(self, align: usize) -> bool { self.addr().get() % align == 0 }
    /// # }
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn alloc_aligned(&self, size: usize, align: usize) -> Result<NonNull<u8>, AllocError> {
        let layout = Layout::from_size_align(size, align).map_err(|_| AllocError)?;
        if self.shape.blocks.fits(layout) { self.alloc_block() } else { Err(AllocError) }
    }

    /// Orders the free list by address, so that blocks come out in the order of memory again.
    ///
    /// Use shuffles the list, and with it what is allocated in a row lies scattered (S2.4). This
    /// costs `n·log2(n)` steps for `n` free blocks and no memory.
    pub fn sort_free_list(&self) {
        self.free.sort();
    }

    #[cold]
    #[inline(never)]
    fn alloc_fresh(&self) -> Result<NonNull<u8>, AllocError> {
        while self.fresh.get() == self.fresh_end.get() {
            self.add_chunk()?;
            // [BLOCK_ALLOCATOR-3: carved]: the base may have had code run that freed blocks here.
            if !self.free.is_empty() {
                return self.alloc_block();
            }
        }
        let block = self.fresh.get();
        // SAFETY: [BLOCK_ALLOCATOR-2: fresh] the range isn't empty now, and it is a whole number of blocks.
        self.fresh.set(unsafe { block.add(self.shape.blocks.size()) });
        Ok(self.hand_out(block))
    }

    #[inline]
    fn hand_out(&self, block: NonNull<u8>) -> NonNull<u8> {
        poison::unpoison(block, self.shape.blocks.size());
        if CHECKED {
            // SAFETY: the block is nobody's yet. What looked like a link looks like one no more.
            unsafe { block.cast::<usize>().write(0) };
        }
        block
    }

    /// The one place where the base is asked for memory: once a chunk (S2.2).
    fn add_chunk(&self) -> Result<(), AllocError> {
        let number = self.chunks.count();
        let layout = self.shape.layout(number).ok_or(AllocError)?;
        let start = self.base.allocate(layout)?.cast();
        if self.chunks.count() != number {
            // The base had code run that allocated here: the chunk of this number is there.
            // SAFETY: the base just gave us this memory, and nothing in it is used.
            unsafe { self.base.deallocate(start, layout) };
            return Ok(());
        }
        // SAFETY: the base just gave us memory of this layout.
        let chunk = unsafe { self.chunks.add(start, self.shape) };
        self.set_fresh(chunk);
        Ok(())
    }

    fn set_fresh(&self, chunk: Chunk) {
        let size = chunk.blocks * self.shape.blocks.size();
        poison::poison(chunk.start, size);
        self.fresh.set(chunk.start);
        // SAFETY: the chunk's blocks are `size` bytes, as its layout found.
        self.fresh_end.set(unsafe { chunk.start.add(size) });
    }

    /// # Safety
    ///
    /// As for [`Blocks::free_block`].
    #[inline]
    unsafe fn push(&self, block: NonNull<u8>) {
        // SAFETY: the caller gives the block up, and every block has room for a link.
        unsafe { self.free.push(block) };
        poison::poison(block, self.shape.blocks.size());
    }

    /// Blocks that were ever handed out.
    fn carved(&self) -> usize {
        self.capacity() - self.fresh_blocks()
    }

    fn capacity(&self) -> usize {
        (0..self.chunks.count()).map(|number| self.shape.growth.blocks_in(number)).sum()
    }

    fn fresh_blocks(&self) -> usize {
        let bytes = self.fresh_end.get().addr().get() - self.fresh.get().addr().get();
        bytes / self.shape.blocks.size()
    }
}

impl<'a> BlockAllocator<Buffer<'a>> {
    /// Returns an allocator that lives in `buffer` and never grows. The blocks start at the buffer's first
    /// aligned address; nothing else is kept in it.
    pub fn from_buffer(
        buffer: &'a mut [MaybeUninit<u8>],
        blocks: BlockLayout,
    ) -> Result<Self, BlockError> {
        let (base, start, count) = Buffer::divide(buffer, blocks, 0)?;
        let mut pool = Self::new_in(base, blocks, Growth::fixed(count));
        // SAFETY: `divide` found room for the blocks of chunk 0, and they are borrowed for as long
        // as the allocator lives.
        pool.chunks = unsafe { ChunkList::of(start) };
        pool.set_fresh(Chunk { number: 0, start, blocks: count });
        Ok(pool)
    }
}

// SAFETY: a block handed out comes off the free list ([BLOCK_ALLOCATOR-1]) or off the fresh range ([BLOCK_ALLOCATOR-2]), and is in
// neither from then on; chunks stay where they are until the drop, and are aligned as the layout
// says, with blocks a multiple of the alignment apart.
unsafe impl<A: Allocator> Blocks for BlockAllocator<A> {
    #[inline]
    fn block_layout(&self) -> BlockLayout {
        self.shape.blocks
    }

    #[inline]
    fn alloc_block(&self) -> Result<NonNull<u8>, AllocError> {
        let Some(block) = self.free.pop() else { return self.alloc_fresh() };
        if CHECKED {
            self.expect_intact(block);
        }
        Ok(self.hand_out(block))
    }

    #[inline]
    unsafe fn free_block(&self, block: NonNull<u8>) {
        if CHECKED {
            self.expect_live(block);
        }
        // SAFETY: the block is live.
        unsafe { self.push(block) };
    }
}

impl_allocator!([A: Allocator] BlockAllocator<A>);

// SAFETY: all blocks lie in chunks, which are this allocator's.
unsafe impl<A: Allocator> Owns for BlockAllocator<A> {
    /// Takes time in the number of chunks.
    fn owns(&self, address: NonNull<u8>) -> bool {
        self.chunks.find(address, self.shape).is_some()
    }
}

impl<A: Allocator> Stats for BlockAllocator<A> {
    type Snapshot = BlockStats;

    /// Counts nothing while it allocates; so it walks the free list now.
    fn stats(&self) -> BlockStats {
        let free = self.free.iter().count();
        let layouts = (0..self.chunks.count()).filter_map(|number| self.shape.layout(number));
        BlockStats {
            blocks: self.shape.blocks,
            chunks: self.chunks.count(),
            capacity: self.capacity(),
            used: self.carved() - free,
            peak: self.carved(),
            free,
            fresh: self.fresh_blocks(),
            reserved_bytes: layouts.map(|layout| layout.size()).sum(),
        }
    }
}

impl<A: Allocator> Drop for BlockAllocator<A> {
    fn drop(&mut self) {
        // SAFETY: each chunk was allocated from the base with this layout (that of a buffer takes
        // nothing back), and is given to this closure once.
        self.chunks
            .clear(self.shape, |start, layout| unsafe { self.base.deallocate(start, layout) });
    }
}

impl<A: Allocator> fmt::Debug for BlockAllocator<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockAllocator").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
