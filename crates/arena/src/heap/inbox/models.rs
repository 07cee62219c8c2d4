//! Models of the inbox, and mutants that loom finds.

use loom::{cell::UnsafeCell, sync::Arc, thread};
use stratalloc_core::sync::model;

use super::*;
use crate::{
    books::owner::Owner,
    heap::inbox::batch::BATCH_BLOCKS,
    plan::bins::Bin,
    sys::lock::{Lock, Mark},
};

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
    let (blocks, watched) = ([null_mut(); BATCH_BLOCKS], UnsafeCell::new(()));
    Batch { next: None, owner, bin: Bin::NONE, end: 0, blocks, watched }
}

// SAFETY: the batches are reached through the inbox; loom watches the rest.
unsafe impl Sync for Sent {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Sent {}

impl Sent {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inbox: Inbox { head: AtomicPtr::new(null_mut()), bytes: AtomicUsize::new(0) },
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
        let batch = OwnedBatch(NonNull::new(self.batch(number)).unwrap());
        // SAFETY: the one inbox of this model.
        unsafe { self.inbox.push(batch) };
    }

    /// What the owner's slow path does, and a sender's once too many wait.
    fn absorb(&self, received: &mut [usize; 2]) {
        self.absorb_by(received, Inbox::take);
    }

    fn absorb_by(&self, received: &mut [usize; 2], take: fn(&Inbox) -> Batches) {
        for batch in take(&self.inbox) {
            let number = usize::from(batch.0.as_ptr() != self.batch(0));
            // SAFETY: the thread that takes the batch sees what its sender wrote; loom is to confirm it.
            received[number] += self.contents[number].with(|content| unsafe { *content });
        }
    }
}

/// A sender and the owner, the one begun first and then the other; every batch arrives once, whole.
fn deliver(take: fn(&Inbox) -> Batches) {
    // An owner that looks first finds nothing: loom takes many of its executions for the same.
    for (owner_first, least) in [(false, 800), (true, 9)] {
        model(least, move || {
            let sent = Sent::new();
            let work = move |sent: &Sent, is_owner: bool| {
                if is_owner {
                    sent.absorb_by(&mut sent.received.lock(Mark::new(4)), take);
                } else {
                    [0, 1].into_iter().for_each(|number| sent.send(number));
                }
            };
            let threads = [owner_first, !owner_first].map(|is_owner| {
                let sent = Arc::clone(&sent);
                thread::spawn(move || work(&sent, is_owner))
            });
            for thread in threads {
                thread.join().unwrap();
            }
            let mut received = sent.received.lock(Mark::new(4));
            sent.absorb(&mut received);
            assert_eq!(*received, [1, 2]);
        });
    }
}

/// Shows that a batch is handed over whole, and to one taker; not that its blocks are those of its bin.
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

/// Both senders do the same, so that either order is the other. The heap's pools are two sums here.
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
        for batch in Batches(NonNull::new(head).map(OwnedBatch)) {
            let number = usize::from(batch.0.as_ptr() != sent.batch(0));
            // SAFETY: the sender wrote it before the head was set.
            received[number] += sent.contents[number].with(|content| unsafe { *content });
        }
    });
}
