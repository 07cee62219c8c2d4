//! Frees by other threads: batches of blocks on their way to the heap that owns them (S4.7, S4.8).
//!
//! A thread that frees another heap's blocks notes their addresses in a *batch*, one for each heap
//! and bin, and hands a full batch over in one step. Neither side touches the blocks.
//! A batch is a block itself, of the freeing thread's own heap.

use core::ptr::null_mut;

use stratalloc_core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::{books::owner::Owner, plan::bins::Bin, thresholds::LEAST_WAITING};

/// Blocks in a batch, so that it fills a block of 256 bytes.
pub(crate) const BATCH_BLOCKS: usize = 29;

/// The size of a batch in bytes.
pub(crate) const BATCH_SIZE: usize = size_of::<Batch>();

const _: () = assert!(BATCH_SIZE == 256);

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
mod tests {
    use loom::{cell::UnsafeCell, sync::Arc, thread};
    use stratalloc_core::sync::model;

    use super::*;
    use crate::sys::lock::{Lock, Mark};

    /// Two batches with, beside each, what its sender wrote before it was sent.
    struct Sent {
        inbox: Inbox,
        batches: UnsafeCell<[Batch; 2]>,
        contents: [UnsafeCell<usize>; 2],
        /// What the heap got: guarded as its pools are.
        received: Lock<[usize; 2]>,
    }

    /// A batch without blocks.
    fn empty() -> Batch {
        let owner = Owner::at(core::ptr::NonNull::<u8>::dangling());
        Batch {
            next: null_mut(),
            owner,
            bin: Bin::NONE,
            count: 0,
            blocks: [null_mut(); BATCH_BLOCKS],
        }
    }

    // SAFETY: the batches are reached through the inbox; loom watches the rest.
    unsafe impl Sync for Sent {}
    // SAFETY: nothing in it belongs to a thread.
    unsafe impl Send for Sent {}

    impl Sent {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                inbox: Inbox { head: AtomicPtr::new(null_mut()), count: AtomicUsize::new(0) },
                batches: UnsafeCell::new([empty(), empty()]),
                contents: [UnsafeCell::new(0), UnsafeCell::new(0)],
                received: Lock::new([0; 2]),
            })
        }

        fn batch(&self, number: usize) -> *mut Batch {
            self.batches.with(|batches| batches.cast_mut().cast::<Batch>()).wrapping_add(number)
        }

        fn send(&self, number: usize) {
            // SAFETY: each number is sent once, by one thread.
            self.contents[number].with_mut(|content| unsafe { *content = number + 1 });
            // SAFETY: the batch is this thread's until now.
            unsafe { self.inbox.push(self.batch(number)) };
        }

        /// What the owner's slow path does, and a sender's once too many wait.
        fn absorb(&self, received: &mut [usize; 2]) {
            self.absorb_by(received, Inbox::take);
        }

        fn absorb_by(&self, received: &mut [usize; 2], take: fn(&Inbox) -> Batches) {
            for batch in take(&self.inbox) {
                let number = usize::from(batch != self.batch(0));
                // SAFETY: who takes the batch has what its sender wrote; loom is to confirm it.
                received[number] += self.contents[number].with(|content| unsafe { *content });
            }
        }
    }

    /// A sender and the owner; every batch arrives once, whole.
    fn deliver(take: fn(&Inbox) -> Batches) {
        model(800, move || {
            let sent = Sent::new();
            let sender = {
                let sent = Arc::clone(&sent);
                thread::spawn(move || [0, 1].map(|number| sent.send(number)))
            };
            let owner = {
                let sent = Arc::clone(&sent);
                thread::spawn(move || sent.absorb_by(&mut sent.received.lock(Mark::new(4)), take))
            };
            sender.join().unwrap();
            owner.join().unwrap();
            let mut received = sent.received.lock(Mark::new(4));
            sent.absorb(&mut received);
            assert_eq!(*received, [1, 2]);
        });
    }

    #[test]
    fn loom_every_batch_arrives_once_and_whole() {
        deliver(Inbox::take);
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_finds_the_mutant_that_takes_relaxed() {
        deliver(|inbox| inbox.take_ordered(Ordering::Relaxed));
    }

    /// The last frees to a heap whose thread ended: each sender looks after what waits if nobody else
    /// does, while another thread adopts the heap. Nothing is lost, nothing comes twice.
    fn abandon(take: fn(&Sent, &mut [usize; 2])) {
        model(36_000, move || {
            let sent = Sent::new();
            let senders = [0, 1].map(|number| {
                let sent = Arc::clone(&sent);
                thread::spawn(move || {
                    sent.send(number);
                    if let Some(mut received) = sent.received.try_lock(Mark::new(number * 4 + 4)) {
                        take(&sent, &mut received);
                    }
                })
            });
            for sender in senders {
                sender.join().unwrap();
            }
            let mut received = sent.received.lock(Mark::new(12));
            sent.absorb(&mut received);
            assert_eq!(*received, [1, 2]);
        });
    }

    #[test]
    fn loom_the_last_frees_to_an_abandoned_heap_arrive() {
        abandon(Sent::absorb);
    }

    #[test]
    #[should_panic(expected = "assertion `left == right` failed")]
    fn loom_finds_the_mutant_that_empties_the_inbox_in_two_steps() {
        abandon(|sent, received| {
            let head = sent.inbox.head.load(Ordering::Acquire);
            sent.inbox.head.store(null_mut(), Ordering::Relaxed);
            for batch in Batches(head) {
                let number = usize::from(batch != sent.batch(0));
                // SAFETY: the sender wrote it before the head was set.
                received[number] += sent.contents[number].with(|content| unsafe { *content });
            }
        });
    }
}
