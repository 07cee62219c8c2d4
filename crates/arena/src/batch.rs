//! Frees by other threads: batches of blocks on their way to the heap that owns them (S4.7, S4.8).
//!
//! A thread that frees another heap's blocks notes their addresses in a *batch*, one for each heap
//! and bin, and hands a full batch over in one step. Neither side touches the blocks.
//! A batch is a block itself, of the freeing thread's own heap.

use core::ptr::null_mut;

use stratalloc_core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::heap::Heap;

/// Blocks in a batch, so that it fills a block of 256 bytes.
pub(crate) const BATCH_BLOCKS: usize = 29;

/// The size of a batch in bytes.
pub(crate) const BATCH_SIZE: usize = size_of::<Batch>();

const _: () = assert!(BATCH_SIZE == 256);

/// Blocks of one bin that one heap owns.
///
/// # Invariants
///
/// - **I1** The first `count` of `blocks` were freed, are of bin `bin`, and lie in areas of `heap`.
#[repr(C)]
pub(crate) struct Batch {
    next: *mut Batch,
    heap: *const Heap,
    bin: u32,
    count: u32,
    blocks: [*mut u8; BATCH_BLOCKS],
}

impl Batch {
    /// Makes a block of [`BATCH_SIZE`] bytes an empty batch.
    ///
    /// # Safety
    ///
    /// `block` is the caller's, of that size, and aligned to a pointer.
    pub(crate) unsafe fn init(block: *mut u8, heap: &'static Heap, bin: usize) -> *mut Self {
        #[expect(clippy::cast_ptr_alignment, reason = "the caller's promise")]
        let batch = block.cast::<Self>();
        // SAFETY: the caller's promise; the addresses are written before they are read.
        unsafe {
            (&raw mut (*batch).next).write(null_mut());
            (&raw mut (*batch).heap).write(heap);
            (&raw mut (*batch).bin).write(bin as u32);
            (&raw mut (*batch).count).write(0);
        }
        batch
    }

    /// Whether it collects for this heap and bin.
    #[inline]
    pub(crate) fn is_for(&self, heap: &Heap, bin: usize) -> bool {
        core::ptr::eq(self.heap, heap) && self.bin as usize == bin
    }

    /// Adds a block; says whether the batch is full now. It isn't before.
    #[inline]
    pub(crate) fn add(&mut self, block: *mut u8) -> bool {
        self.blocks[self.count as usize] = block;
        self.count += 1;
        self.count as usize == BATCH_BLOCKS
    }

    /// The heap that owns its blocks.
    pub(crate) fn heap(&self) -> &'static Heap {
        // SAFETY: [I1] set from a heap's reference, and heaps live as long as the process.
        unsafe { &*self.heap }
    }

    /// The bin of its blocks.
    pub(crate) fn bin(&self) -> usize {
        self.bin as usize
    }

    /// Its blocks.
    pub(crate) fn blocks(&self) -> &[*mut u8] {
        &self.blocks[..self.count as usize]
    }
}

/// Batches taken out of an inbox, newest first. A clone goes through them again.
#[derive(Clone)]
pub(crate) struct Batches(*mut Batch);

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
    /// About how many there are; a figure that orders nothing.
    count: AtomicUsize,
}

impl Inbox {
    /// Hands a batch over; says how many there are about. Lock-free.
    ///
    /// # Safety
    ///
    /// The caller owns the batch, and gives it up.
    pub(crate) unsafe fn push(&self, batch: *mut Batch) -> usize {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: the batch is the caller's until the exchange below succeeds.
            unsafe { (*batch).next = head };
            match self.head.compare_exchange_weak(head, batch, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return self.count.fetch_add(1, Ordering::Relaxed) + 1,
                Err(now) => head = now,
            }
        }
    }

    /// Takes all batches. Wait-free.
    pub(crate) fn take(&self) -> Batches {
        if self.head.load(Ordering::Relaxed).is_null() {
            return Batches(null_mut());
        }
        self.count.store(0, Ordering::Relaxed);
        Batches(self.head.swap(null_mut(), Ordering::Acquire))
    }
}
