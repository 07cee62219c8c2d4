//! What a run is told, what it gives back, and the threads it works on.

use std::ops::{Add, AddAssign};
use std::thread;

use rayon::prelude::*;

/// The orders of one run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Threads to work on, at least 1.
    pub threads: usize,
    /// Work to do in percent of the standard amount, which takes a tenth to a third of a second.
    pub scale: usize,
    /// Seed of every random number, so that each allocator serves the same requests.
    pub seed: u64,
}

/// What a run did.
///
/// The sum of two outcomes does not depend on their order, so neither does that of a run on its threads.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// Units of work: blocks replaced, documents parsed, and so on; each workload says what it counts.
    pub ops: u64,
    /// Sum over everything computed or read back: equal for every allocator that keeps its blocks apart.
    pub checksum: u64,
}

impl Plan {
    /// `standard` amounts of work at this plan's scale, at least 1.
    pub fn scaled(&self, standard: usize) -> usize {
        (standard * self.scale / 100).max(1)
    }

    /// `standard` amounts of work at this plan's scale, divided among the threads; at least 1 each.
    pub fn share(&self, standard: usize) -> usize {
        (self.scaled(standard) / self.threads).max(1)
    }

    /// The random numbers of stream `index`.
    pub fn rng(&self, index: usize) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed ^ (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// Runs `work` once on each thread with its index, and adds up.
    ///
    /// # Panics
    /// When `work` does.
    pub fn on_threads(&self, work: impl Fn(usize) -> Outcome + Sync) -> Outcome {
        if self.threads == 1 {
            return work(0);
        }
        thread::scope(|scope| {
            let work = &work;
            let running: Vec<_> =
                (0..self.threads).map(|index| scope.spawn(move || work(index))).collect();
            running.into_iter().map(|thread| thread.join().expect("a worker panicked")).sum()
        })
    }

    /// A rayon pool of this plan's threads.
    ///
    /// # Panics
    /// When the system starts no more threads.
    pub fn pool(&self) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .build()
            .expect("threads can be started")
    }

    /// Does `standard` pieces of work, scaled, on such a pool; each piece gets random numbers of its own.
    ///
    /// # Panics
    /// When `piece` does, or the system starts no more threads.
    pub fn on_pool(
        &self,
        standard: usize,
        piece: impl Fn(&mut fastrand::Rng) -> Outcome + Sync,
    ) -> Outcome {
        let pieces = self.scaled(standard);
        self.pool()
            .install(|| (0..pieces).into_par_iter().map(|index| piece(&mut self.rng(index))).sum())
    }
}

impl Outcome {
    /// One unit of work that computed `checksum`.
    pub fn one(checksum: u64) -> Self {
        Self { ops: 1, checksum }
    }

    /// Counts one unit of work that computed `checksum`.
    pub fn count(&mut self, checksum: u64) {
        *self += Self::one(checksum);
    }
}

impl Add for Outcome {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { ops: self.ops + other.ops, checksum: self.checksum.wrapping_add(other.checksum) }
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Outcome {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

/// FNV-1a of `bytes`: the checksum of a text.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Plan, hash};

    #[test]
    fn threads_add_up_and_streams_differ() {
        let plan = Plan { threads: 4, scale: 50, seed: 7 };
        let outcome = plan.on_threads(|index| Outcome::one(1 << index));
        assert_eq!(outcome, Outcome { ops: 4, checksum: 0b1111 });
        assert_ne!(plan.rng(0).u64(..), plan.rng(1).u64(..));
        assert_eq!((plan.scaled(100), plan.share(100), plan.share(1)), (50, 12, 1));
    }

    #[test]
    fn hash_tells_texts_apart() {
        assert_ne!(hash(b"ab"), hash(b"ba"));
    }
}
