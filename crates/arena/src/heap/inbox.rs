//! Inboxes: batches of blocks that other threads freed, on their way to the heap that owns them (S4.7, S4.8).
//!
//! A thread that frees another heap's blocks collects their addresses in a *batch*, one for each heap and bin, and hands
//! a full batch over in one step. Neither side touches the blocks.
//! A batch is a block itself, of the freeing thread's own heap.

use core::{
    ops::{Deref, DerefMut},
    ptr::{NonNull, null_mut},
};

use stratalloc_core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

#[cfg(not(loom))]
use crate::books::broken::{Broken, expect};
use crate::{
    books::owner::Owner,
    plan::{bins::Bin, geometry::LINE},
    thresholds::LEAST_WAITING,
};

/// Blocks in a batch, so that it fills a block of 256 bytes.
pub(crate) const BATCH_BLOCKS: usize = 29;

/// The size of a batch in bytes.
pub(crate) const BATCH_SIZE: usize = size_of::<Batch>();

// All that is read of a batch before its blocks is on its first line, and the first blocks with it.
#[cfg(not(loom))]
const _: () = {
    assert!(BATCH_SIZE == 256 && BATCH_SIZE % LINE == 0);
    assert!(core::mem::offset_of!(Batch, blocks) <= LINE / 2);
};

/// Blocks of one bin that one heap owns.
///
/// # Invariants
///
/// - [BATCH-1: blocks] The first `count` of `blocks` were freed, are of bin `bin`, and lie in slabs of `owner`.
/// - [BATCH-2: owner] `owner` is a thread's heap, which lives as long as the process.
#[repr(C)]
pub(crate) struct Batch {
    next: Option<OwnedBatch>,
    owner: Owner,
    bin: Bin,
    count: u32,
    blocks: [*mut u8; BATCH_BLOCKS],
    #[cfg(loom)]
    watched: stratalloc_core::sync::UnsafeCell<()>,
}

impl Batch {
    /// The batch behind it. Loom watches each use.
    #[inline(always)]
    fn link(&mut self) -> &mut Option<OwnedBatch> {
        #[cfg(loom)]
        self.watched.with_mut(drop);
        &mut self.next
    }

    /// Whether it collects for this owner and bin.
    #[inline]
    pub(crate) fn is_for(&self, owner: Owner, bin: Bin) -> bool {
        self.owner == owner && self.bin == bin
    }

    /// Adds a block; returns whether the batch is full now. It isn't before.
    ///
    /// # Safety
    ///
    /// The block lies in a slab of the batch's bin and owner, and nobody uses it any more.
    #[inline]
    pub(crate) unsafe fn add(&mut self, block: *mut u8) -> bool {
        self.blocks[self.count as usize] = block;
        self.count += 1;
        self.count as usize == BATCH_BLOCKS
    }

    /// Adds a block, unless that would make the batch full; returns whether it did.
    ///
    /// # Safety
    ///
    /// As for [`add`](Self::add).
    #[inline(always)]
    pub(crate) unsafe fn add_unless_last(&mut self, block: *mut u8) -> bool {
        let count = self.count as usize;
        let fits = count < BATCH_BLOCKS - 1;
        if fits {
            self.blocks[count] = block;
            self.count += 1;
        }
        fits
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
        self.count as usize * self.bin().shape().block_size as usize
    }

