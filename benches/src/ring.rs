//! Threads in a ring, each of which passes its blocks on to the next.

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::block::Block;

/// One mailbox for each thread.
#[derive(Debug)]
pub struct Ring(Vec<Mailbox>);

type Mailbox = (Sender<Vec<Block>>, Receiver<Vec<Block>>);

impl Ring {
    /// A ring of `threads` threads.
    pub fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| unbounded()).collect())
    }

    /// Gives the `parcel` of thread `index` to the next one, and waits for that of the one before.
    ///
    /// # Panics
    /// When there is no such thread.
    pub fn pass(&self, index: usize, parcel: Vec<Block>) -> Vec<Block> {
        let next = &self.0[(index + 1) % self.0.len()].0;
        next.send(parcel).expect("the ring outlives its threads");
        self.0[index].1.recv().expect("the ring outlives its threads")
    }
}
