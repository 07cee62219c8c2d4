//! How many blocks pass before the next that is taken aside.

use core::cell::Cell;

use crate::{
    heap::large::PAGE,
    plan::bins::{BINS, Bin},
    policy::sampling::{Rates, blocks_before_fenced, blocks_before_next},
};

/// What is due for a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// The profile has it as a sample.
    pub(crate) sample: bool,
    /// It lies alone between guard pages.
    pub(crate) fence: bool,
}

/// For each bin, the blocks that pass before the next sample, and before the next fenced block; so many that it is never where
/// none are taken. All zero is the state in which nothing counts.
pub(super) struct Until {
    sample: [Cell<u64>; BINS],
    fence: [Cell<u64>; BINS],
}

const NEVER: u64 = u64::MAX;

impl Until {
    /// Draws the numbers of a bin.
    pub(super) fn begin(&self, bin: Bin, rates: Rates, random: impl Fn() -> u64) {
        self.draw_sample(bin, rates, &random);
        self.draw_fence(bin, rates, &random);
    }

    fn draw_sample(&self, bin: Bin, rates: Rates, random: impl Fn() -> u64) {
        let size = bin.shape().block_size as usize;
        let drawn = match rates.interval() {
            0 => NEVER,
            interval => blocks_before_next(size, interval, random()),
        };
        self.sample[bin.index()].set(drawn);
    }

    fn draw_fence(&self, bin: Bin, rates: Rates, random: impl Fn() -> u64) {
        let drawn = match rates.fence_one_in() {
            one_in @ 1.. if bin.shape().block_size as usize <= PAGE => {
                blocks_before_fenced(one_in, random())
            }
            _ => NEVER,
        };
        self.fence[bin.index()].set(drawn);
    }

    /// The blocks of a bin that pass before any is taken aside.
    #[inline]
    pub(super) fn left(&self, bin: Bin) -> u64 {
        self.sample[bin.index()].get().min(self.fence[bin.index()].get())
    }

    /// Counts blocks of a bin, no more than are left.
    #[inline]
    pub(super) fn count(&self, bin: Bin, blocks: u64) {
        for until in [&self.sample[bin.index()], &self.fence[bin.index()]] {
            until.set(until.get() - blocks);
        }
    }

    /// Takes blocks of a bin that were counted out of the count.
    pub(super) fn take_back(&self, bin: Bin, blocks: u64) {
        for until in [&self.sample[bin.index()], &self.fence[bin.index()]] {
            until.set(until.get().saturating_add(blocks));
        }
    }

    /// Counts a block of a bin, which may be one that is due; returns what is due for it, and draws anew what was.
    pub(super) fn pass(&self, bin: Bin, rates: Rates, random: impl Fn() -> u64) -> Due {
        let sample = self.pass_in_tag(bin, rates, &random);
        let fence = rates.fence_one_in() != 0
            && passes(&self.fence[bin.index()], || self.draw_fence(bin, rates, &random));
        Due { sample, fence }
    }

    /// The same in a tag, where no block is fenced; returns whether it is a sample.
    pub(super) fn pass_in_tag(&self, bin: Bin, rates: Rates, random: impl Fn() -> u64) -> bool {
        if rates.interval() == 0 {
            return false;
        }
        passes(&self.sample[bin.index()], || self.draw_sample(bin, rates, random))
    }

    /// Nothing counts any more.
    pub(super) fn clear(&self) {
        self.sample.iter().chain(&self.fence).for_each(|until| until.set(0));
    }
}

/// Counts one down, or draws anew at zero; returns whether it did that.
fn passes(until: &Cell<u64>, draw: impl FnOnce()) -> bool {
    let left = until.get();
    if left == 0 {
        draw();
    } else {
        until.set(left - 1);
    }
    left == 0
}
