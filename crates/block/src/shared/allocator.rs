//! The lock-free allocator: the depot's algorithm on real memory.

mod memory;

use core::{cell::Cell, mem::MaybeUninit, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator};

use self::memory::SideLink;
use super::{
    depot::Depot,
    index::{MAX_CHUNK_BLOCKS, MAX_CHUNKS},
    shelf::Shelf,
};
use crate::{BlockError, BlockLayout, Blocks, Buffer, Growth, allocator::impl_allocator, poison};

/// Stacks of free blocks. More than threads usually run at once, few enough to look through.
const SHARDS: usize = 8;

/// Blocks on each shelf: with its height they fill two pairs of cache lines.
const SHELF: usize = 31;

#[expect(clippy::declare_interior_mutable_const, reason = "each use is a new one")]
const SHELVES: [Shelf<SHELF>; SHARDS] = [const { Shelf::new() }; SHARDS];

/// Blocks of one size for all threads, without a lock.
///
/// Any thread may free what another allocated. [`magazine`](Self::magazine) gives a thread a store of
/// its own, which makes most calls as cheap as the local allocator's; what the allocator itself
/// offers costs one atomic swap a call while threads don't meet.
///
/// ```
/// use stratalloc_block::{BlockLayout, Blocks, Growth, SyncBlockAllocator, System};
///
/// // Any allocator will do as the base: here it is the system's.
/// static POOL: SyncBlockAllocator<System> =
///     SyncBlockAllocator::new_in(System, BlockLayout::of::<[u64; 4]>(), Growth::doubling(64, 4096));
///
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             let magazine = POOL.magazine();
///             let block = magazine.alloc_block().expect("memory is left");
///             // SAFETY: the block is live, and not used from here on.
///             unsafe { magazine.free_block(block) };
///         });
///     }
/// });
/// ```
///
/// # How it works
///
/// ```text
/// alloc_block ── take one from the shelf at home ── none? ── pop a batch: the stack at home ── none? ──
///                the other stacks ── none? ── claim fresh ── none? ── the other shelves ── grow
/// free_block ─── put it on the shelf at home ── full? ── push half of the shelf as a batch
///
/// stack of batches:  head ──▶ block ─ block ─ block ─ null      chained through the free blocks
///                              │ the first block's link
///                              ▼
///                             block ─ block ─ null
///
///   chunk:  ┌─────────┬─────────┬ ··· ┬─────────┬──────┬──────┬ ··· ┐
///           │ block n │  n - 1  │     │ block 0 │link 0│link 1│     │    4 bytes a link
///           └─────────┴─────────┴ ··· ┴─────────┴──────┴──────┴ ··· ┘
///                                               ▲ the chunk's address
/// ```
///
/// A chunk is known by the address between its blocks and its links, which lie in opposite
/// directions: so a block and its link are found from the index without the chunk's size. Only the thread that
/// has a batch reads and writes its blocks; a thread that loses a race reads a link at most. A new chunk
/// costs no pass over its memory: a link is first written when its block is first freed.
///
/// An allocator holds at most 64 chunks of at most 2^26 − 2 blocks, whatever its [`Growth`]; so let
/// it double. When several threads grow at once, each asks the base, the first to be served wins,
/// and the others give back what they got: nobody waits for a base, least of all for one that fails.
///
/// A thread's home is chosen by the address of its stack, so that threads meet seldom.
///
/// # Invariants
///
/// - [SYNC_BLOCK_ALLOCATOR-1: chunks] What is filed in the frontier is the boundary of a chunk of
///   the layout for its number, from the base (or the buffer), with room for so many blocks below
///   and links above.
/// - [SYNC_BLOCK_ALLOCATOR-2: blocks] A block is in one place: fresh, in one batch, on one shelf, in a magazine or live; and a
///   batch is in one stack, or one thread has it.
/// - [SYNC_BLOCK_ALLOCATOR-3: links] The link of a block that was in a stack at some time is initialised; in checked
///   builds that of each block ever claimed is, and is `LIVE` just as long as the block is live.
/// - [SYNC_BLOCK_ALLOCATOR-4: chain] The first word of a block in a batch is the address of the next block of the batch, or null
///   in the last.
pub struct SyncBlockAllocator<A: Allocator> {
    pub(super) depot: Depot<SHARDS, MAX_CHUNKS>,
    pub(super) shelves: [Shelf<SHELF>; SHARDS],
    pub(super) blocks: BlockLayout,
    pub(super) growth: Growth,
    pub(super) base: A,
}

