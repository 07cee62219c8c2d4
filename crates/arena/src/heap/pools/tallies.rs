//! What can't be counted afterwards: peaks and events. Noted on slow paths only.

use crate::plan::bins::{BINS, Bin};

/// What was noted of one bin.
#[derive(Clone, Copy)]
pub(crate) struct BinTally {
    /// Blocks handed out, those in threads' stocks among them.
    live: u32,
    /// The most there were of them.
    pub(crate) peak: u32,
    /// Blocks that other threads gave back.
    pub(crate) remote: u64,
}

/// What was noted of a heap. All zero is one to which nothing happened.
pub(crate) struct Tallies {
    pub(crate) bins: [BinTally; BINS],
    /// How often memory was given back, and how many bytes.
    pub(crate) purges: u64,
    pub(crate) purged: u64,
}

impl Tallies {
    /// So many blocks of a bin were handed out.
    pub(super) fn took(&mut self, bin: Bin, blocks: usize) {
        let tally = &mut self.bins[bin.index()];
        tally.live += blocks as u32;
        tally.peak = tally.peak.max(tally.live);
    }

    /// The blocks of a bin that are handed out.
    pub(super) fn live(&self, bin: Bin) -> usize {
        self.bins[bin.index()].live as usize
    }

    /// So many came back.
    pub(super) fn gave(&mut self, bin: Bin, blocks: usize) {
        self.bins[bin.index()].live -= blocks as u32;
    }

    /// Another thread gave so many back.
    pub(crate) fn gave_remotely(&mut self, bin: Bin, blocks: usize) {
        self.bins[bin.index()].remote += blocks as u64;
    }

    /// All came back.
    pub(super) fn gave_all(&mut self) {
        self.bins.iter_mut().for_each(|bin| bin.live = 0);
    }

    pub(super) fn purged(&mut self, bytes: usize) {
        self.purges += u64::from(bytes > 0);
        self.purged += bytes as u64;
    }
}
