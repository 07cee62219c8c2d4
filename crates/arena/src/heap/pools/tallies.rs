//! Tallies of what can't be counted afterwards: peaks and events. Only slow paths change them.

use crate::plan::bins::{BINS, Bin};

/// The tallies of one bin.
#[derive(Clone, Copy)]
pub(crate) struct BinTally {
    /// Blocks handed out, those in threads' stocks among them.
    live: u32,
    /// The most there were of them.
    pub(crate) peak: u32,
    /// Blocks that other threads gave back.
    pub(crate) remote: u64,
}

/// The tallies of a heap. All zero is a heap to which nothing happened.
pub(crate) struct Tallies {
    pub(crate) bins: [BinTally; BINS],
    /// Large blocks handed out.
    large: u32,
    /// All blocks that were ever handed out.
    pub(crate) taken: u64,
    /// How often memory was given back, and how many bytes.
    pub(crate) purges: u64,
    pub(crate) purged: u64,
}

impl Tallies {
    /// Counts blocks of a bin that were handed out.
    pub(super) fn took(&mut self, bin: Bin, blocks: usize) {
        let tally = &mut self.bins[bin.index()];
        tally.live += blocks as u32;
        tally.peak = tally.peak.max(tally.live);
        self.taken += blocks as u64;
    }

    /// Counts a large block that was handed out.
    pub(crate) fn took_large(&mut self) {
        self.large += 1;
        self.taken += 1;
    }

    /// Counts a large block that came back.
    pub(crate) fn gave_large(&mut self) {
        self.large -= 1;
    }

    /// All blocks that are handed out. O(bins).
    pub(crate) fn blocks(&self) -> usize {
        let small: usize = self.bins.iter().map(|bin| bin.live as usize).sum();
        small + self.large as usize
    }

    /// The number of blocks of a bin that are handed out.
    pub(super) fn live(&self, bin: Bin) -> usize {
        self.bins[bin.index()].live as usize
    }

    /// Counts blocks of a bin that came back.
    pub(super) fn gave(&mut self, bin: Bin, blocks: usize) {
        self.bins[bin.index()].live -= blocks as u32;
    }

    /// Counts blocks of a bin that another thread gave back.
    pub(crate) fn gave_remotely(&mut self, bin: Bin, blocks: usize) {
        self.bins[bin.index()].remote += blocks as u64;
    }

    /// Counts all blocks as back.
    pub(super) fn gave_all(&mut self) {
        self.bins.iter_mut().for_each(|bin| bin.live = 0);
        self.large = 0;
    }

    /// Counts bytes that were given back to the system.
    pub(super) fn purged(&mut self, bytes: usize) {
        self.purges += u64::from(bytes > 0);
        self.purged += bytes as u64;
    }
}
