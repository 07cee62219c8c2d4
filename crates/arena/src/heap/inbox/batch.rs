//! Batches: addresses of freed blocks of one bin and one owner, on their way to the owner.

use core::{
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

use crate::{
    books::owner::Owner,
    plan::{
        bins::{BINS, Bin, SHAPES},
        geometry::LINE,
    },
    thresholds::BATCH_BYTES,
};

/// Blocks in a batch, so that it fills a block of 256 bytes.
pub(crate) const BATCH_BLOCKS: usize = 29;

/// The place of the first block of each bin in a batch. Of large blocks, which fewer are collected of, the places before it
/// stay empty: so every batch is full at its end.
static FIRST: [u8; BINS] = {
    let (mut first, mut bin) = ([0; BINS], 1);
    while bin < BINS {
        let fit = BATCH_BYTES / SHAPES[bin].block_size as usize;
        let most = if fit < 2 { 2 } else { fit };
        first[bin] = BATCH_BLOCKS.saturating_sub(most) as u8;
        bin += 1;
    }
    first
};

/// The size of a batch in bytes.
pub(crate) const BATCH_SIZE: usize = size_of::<Batch>();

// All that is read of a batch before its blocks is on its first line, and the first blocks with it.
#[cfg(not(loom))]
const _: () = {
    assert!(BATCH_SIZE == 256 && BATCH_SIZE % LINE == 0);
    assert!(core::mem::offset_of!(Batch, blocks) <= LINE / 2);
    assert!(core::mem::offset_of!(Batch, blocks) >= 2 * size_of::<*mut u8>());
};

/// Blocks of one bin that one heap owns.
///
/// # Invariants
///
/// - [BATCH-1: blocks] The `blocks` from the [first](FIRST) of its bin to `end` were freed, are of bin `bin`, and lie in
///   slabs of `owner`.
/// - [BATCH-2: owner] `owner` is a thread's heap, which lives as long as the process.
#[repr(C)]
pub(crate) struct Batch {
    pub(super) next: Option<OwnedBatch>,
    pub(super) owner: Owner,
    pub(super) bin: Bin,
    pub(super) end: u32,
    pub(super) blocks: [*mut u8; BATCH_BLOCKS],
    #[cfg(loom)]
    pub(super) watched: stratalloc_core::sync::UnsafeCell<()>,
}

impl Batch {
    /// The batch behind it. Loom watches each use.
    #[inline(always)]
    pub(super) fn link(&mut self) -> &mut Option<OwnedBatch> {
        #[cfg(loom)]
        self.watched.with_mut(drop);
        &mut self.next
    }

    /// Whether it collects for this owner.
    #[inline]
    pub(crate) fn is_for(&self, owner: Owner) -> bool {
        self.owner == owner
    }

    /// Adds a block; returns whether the batch is full now. It isn't before.
    ///
    /// # Safety
    ///
    /// The block lies in a slab of the batch's bin and owner, and nobody uses it any more.
    #[inline]
    pub(crate) unsafe fn add(&mut self, block: *mut u8) -> bool {
        self.blocks[self.end as usize] = block;
        self.end += 1;
        self.end as usize == BATCH_BLOCKS
    }

    /// Adds a block, unless that would make the batch full; returns whether it did.
    ///
    /// # Safety
    ///
    /// As for [`add`](Self::add).
    #[inline(always)]
    pub(crate) unsafe fn add_unless_last(&mut self, block: *mut u8) -> bool {
        let end = self.end as usize;
        let fits = end < BATCH_BLOCKS - 1;
        if fits {
            self.blocks[end] = block;
            self.end += 1;
        }
        fits
    }

    /// Whether a block is one of the two that it got last. It may say so of one that another batch had in this memory.
    #[inline(always)]
    pub(crate) fn may_have_got(&self, block: *mut u8) -> bool {
        let words = core::ptr::from_ref(self).cast::<*mut u8>();
        let end = core::mem::offset_of!(Self, blocks) / size_of::<*mut u8>() + self.end as usize;
        // SAFETY: the words below the end are the batch's own; below its first block there are those of its other fields.
        unsafe { words.add(end - 1).read() == block || words.add(end - 2).read() == block }
    }

    /// The heap that owns its blocks.
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// The bin of its blocks.
    pub(crate) fn bin(&self) -> Bin {
        self.bin
    }

    /// The bytes of its blocks.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks().len() * self.bin().shape().block_size as usize
    }

    /// Its blocks.
    pub(crate) fn blocks(&self) -> &[*mut u8] {
        &self.blocks[FIRST[self.bin.index()] as usize..self.end as usize]
    }
}

