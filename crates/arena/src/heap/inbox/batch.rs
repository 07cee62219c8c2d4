//! Batches: addresses of freed blocks of one bin and one owner, on their way to the owner.

use core::{
    ops::{Deref, DerefMut},
    ptr::{NonNull, null_mut},
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
/// Where its blocks lie in it, and what each takes.
const BLOCKS_AT: usize = core::mem::offset_of!(Batch, blocks);
const SLOT: usize = size_of::<*mut u8>();

// All that is read of a batch before its blocks is on its first line, and the first blocks with it.
#[cfg(not(loom))]
const _: () = {
    assert!(BATCH_SIZE == 256 && BATCH_SIZE % LINE == 0);
    assert!(BLOCKS_AT <= LINE / 2);
    assert!(BLOCKS_AT >= 2 * SLOT && BLOCKS_AT + BATCH_BLOCKS * SLOT == BATCH_SIZE);
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
    /// Makes a block a batch of a heap's bin, with its first block; `None` if there is no memory for it.
    ///
    /// # Safety
    ///
    /// `space` is null, or the caller's, of [`BATCH_SIZE`] bytes and aligned to that. `owner` is a thread's heap; `block` lies in
    /// a slab of it and of the bin, and nobody uses it any more.
    pub(crate) unsafe fn begin(
        space: *mut u8,
        owner: Owner,
        bin: Bin,
        block: *mut u8,
    ) -> Option<Self> {
        let batch = NonNull::new(space)?.cast::<Batch>();
        let (fields, first) = (batch.as_ptr(), FIRST[bin.index()]);
        // SAFETY: the block is the caller's and has room, by this function's contract, and is aligned for its size
        // class. Addresses are written before they are read.
        unsafe {
            (&raw mut (*fields).next).write(None);
            (&raw mut (*fields).owner).write(owner);
            (&raw mut (*fields).bin).write(bin);
            (&raw mut (*fields).end).write(u32::from(first) + 1);
            Filling::first_slot(fields).add(first.into()).write(block);
        }
        Some(Self(batch))
    }

    /// Itself, to be filled.
    pub(crate) fn fill(self) -> Filling {
        let (end, batch) = (self.end as usize, self.into_raw());
        Filling(Filling::first_slot(batch).wrapping_add(end - 1))
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

/// A batch that a thread fills, by the slot of the block that it got last.
///
/// # Invariants
///
/// - [FILLING-1: own] It points at the newest block of a batch, as [OWNED_BATCH-1: own] has it, or is null. That isn't full, and
///   what says where its blocks end isn't kept.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Filling(*mut *mut u8);

impl Filling {
    /// None.
    pub(crate) const NONE: Self = Self(null_mut());

    fn first_slot(batch: *mut Batch) -> *mut *mut u8 {
        batch.cast::<u8>().wrapping_add(BLOCKS_AT).cast()
    }

    /// Whether one more block wouldn't make it full.
    #[inline(always)]
    pub(crate) fn has_room(self) -> bool {
        // By one comparison of a byte: a batch that isn't full lacks one block at least.
        self.0.addr() % BATCH_SIZE != BATCH_SIZE - 2 * SLOT
    }

    /// Whether a block is one of the two that it got last. It may say so of one that another batch had in this memory.
    ///
    /// # Safety
    ///
    /// It is the caller's, and there is one.
    #[inline(always)]
    pub(crate) unsafe fn may_have_got(self, block: *mut u8) -> bool {
        // SAFETY: [FILLING-1: own] it is a slot of a batch; below the first there are the batch's other fields.
        unsafe { *self.0 == block || *self.0.sub(1) == block }
    }

    /// Adds a block, and returns itself with that.
    ///
    /// # Safety
    ///
    /// As for [`may_have_got`](Self::may_have_got), and there is [room](Self::has_room). The block lies in a slab of the batch's
    /// bin and owner, and nobody uses it any more.
    #[inline(always)]
    #[must_use]
    pub(crate) unsafe fn with(self, block: *mut u8) -> Self {
        // SAFETY: [FILLING-1: own] it is a slot of a batch; there is another behind it, by this function's contract.
        unsafe {
            *self.0.add(1) = block;
            Self(self.0.add(1))
        }
    }

    /// Adds the last block that a batch has room for, and returns the batch.
    ///
    /// # Safety
    ///
    /// As for [`with`](Self::with), but that it lacks one block.
    pub(crate) unsafe fn filled_with(self, block: *mut u8) -> OwnedBatch {
        // SAFETY: this function's contract is at least that of both.
        unsafe { self.with(block).end() }
    }

    /// The batch, which isn't filled any more.
    ///
    /// # Safety
    ///
    /// It is the caller's, and there is one; the caller doesn't use it any more.
    pub(crate) unsafe fn end(self) -> OwnedBatch {
        let at = self.0.addr() % BATCH_SIZE;
        let batch = self.0.wrapping_byte_sub(at).cast::<Batch>();
        // SAFETY: [FILLING-1: own] the batch around the slot, as batches lie at multiples of their size.
        unsafe {
            (*batch).end = ((at - BLOCKS_AT) / SLOT) as u32 + 1;
            OwnedBatch(NonNull::new_unchecked(batch))
        }
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

    /// The memory of a batch.
    #[repr(align(256))]
    struct Memory([u8; BATCH_SIZE]);

    #[test]
    fn a_batch_is_full_with_sixteen_kib_or_two_blocks_or_all_its_places() {
        let heap = 0_u64;
        let owner = Owner::at(NonNull::from(&heap));
        let block = |number: usize| core::ptr::without_provenance_mut::<u8>(number * 64);
        for bin in Bin::all() {
            let mut space = Memory([0; BATCH_SIZE]);
            let size = bin.shape().block_size as usize;
            let most = (BATCH_BYTES / size).clamp(2, BATCH_BLOCKS);
            // SAFETY: the space is this test's own, and as large as a batch; none of its blocks is used.
            let batch = unsafe {
                let batch = OwnedBatch::begin((&raw mut space.0).cast(), owner, bin, block(1));
                let mut filling = batch.unwrap().fill();
                for number in 2..most {
                    assert!(filling.has_room(), "{number} of {most} blocks of {size}");
                    filling = filling.with(block(number));
                    assert!(filling.may_have_got(block(number)));
                    assert!(filling.may_have_got(block(number - 1)));
                    assert!(!filling.may_have_got(block(number + 1)));
                }
                assert!(!filling.has_room());
                filling.filled_with(block(most))
            };
            let numbers = batch.blocks().iter().map(|block| block.addr() / 64);
            assert!(numbers.eq(1..=most));
            assert_eq!((batch.owner(), batch.bin(), batch.bytes()), (owner, bin, most * size));
        }
    }
}
