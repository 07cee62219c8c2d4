//! The seed's kernel: runs of 4096-byte blocks, freed by their address alone (S1.1).

mod chunk;

use core::{
    alloc::Layout,
    cell::Cell,
    ptr::{self, NonNull},
};

use stratalloc_core::{AllocError, Allocator, PageProvider, diag, empty_block};

use chunk::Chunk;

/// The size of a block in bytes, as the seed fixes it.
pub const MEM_BLOCK_SIZE: usize = 4096;

/// Runs of blocks of 4096 bytes over any provider; [`seeds`](crate::seeds) has the exercise's names.
///
/// Blocks come from chunks of `CHUNK` blocks (a power of two from 2 to 256), aligned to their size,
/// whose first block is the header; a longer run has a chunk of its own, as long as it takes. So a
/// run's chunk is found by aligning its address down, and the run's length in the chunk's maps:
///
/// ```text
///    chunk:  | header | block 1 | block 2 | block 3 | …      CHUNK × 4096 bytes
///    used:       1         1         1         0             bit: belongs to a run
///    starts:     1         1         0         0             bit: a run starts here
/// ```
///
/// An empty chunk goes back to the provider as soon as a second one is empty, so that a single block
/// allocated and freed in turn calls the provider once. Overhead: a block in each `CHUNK`.
///
/// Time: a search of the chunks that have room, 64 blocks a step; a chunk whose room is too short
/// for the request is known as such and skipped. `free_blocks` is constant time but for the
/// length of the run, 64 blocks a step.
///
/// Not `Sync`: one thread, or a lock around it, as around [`kernel`](crate::kernel).
///
/// # Invariants
///
/// - [MEM_BLOCKS-1] Each chunk in `first`'s list is a live range of the provider, its header intact; each
///   chunk of ours is in the list.
/// - [MEM_BLOCKS-2] A block's `used` bit is set exactly while it belongs to a live run or is the header; a
///   run's first block has its `starts` bit, and no other block has.
///
/// # Example
///
/// ```
/// use stratalloc_pages::{MemBlocks, Mmap};
///
/// let kernel: MemBlocks<Mmap> = MemBlocks::new(Mmap);
/// let run = kernel.alloc_blocks(3);
/// assert!(!run.is_null());
/// // SAFETY: three blocks are ours until they are freed, and no longer.
/// unsafe {
///     run.write_bytes(0xA5, 3 * 4096);
///     kernel.free_blocks(run);
/// }
/// ```
#[derive(Debug)]
pub struct MemBlocks<P: PageProvider, const CHUNK: usize = 256> {
    provider: P,
    first: Cell<*const Chunk>,
    empty: Cell<usize>,
}

// SAFETY: the chunks are this allocator's alone; nothing in them belongs to a thread.
unsafe impl<P: PageProvider + Send, const CHUNK: usize> Send for MemBlocks<P, CHUNK> {}

impl<P: PageProvider, const CHUNK: usize> MemBlocks<P, CHUNK> {
    const CHUNK_BYTES: usize = {
        assert!(CHUNK.is_power_of_two() && CHUNK >= 2 && CHUNK <= chunk::MAX_BLOCKS);
        CHUNK * MEM_BLOCK_SIZE
    };

    /// Takes nothing from the provider yet.
    pub const fn new(provider: P) -> Self {
        Self { provider, first: Cell::new(ptr::null()), empty: Cell::new(0) }
    }

