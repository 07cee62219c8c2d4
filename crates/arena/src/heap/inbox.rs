//! Inboxes: batches of blocks that other threads freed, on their way to the heap that owns them (S4.7, S4.8).
//!
//! A thread that frees another heap's blocks collects their addresses in a *batch*, one for each heap and bin, and hands
//! a full batch over in one step. Neither side touches the blocks.
//! A batch is a block itself, of the freeing thread's own heap.

mod batch;

use core::ptr::{NonNull, null_mut};

use stratalloc_core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

pub(crate) use crate::heap::inbox::batch::{BATCH_SIZE, Batch, Batches, Filling, OwnedBatch};

#[cfg(not(loom))]
use crate::books::{
    broken::{Broken, expect},
    owner::Owner,
};
use crate::thresholds::LEAST_WAITING;

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
            expect(!batch.blocks().is_empty(), "BATCH-1: blocks")?;
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
        let block = core::ptr::without_provenance_mut(64);
        // SAFETY: the spaces are this test's own, and as large as batches; none of their blocks is used.
        unsafe {
            for space in &mut spaces {
                assert_eq!(inbox.validate(own), Ok(()));
                let batch = OwnedBatch::begin(space.as_mut_ptr().cast(), own, bin, block);
                inbox.push(batch.unwrap());
            }
            assert_eq!(inbox.validate(own), Ok(()));
            assert!(inbox.validate(other).is_err());
        }
        assert_eq!(inbox.take().map(|batch| batch.blocks().len()).sum::<usize>(), 2);
    }
}