// SAFETY: chunks are tied to no thread and reached through atomics; each block has one owner at a
// time [SYNC_BLOCK_ALLOCATOR-2], to whom the last one's writes happened before (see `Stack`). The base is called from all
// threads, which its being `Sync` allows.
unsafe impl<A: Allocator + Send> Send for SyncBlockAllocator<A> {}
// SAFETY: as above.
unsafe impl<A: Allocator + Sync> Sync for SyncBlockAllocator<A> {}

impl<A: Allocator> SyncBlockAllocator<A> {
    /// Returns an allocator that takes chunks from `base` as `growth` says, the first one when a block is
    /// first asked for.
    pub const fn new_in(base: A, blocks: BlockLayout, growth: Growth) -> Self {
        Self { depot: Depot::new(), shelves: SHELVES, blocks, growth, base }
    }

    /// Returns the base that chunks come from.
    pub const fn base(&self) -> &A {
        &self.base
    }
}

impl<'a> SyncBlockAllocator<Buffer<'a>> {
    /// Returns an allocator that lives in `buffer` and never grows. The blocks start at the buffer's first
    /// aligned address, and each takes 4 bytes more for its link.
    pub fn from_buffer(
        buffer: &'a mut [MaybeUninit<u8>],
        blocks: BlockLayout,
    ) -> Result<Self, BlockError> {
        let (base, start, count) = Buffer::divide(buffer, blocks, size_of::<SideLink>())?;
        let count = count.min(MAX_CHUNK_BLOCKS);
        let size = count * blocks.size();
        poison::poison(start, size);
        // SAFETY: `divide` found room for the blocks and for as many links. It is borrowed for as
        // long as the allocator lives.
        let depot = Depot::of(unsafe { start.add(size) });
        Ok(Self { depot, shelves: SHELVES, blocks, growth: Growth::fixed(count), base })
    }
}

// SAFETY: a block handed out was taken from the depot, so nobody else has it [SYNC_BLOCK_ALLOCATOR-2]; chunks stay where
// they are until the drop, and are aligned as the layout says, with blocks a multiple of the
// alignment apart.
unsafe impl<A: Allocator> Blocks for SyncBlockAllocator<A> {
    #[inline]
    fn block_layout(&self) -> BlockLayout {
        self.blocks
    }

    #[inline]
    fn alloc_block(&self) -> Result<NonNull<u8>, AllocError> {
        let home = home();
        let block = match self.shelves[home].pop() {
            Some(block) => block,
            None => self.alloc_from_depot(home)?,
        };
        Ok(self.hand_out(block))
    }

    #[inline]
    unsafe fn free_block(&self, block: NonNull<u8>) {
        self.expect_retired(block);
        let home = home();
        if !self.shelves[home].push(block) {
            self.free_to_depot(home, block);
        }
    }
}

impl_allocator!([A: Allocator] SyncBlockAllocator<A>);

impl<A: Allocator> Drop for SyncBlockAllocator<A> {
    fn drop(&mut self) {
        for number in 0..MAX_CHUNKS {
            if let Some(boundary) = self.depot.frontier().chunk(number) {
                // SAFETY: [SYNC_BLOCK_ALLOCATOR-1], and each number comes once.
                unsafe { self.release(number, boundary) };
            }
        }
    }
}

impl<A: Allocator> SyncBlockAllocator<A> {
    /// Takes a block, and lays what else its batch has on the shelf.
    #[inline(never)]
    fn alloc_from_depot(&self, home: usize) -> Result<NonNull<u8>, AllocError> {
        let batch = [const { Cell::new(NonNull::dangling()) }; SHELF + 1];
        let supply = self.obtain(home, 1).ok_or(AllocError)?;
        let last = self.unpack(home, supply, &batch) - 1;
        let laid = self.shelves[home].push_all(&batch[..last]);
        self.put(home, &batch[laid..last]);
        Ok(batch[last].get())
    }

    /// Puts a block back that the shelf didn't take; and if that is full, half of the shelf with it.
    #[inline(never)]
    fn free_to_depot(&self, home: usize, block: NonNull<u8>) {
        let shelf = &self.shelves[home];
        // Not where it is full: another thread may have been here.
        if shelf.push(block) {
            return;
        }
        // The last of a batch is the first to be used.
        let batch = [const { Cell::new(NonNull::dangling()) }; SHELF / 2 + 1];
        let last = batch.len() - 1;
        batch[last].set(block);
        let first = last - shelf.pop_all(&batch[..last]);
        self.put(home, &batch[first..]);
    }
}

/// Returns where this thread is at home: the address of its stack, in steps of 2 MiB, scattered. Stacks lie
/// at least so far apart on hosted systems; where they don't, threads merely meet more often.
#[inline]
pub(super) fn home() -> usize {
    let here = 0_u8;
    let stack = (&raw const here).addr() >> 21;
    stack.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) >> (usize::BITS - SHARDS.ilog2())
}
