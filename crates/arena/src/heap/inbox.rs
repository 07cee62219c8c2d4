//! Frees by other threads: batches of blocks on their way to the heap that owns them (S4.7, S4.8).
//!
//! A thread that frees another heap's blocks notes their addresses in a *batch*, one for each heap
//! and bin, and hands a full batch over in one step. Neither side touches the blocks.
//! A batch is a block itself, of the freeing thread's own heap.

use core::ptr::null_mut;

use stratalloc_core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::{
    books::owner::Owner,
    plan::{bins::Bin, geometry::LINE},
    thresholds::LEAST_WAITING,
};

/// Blocks in a batch, so that it fills a block of 256 bytes.
pub(crate) const BATCH_BLOCKS: usize = 29;

/// The size of a batch in bytes.
pub(crate) const BATCH_SIZE: usize = size_of::<Batch>();

// What is read of a batch before its blocks is its first line, and the first blocks with it.
const _: () = {
    assert!(BATCH_SIZE == 256 && BATCH_SIZE % LINE == 0);
    assert!(core::mem::offset_of!(Batch, blocks) <= LINE / 2);
};

/// Blocks of one bin that one heap owns.
///
/// # Invariants
///
/// - [BATCH-1: blocks] The first `count` of `blocks` were freed, are of bin `bin`, and lie in areas of `owner`.
#[repr(C)]
pub(crate) struct Batch {
    next: *mut Batch,
    owner: Owner,
    bin: Bin,
    count: u32,
    blocks: [*mut u8; BATCH_BLOCKS],
}

impl Batch {
    /// Makes a block of [`BATCH_SIZE`] bytes an empty batch.
    ///
    /// # Safety
    ///
    /// `block` is the caller's, of that size, and aligned to a pointer.
    pub(crate) unsafe fn init(block: *mut u8, owner: Owner, bin: Bin) -> *mut Self {
        #[expect(clippy::cast_ptr_alignment, reason = "the caller's promise")]
        let batch = block.cast::<Self>();
        // SAFETY: the caller's promise; the addresses are written before they are read.
        unsafe {
            (&raw mut (*batch).next).write(null_mut());
            (&raw mut (*batch).owner).write(owner);
            (&raw mut (*batch).bin).write(bin);
            (&raw mut (*batch).count).write(0);
        }
        batch
    }

    /// Whether it collects for this owner and bin.
    #[inline]
    pub(crate) fn is_for(&self, owner: Owner, bin: Bin) -> bool {
        self.owner == owner && self.bin == bin
    }

    /// Adds a block; says whether the batch is full now. It isn't before.
    #[inline]
    pub(crate) fn add(&mut self, block: *mut u8) -> bool {
        self.blocks[self.count as usize] = block;
        self.count += 1;
        self.count as usize == BATCH_BLOCKS
    }

    /// Adds a block, unless that would make the batch full; returns whether it did.
    #[inline(always)]
    pub(crate) fn add_unless_last(&mut self, block: *mut u8) -> bool {
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

/// Batches taken out of an inbox, newest first. A clone goes through them again.
#[derive(Clone)]
#[must_use = "the batches are blocks, and have to be freed"]
pub(crate) struct Batches(*mut Batch);

impl Batches {
    /// None.
    pub(crate) const NONE: Self = Self(null_mut());

    /// Puts one before these, which is the caller's.
    pub(crate) fn push(&mut self, batch: *mut Batch) {
        // SAFETY: the caller's promise.
        unsafe { (*batch).next = self.0 };
        self.0 = batch;
    }

    /// These and then those. O(these).
    pub(crate) fn and(self, those: Self) -> Self {
        let Some(last) = self.clone().last() else { return those };
        // SAFETY: batches that were taken are the taker's.
        unsafe { (*last).next = those.0 };
        self
    }
}

impl Iterator for Batches {
    type Item = *mut Batch;

    fn next(&mut self) -> Option<*mut Batch> {
        let batch = self.0;
        if batch.is_null() {
            return None;
        }
        // SAFETY: batches in an inbox are linked by their `next`, and now the taker's.
        self.0 = unsafe { (*batch).next };
        Some(batch)
    }
}

/// A heap's *deferred list*: batches that other threads handed over.
///
/// Many threads push, and whoever takes, takes all: there is no pop of one, hence no ABA.
pub(crate) struct Inbox {
    /// The newest batch. `Release` in `push` pairs with `Acquire` in `take`: who takes a batch sees
    /// what was written into it.
    head: AtomicPtr<Batch>,
    /// About how many bytes their blocks have; a figure that orders nothing.
    bytes: AtomicUsize,
}

impl Inbox {
    /// Hands a batch over; says how many bytes of blocks wait about, small batches counting for more. Lock-free.
    ///
    /// # Safety
    ///
    /// The caller owns the batch, and gives it up.
    pub(crate) unsafe fn push(&self, batch: *mut Batch) -> usize {
        let mut head = self.head.load(Ordering::Relaxed);
        // SAFETY: the caller's promise.
        let bytes = unsafe { (*batch).bytes() }.max(LEAST_WAITING);
        loop {
            // SAFETY: the batch is the caller's until the exchange below succeeds.
            unsafe { (*batch).next = head };
            match self.head.compare_exchange_weak(head, batch, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes,
                Err(now) => head = now,
            }
        }
    }

    /// Takes all batches. Wait-free.
    pub(crate) fn take(&self) -> Batches {
        self.take_ordered(Ordering::Acquire)
    }

    #[inline(always)]
    fn take_ordered(&self, order: Ordering) -> Batches {
        if self.head.load(Ordering::Relaxed).is_null() {
            return Batches(null_mut());
        }
        self.bytes.store(0, Ordering::Relaxed);
        Batches(self.head.swap(null_mut(), order))
    }
}

#[cfg(all(loom, test))]
mod models;