    /// Its blocks.
    pub(crate) fn blocks(&self) -> &[*mut u8] {
        &self.blocks[..self.count as usize]
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
pub(crate) struct OwnedBatch(NonNull<Batch>);

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
            (&raw mut (*fields).count).write(0);
        }
        Some(Self(batch))
    }

    /// The block that it is, for its owner to free.
    pub(crate) fn into_block(self) -> *mut u8 {
        self.into_raw().cast()
    }

    fn into_raw(self) -> *mut Batch {
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
pub(crate) struct Batches(Option<OwnedBatch>);

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

/// A heap's *deferred list*: batches that other threads handed over.
///
/// Many threads push. A thread that takes, takes all: there is no pop of one, hence no ABA.
///
/// # Invariants
///
/// - [INBOX-1: heap] The batches in it are for the heap whose inbox it is.
/// - [INBOX-2: chain] The batches from `head` on, linked by `next`, are the inbox's own.
pub(crate) struct Inbox {
    /// The newest batch. `Release` in `push` pairs with `Acquire` in `take`: the thread that takes a batch sees what was
    /// written into it.
    head: AtomicPtr<Batch>,
    /// About how many bytes their blocks have; a figure that orders nothing.
    bytes: AtomicUsize,
}

impl Inbox {
    /// Hands a batch over; returns about how many bytes of blocks wait, a small batch counting for more. Lock-free.
    ///
    /// # Safety
    ///
    /// The batch is for the heap whose inbox this is.
    pub(crate) unsafe fn push(&self, batch: OwnedBatch) -> usize {
        let bytes = batch.bytes().max(LEAST_WAITING);
        let batch = batch.into_raw();
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: [OWNED_BATCH-1: own] the batch is this thread's until the exchange below succeeds.
            unsafe { *(*batch).link() = NonNull::new(head).map(OwnedBatch) };
            match self.head.compare_exchange_weak(head, batch, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes,
                Err(now) => head = now,
            }
        }
    }

    /// Takes all batches, newest first. Wait-free.
    pub(crate) fn take(&self) -> Batches {
        self.take_ordered(Ordering::Acquire)
    }

    #[inline(always)]
    fn take_ordered(&self, order: Ordering) -> Batches {
        if self.head.load(Ordering::Relaxed).is_null() {
            return Batches::NONE;
        }
        self.bytes.store(0, Ordering::Relaxed);
        // [INBOX-2: chain] from now on they are the taker's.
        Batches(NonNull::new(self.head.swap(null_mut(), order)).map(OwnedBatch))
    }
}

#[cfg(not(loom))]
impl Inbox {
    /// Checks that the batches that wait are for a heap. O(batches).
    ///
    /// # Safety
    ///
    /// The caller holds the heap's lock, so that no thread takes them meanwhile.
    pub(super) unsafe fn validate(&self, owner: Owner) -> Result<(), Broken> {
        let mut next = self.head.load(Ordering::Acquire);
        // SAFETY: [INBOX-2: chain] a batch of the inbox, or null; others are only pushed before it while the heap's lock is
        // held, as it is by this function's contract.
        while let Some(batch) = unsafe { next.as_ref() } {
            expect(batch.owner == owner, "INBOX-1: heap")?;
            expect((1..=BATCH_BLOCKS).contains(&(batch.count as usize)), "BATCH-1: blocks")?;
            next = batch.next.as_ref().map_or(null_mut(), |batch| batch.0.as_ptr());
        }
        Ok(())
    }
}

#[cfg(all(loom, test))]
mod models;

#[cfg(all(not(loom), test))]
mod tests {
    use super::*;
    use crate::plan::bins::bin_for;

    #[test]
    fn a_batch_for_another_heap_is_found() {
        let heaps = [0_u64; 2];
        let [own, other] = heaps.each_ref().map(|heap| Owner::at(NonNull::from(heap)));
        let inbox = Inbox { head: AtomicPtr::new(null_mut()), bytes: AtomicUsize::new(0) };
        let bin = bin_for(64, 8).unwrap();
        let mut spaces = [[0_u64; BATCH_SIZE / 8]; 2];
        // SAFETY: the spaces are this test's own, and as large as batches; none of their blocks is used.
        unsafe {
            for space in &mut spaces {
                assert_eq!(inbox.validate(own), Ok(()));
                let mut batch = OwnedBatch::init(space.as_mut_ptr().cast(), own, bin).unwrap();
                batch.add(core::ptr::without_provenance_mut(64));
                inbox.push(batch);
            }
            assert_eq!(inbox.validate(own), Ok(()));
            assert!(inbox.validate(other).is_err());
        }
        assert_eq!(inbox.take().map(|batch| batch.blocks().len()).sum::<usize>(), 2);
    }
}