/// A batch that nobody else has.
///
/// # Invariants
///
/// - [OWNED_BATCH-1: own] It points at a batch, in a block of [`BATCH_SIZE`] bytes of a thread's heap, and nothing else
///   does.
#[repr(transparent)]
#[must_use = "the batch is a block, and has to be freed"]
pub(crate) struct OwnedBatch(pub(super) NonNull<Batch>);

impl OwnedBatch {
    /// Makes a block an empty batch for a heap's bin; `None` if the block is null.
    ///
    /// # Safety
    ///
    /// `block` is null, or the caller's, of [`BATCH_SIZE`] bytes. `owner` is a thread's heap.
    pub(crate) unsafe fn init(block: *mut u8, owner: Owner, bin: Bin) -> Option<Self> {
        let batch = NonNull::new(block)?.cast::<Batch>();
        let fields = batch.as_ptr();
        // SAFETY: the block is the caller's and has room, by this function's contract, and is aligned for its size
        // class. Addresses are written before they are read.
        unsafe {
            (&raw mut (*fields).next).write(None);
            (&raw mut (*fields).owner).write(owner);
            (&raw mut (*fields).bin).write(bin);
            (&raw mut (*fields).end).write(FIRST[bin.index()].into());
        }
        Some(Self(batch))
    }

    /// The block that it is, for its owner to free.
    pub(crate) fn into_block(self) -> *mut u8 {
        self.into_raw().cast()
    }

    pub(super) fn into_raw(self) -> *mut Batch {
        self.0.as_ptr()
    }
}

impl Deref for OwnedBatch {
    type Target = Batch;

    #[inline(always)]
    fn deref(&self) -> &Batch {
        // SAFETY: [OWNED_BATCH-1: own] it is a batch, which others reach through this alone.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for OwnedBatch {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Batch {
        // SAFETY: [OWNED_BATCH-1: own] it is a batch, which others reach through this alone.
        unsafe { self.0.as_mut() }
    }
}

/// Batches in a row.
#[must_use = "the batches are blocks, and have to be freed"]
pub(crate) struct Batches(pub(super) Option<OwnedBatch>);

impl Batches {
    /// No batches.
    pub(crate) const NONE: Self = Self(None);

    /// Adds a batch in front.
    pub(crate) fn push(&mut self, mut batch: OwnedBatch) {
        *batch.link() = self.0.take();
        self.0 = Some(batch);
    }

    /// These and those. O(these).
    pub(crate) fn and(self, those: Self) -> Self {
        self.fold(those, |mut all, batch| {
            all.push(batch);
            all
        })
    }

    /// The batches, first to last.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Batch> {
        core::iter::successors(self.0.as_deref(), |batch| batch.next.as_deref())
    }
}

impl Iterator for Batches {
    type Item = OwnedBatch;

    fn next(&mut self) -> Option<OwnedBatch> {
        let mut batch = self.0.take()?;
        self.0 = batch.link().take();
        Some(batch)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_full_with_sixteen_kib_or_two_blocks_or_all_its_places() {
        let heap = 0_u64;
        let owner = Owner::at(NonNull::from(&heap));
        for bin in Bin::all() {
            let mut space = [0_u64; BATCH_SIZE / 8];
            let size = bin.shape().block_size as usize;
            let most = (BATCH_BYTES / size).clamp(2, BATCH_BLOCKS);
            // SAFETY: the space is this test's own, and as large as a batch; none of its blocks is used.
            unsafe {
                let start = space.as_mut_ptr().cast();
                let mut batch = OwnedBatch::init(start, owner, bin).unwrap();
                for number in 1..most {
                    let block = core::ptr::without_provenance_mut(number * 64);
                    let full = if number % 2 == 0 {
                        batch.add(block)
                    } else {
                        !batch.add_unless_last(block)
                    };
                    assert!(!full, "{number} of {most} blocks of {size}");
                }
                assert!(!batch.add_unless_last(core::ptr::without_provenance_mut(most * 64)));
                assert!(batch.add(core::ptr::without_provenance_mut(most * 64)));
                let numbers = batch.blocks().iter().map(|block| block.addr() / 64);
                assert!(numbers.eq(1..=most));
                assert_eq!(batch.bytes(), most * size);
            }
        }
    }
}
