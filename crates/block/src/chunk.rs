//! The chunks of a local allocator, tracked without a header in any of them.
//!
//! Three things must be known of a chunk: where it is, how large it is, and which came before it.
//! The newest one's address stands in the allocator. Its size follows from its number (see
//! [`Growth`]). And behind the blocks of every chunk but the first stands one [`Link`], the same as
//! in a free block, to the chunk before:
//!
//! ```text
//!  allocator: newest, count ─────────────┐
//!                                        ▼
//!  ┌───────┬───────┬───────┐         ┌───────┬───────┬ ··· ┬───────┬──────┐
//!  │ block │ block │ block │    ┌────│ block │ block │     │ block │ link │
//!  └───────┴───────┴───────┘    │    └───────┴───────┴ ··· ┴───────┴──┬───┘
//!  ▲  chunk 0: blocks alone     │       chunk 1                       │
//!  └────────────────────────────┴─────────────────────────────────────┘
//! ```
//!
//! So blocks start where the chunk starts and keep its alignment; a header of 8 bytes would cost a
//! whole alignment's worth before the first block. A buffer, which is always chunk 0, is blocks to
//! the last. Rejected: a table (bounds the number of chunks), a block of each chunk as its record
//! (costs 4 KiB a chunk for blocks of a page).

use core::{alloc::Layout, cell::Cell, ptr::NonNull};

use crate::{BlockLayout, Growth, free_list::Link, poison};

/// What all chunks of an allocator follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkShape {
    pub(crate) blocks: BlockLayout,
    pub(crate) growth: Growth,
}

impl ChunkShape {
    /// Returns what is asked of the base for the chunk with this number, or `None` if it can't exist.
    pub(crate) fn layout(self, number: usize) -> Option<Layout> {
        let blocks = self.growth.blocks_in(number).checked_mul(self.blocks.size())?;
        let link = if number == 0 { 0 } else { size_of::<Link>() };
        Layout::from_size_align(blocks.checked_add(link)?, self.blocks.align()).ok()
    }
}

/// One chunk: its number, its first block and how many it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub(crate) number: usize,
    pub(crate) start: NonNull<u8>,
    pub(crate) blocks: usize,
}

impl Chunk {
    /// Returns the address behind the last block, where the link to the chunk before stands.
    fn end(self, blocks: BlockLayout) -> NonNull<u8> {
        // SAFETY: `ChunkShape::layout` found this product and the base gave as much.
        unsafe { self.start.add(self.blocks * blocks.size()) }
    }

    /// Returns whether the address lies in one of the chunk's blocks.
    fn contains(self, address: NonNull<u8>, blocks: BlockLayout) -> bool {
        (self.start..self.end(blocks)).contains(&address)
    }

    /// Returns whether one of the chunk's blocks starts at the address.
    pub(crate) fn has_block(self, address: NonNull<u8>, blocks: BlockLayout) -> bool {
        let offset = address.addr().get().wrapping_sub(self.start.addr().get());
        blocks.slot(offset) < self.blocks
    }
}

/// All chunks, the newest first.
///
/// # Invariants
///
/// - [CHUNK_LIST-1: chunks] Each chunk from `newest` on, of the number `count - 1` and downward, is memory of
///   the layout that [`ChunkShape::layout`] says, which the list alone owns but for its live blocks.
/// - [CHUNK_LIST-2: links] Behind the last block of each but chunk 0 stands the link to the one before.
#[derive(Debug)]
pub(crate) struct ChunkList {
    newest: Cell<NonNull<u8>>,
    count: Cell<usize>,
}

impl ChunkList {
    pub(crate) const fn new() -> Self {
        Self { newest: Cell::new(NonNull::dangling()), count: Cell::new(0) }
    }

    /// Returns a list of one chunk.
    ///
    /// # Safety
    ///
    /// `start` is the memory that `shape` has for chunk 0, given up by the caller.
    pub(crate) const unsafe fn of(start: NonNull<u8>) -> Self {
        Self { newest: Cell::new(start), count: Cell::new(1) }
    }

    pub(crate) fn count(&self) -> usize {
        self.count.get()
    }

    /// Adds a chunk, whose number is [`count`](Self::count) as it was.
    ///
    /// # Safety
    ///
    /// `start` is memory of the layout that `shape` has for that number, given up by the caller.
    pub(crate) unsafe fn add(&self, start: NonNull<u8>, shape: ChunkShape) -> Chunk {
        let number = self.count.get();
        let chunk = Chunk { number, start, blocks: shape.growth.blocks_in(number) };
        if number > 0 {
            // SAFETY: the layout of a chunk that isn't the first has room for a link behind its
            // blocks; sizes are multiples of an alignment that is a link's at least.
            unsafe { Link::write(chunk.end(shape.blocks), Some(self.newest.get())) };
        }
        self.newest.set(start);
        self.count.set(number + 1);
        chunk
    }

    /// Every chunk, the newest first.
    pub(crate) fn iter(&self, shape: ChunkShape) -> impl Iterator<Item = Chunk> {
        let mut start = Some(self.newest.get());
        (0..self.count.get()).rev().map_while(move |number| {
            let chunk = Chunk { number, start: start?, blocks: shape.growth.blocks_in(number) };
            // SAFETY: [CHUNK_LIST-2] for a chunk whose number isn't 0. It is read before the chunk is handed
            // out, for the caller may give it back.
            start = (number > 0).then(|| unsafe { Link::read(chunk.end(shape.blocks)) }).flatten();
            Some(chunk)
        })
    }

    /// Returns the chunk that one of whose blocks the address lies in.
    pub(crate) fn find(&self, address: NonNull<u8>, shape: ChunkShape) -> Option<Chunk> {
        self.iter(shape).find(|chunk| chunk.contains(address, shape.blocks))
    }

    /// Gives each chunk to `give_back`, with the layout it was allocated with, and forgets it.
    pub(crate) fn clear(
        &mut self,
        shape: ChunkShape,
        mut give_back: impl FnMut(NonNull<u8>, Layout),
    ) {
        for chunk in self.iter(shape) {
            if let Some(layout) = shape.layout(chunk.number) {
                poison::unpoison(chunk.start, layout.size());
                give_back(chunk.start, layout);
            }
        }
        self.count.set(0);
    }
}