    /// Returns a run of `n` blocks, aligned to their size; null when there is no memory for it, or `n` is 0
    /// (which the seed forbids). The content is arbitrary.
    ///
    /// ```text
    /// alloc_blocks ─ a chunk with room ─ Chunk::take
    ///                 └ else the provider ─ Chunk::create ─ Chunk::take
    /// ```
    pub fn alloc_blocks(&self, n: usize) -> *mut u8 {
        self.run(n, 1).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    /// Takes a run back, as long as it is.
    ///
    /// A null pointer, one inside a run or one whose run is free already is reported, and ends the
    /// process; a foreign one too, in builds with debug assertions (which search all chunks).
    ///
    /// # Safety
    ///
    /// `ptr` is from [`alloc_blocks`](Self::alloc_blocks) of the same `MemBlocks`, and nothing
    /// uses the run.
    pub unsafe fn free_blocks(&self, ptr: *mut u8) {
        let Some(block) = NonNull::new(ptr) else {
            diag::fatal(format_args!("free_blocks of a null pointer"));
        };
        let offset = ptr.addr() & (Self::CHUNK_BYTES - 1);
        // SAFETY: a live run lies in a chunk aligned to CHUNK_BYTES, and starts in its first
        // CHUNK_BYTES, so the chunk is there [MEM_BLOCKS-1].
        let header = unsafe { block.sub(offset) }.cast::<Chunk>();
        if cfg!(debug_assertions) && !self.chunks().any(|it| ptr::eq(it, header.as_ptr())) {
            diag::fatal(format_args!("free_blocks of {ptr:p}, which is foreign"));
        }
        // SAFETY: as above; a header is only ever used through shared references and cells.
        let chunk = unsafe { header.as_ref() };
        if offset % MEM_BLOCK_SIZE != 0 || !chunk.put(offset / MEM_BLOCK_SIZE) {
            diag::fatal(format_args!("free_blocks of {ptr:p}, where no run in use starts"));
        }
        if chunk.is_empty() {
            self.retire(header.as_ptr());
        }
    }

    /// Gives every empty chunk back to the provider; how many bytes that were.
    pub fn trim(&self) -> usize {
        let mut released = 0;
        for chunk in self.chunks().filter(|it| it.is_empty()) {
            let size = chunk.size();
            if self.release(chunk) {
                self.empty.set(self.empty.get() - 1);
                released += size;
            }
        }
        released
    }

    /// Returns how many bytes it has from the provider.
    pub fn footprint(&self) -> usize {
        self.chunks().map(Chunk::size).sum()
    }

    /// Returns a run of `n` blocks aligned to `align` blocks.
    fn run(&self, n: usize, align: usize) -> Option<NonNull<u8>> {
        if n == 0 || align >= CHUNK {
            return None;
        }
        self.chunks()
            .find_map(|chunk| self.take(chunk, n, align))
            .or_else(|| self.take(self.create(n.checked_add(align)?)?, n, align))
    }

    /// Takes a run of a chunk, which may be its first.
    fn take(&self, chunk: &Chunk, n: usize, align: usize) -> Option<NonNull<u8>> {
        let was_empty = chunk.is_empty();
        let run = chunk.take(n, align)?;
        if was_empty {
            self.empty.set(self.empty.get() - 1);
        }
        Some(run)
    }

    /// Returns a new, empty chunk of at least `blocks` blocks in all.
    fn create(&self, blocks: usize) -> Option<&Chunk> {
        let page_size = self.provider.page_size();
        let bytes = blocks.max(CHUNK).checked_mul(MEM_BLOCK_SIZE)?;
        let bytes = bytes.checked_next_multiple_of(page_size)?;
        let range = self.provider.reserve_committed(bytes, Self::CHUNK_BYTES).ok()?;
        let chunk = Chunk::create(range, self.first.get(), CHUNK);
        self.first.set(chunk);
        self.empty.set(self.empty.get() + 1);
        // SAFETY: the chunk is new and in the list [MEM_BLOCKS-1].
        Some(unsafe { &*chunk })
    }

    /// Books a chunk that has become empty: the second one goes, as does any that is longer than
    /// most. If the provider refuses, the chunk stays and serves again.
    fn retire(&self, chunk: *const Chunk) {
        // SAFETY: the chunk is in the list [MEM_BLOCKS-1].
        let long = unsafe { &*chunk }.size() > Self::CHUNK_BYTES;
        let surplus = self.empty.get() > 0 || long;
        if !(surplus && self.release(chunk)) {
            self.empty.set(self.empty.get() + 1);
        }
    }

    /// Gives an empty chunk back; whether the provider took it. (A pointer, since a reference must
    /// not outlive what it refers to.)
    fn release(&self, chunk: *const Chunk) -> bool {
        // SAFETY: the chunk is in the list [MEM_BLOCKS-1] until here.
        let (next, range) = unsafe { ((*chunk).unlink(), (*chunk).range()) };
        if ptr::eq(self.first.get(), chunk) {
            self.first.set(next);
        }
        // SAFETY: the chunk is out of the list; nothing lives in it, and its range came from the
        // provider.
        match unsafe { self.provider.release(range) } {
            Ok(()) => true,
            Err((_, range)) => {
                self.first.set(Chunk::create(range, self.first.get(), CHUNK));
                false
            }
        }
    }

    /// Returns all chunks; the one last given may be released before the next is asked for.
    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        let mut next = self.first.get();
        core::iter::from_fn(move || {
            // SAFETY: a chunk in the list is live [MEM_BLOCKS-1].
            let chunk = unsafe { next.as_ref() }?;
            next = chunk.next();
            Some(chunk)
        })
    }
}

impl<P: PageProvider, const CHUNK: usize> Drop for MemBlocks<P, CHUNK> {
    /// Gives every chunk back, with whatever runs are in it.
    fn drop(&mut self) {
        let mut next = self.first.get();
        // SAFETY: a chunk in the list is live [MEM_BLOCKS-1]; each is read before it is released, and the
        // runs in it end with the allocator.
        while let Some(chunk) = unsafe { next.as_ref() } {
            next = chunk.next();
            // SAFETY: as above. A chunk that the provider refuses to take is leaked.
            let _ = unsafe { self.provider.release(chunk.range()) };
        }
    }
}

// SAFETY: blocks of live runs are marked, and only unmarked ones are given [MEM_BLOCKS-2]; a run is whole
// blocks aligned as asked. The chunks don't move with the allocator.
unsafe impl<P: PageProvider, const CHUNK: usize> Allocator for MemBlocks<P, CHUNK> {
    /// Whole blocks; alignments up to half a chunk.
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(empty_block(layout));
        }
        let blocks = layout.size().div_ceil(MEM_BLOCK_SIZE);
        let align = layout.align().div_ceil(MEM_BLOCK_SIZE);
        let run = self.run(blocks, align).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(run, blocks * MEM_BLOCK_SIZE))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the block is live, and the layout fits it; a layout of size zero has no run.
            unsafe { self.free_blocks(block.as_ptr()) }
        }
    }
}

#[cfg(test)]
mod tests;
