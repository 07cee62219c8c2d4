//! How the heap is divided, worked out before a byte of it is written.

use crate::{
    Config, ConfigError, MAX_ALIGN, MAX_SIZES, Split,
    geometry::{Geometry, align_down, align_up},
};

/// The table that finds a pool by size has at most this many entries a pool; larger sizes are
/// found by bisection.
const TABLE_PER_POOL: usize = 16;

/// The pools of one heap, from the largest block size to the smallest.
///
/// Each gets its share and what the larger ones left over. They lie against the heap's end, so
/// that every pool's upper end is aligned without padding below it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    config: Config<'a>,
    geometry: Geometry,
    /// Distinct block sizes.
    pub(crate) pools: usize,
    /// Entries of the table that finds a pool by size.
    pub(crate) table: usize,
    /// Bytes that the pools may take.
    available: usize,
    /// The sum of all weights, and of those not yet served.
    weights: u64,
    weights_left: u64,
    /// Sizes and pools not yet served.
    sizes_left: usize,
    pools_left: usize,
    /// Bytes left over from the pools served.
    carry: usize,
    /// The upper end of the next pool.
    top: usize,
    /// The first byte of the lowest part.
    lowest: usize,
}

/// One pool's part of the heap: its bits or rows from `low` up, its blocks from `high` down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) index: usize,
    pub(crate) stride: usize,
    pub(crate) low: usize,
    pub(crate) high: usize,
}

impl<'a> Plan<'a> {
    /// Returns a plan of which every pool is known to fit.
    pub(crate) const fn new(
        config: &Config<'a>,
        heap_size: usize,
        geometry: Geometry,
    ) -> Result<Self, ConfigError> {
        if let Err(error) = check(config, heap_size, &geometry) {
            return Err(error);
        }
        let (pools, table) = count_pools(config, &geometry);
        let fixed = geometry.state(pools) + table;
        let top = align_down(heap_size, config.align);
        let needed = heap_size_of(config, &geometry);
        if top <= fixed || (matches!(config.split, Split::Counts(_)) && top < needed) {
            return Err(ConfigError::HeapTooSmall { size: heap_size, needed });
        }
        let weights = match sum_of_weights(config, &geometry) {
            Ok(weights) => weights,
            Err(error) => return Err(error),
        };
        let plan = Self {
            config: *config,
            geometry,
            pools,
            table,
            available: top - fixed,
            weights,
            weights_left: weights,
            sizes_left: config.sizes.len(),
            pools_left: pools,
            carry: 0,
            top,
            lowest: 0,
        };
        plan.dry_run()
    }

    /// Returns the same plan, with the place of the lowest part.
    const fn dry_run(self) -> Result<Self, ConfigError> {
        let mut copy = self;
        while copy.pools_left > 0 {
            match copy.next_slot() {
                Ok(slot) => copy.lowest = slot.low,
                Err(error) => return Err(error),
            }
        }
        Ok(Self { lowest: copy.lowest, ..self })
    }

    /// Returns where the parts begin and end, before the first slot was taken.
    pub(crate) const fn extent(&self) -> (usize, usize) {
        (self.lowest, self.top)
    }

    /// Returns the next pool down; there is one while [`has_next`](Self::has_next).
    pub(crate) const fn next_slot(&mut self) -> Result<Slot, ConfigError> {
        let size = self.config.sizes[self.sizes_left - 1];
        let stride = self.geometry.stride(size, self.config.align);
        let before = self.bound();
        let counted = self.take_sizes_of(stride);
        let (share, blocks) = if let Some(blocks) = counted {
            (self.geometry.cost(stride, blocks), blocks)
        } else {
            let share = before - self.bound();
            (share, self.geometry.fit(stride, self.whole(share + self.carry)))
        };
        if blocks == 0 || self.geometry.cost(stride, 1) > share {
            return Err(ConfigError::TooLargeForShare { size, share });
        }
        self.pools_left -= 1;
        let high = self.top;
        let start = high - self.geometry.cost(stride, blocks);
        let low = if self.pools_left == 0 { start } else { align_down(start, self.config.align) };
        if counted.is_none() {
            self.carry = share + self.carry - (high - low);
        }
        self.top = low;
        Ok(Slot { index: self.pools_left, stride, low, high })
    }

    pub(crate) const fn has_next(&self) -> bool {
        self.pools_left > 0
    }

    /// Returns the bytes up to which the sizes not yet served have a claim.
    const fn bound(&self) -> usize {
        match self.weights {
            0 => 0,
            weights => (self.available as u64 * self.weights_left / weights) as usize,
        }
    }

    /// Returns what of a budget may be spent so that the next pool down ends aligned: the last one needn't.
    const fn whole(&self, budget: usize) -> usize {
        if self.pools_left == 1 { budget } else { align_down(budget, self.config.align) }
    }

    /// Serves all sizes of one stride; their count of blocks, if they are counted.
    const fn take_sizes_of(&mut self, stride: usize) -> Option<usize> {
        let mut blocks = 0_usize;
        let mut counted = false;
        while self.sizes_left > 0 {
            let index = self.sizes_left - 1;
            if self.geometry.stride(self.config.sizes[index], self.config.align) != stride {
                break;
            }
            self.sizes_left = index;
            match self.config.split {
                Split::Counts(counts) => {
                    counted = true;
                    blocks = blocks.saturating_add(counts[index] as usize);
                }
                _ => self.weights_left -= weight(&self.config, &self.geometry, index),
            }
        }
        if counted { Some(blocks) } else { None }
    }
}

/// What a single look at the input can find wrong.
const fn check(
    config: &Config<'_>,
    heap_size: usize,
    geometry: &Geometry,
) -> Result<(), ConfigError> {
    let count = config.sizes.len();
    if !config.align.is_power_of_two() || config.align > MAX_ALIGN {
        return Err(ConfigError::BadAlignment { align: config.align, limit: MAX_ALIGN });
    }
    if count == 0 {
        return Err(ConfigError::NoSizes);
    }
    if count > MAX_SIZES {
        return Err(ConfigError::TooManySizes { count, limit: MAX_SIZES });
    }
    if heap_size > geometry.max_heap {
        return Err(ConfigError::HeapTooLarge { size: heap_size, limit: geometry.max_heap });
    }
    if let Split::Weights(given) | Split::Counts(given) = config.split {
        if given.len() != count {
            return Err(ConfigError::WrongNumber { given: given.len(), sizes: count });
        }
    }
    check_sizes(config.sizes, heap_size)
}

/// Sizes ascend, from one; none is so large that rounding it up could overflow.
const fn check_sizes(sizes: &[usize], heap_size: usize) -> Result<(), ConfigError> {
    let mut index = 0;
    let mut previous = 0;
    while index < sizes.len() {
        let size = sizes[index];
        if size == 0 {
            return Err(ConfigError::ZeroSize { index });
        }
        if size < previous {
            return Err(ConfigError::Unsorted { index, size, previous });
        }
        if size == previous {
            return Err(ConfigError::Duplicate { index, size });
        }
        if size > heap_size {
            return Err(ConfigError::TooLargeForShare { size, share: heap_size });
        }
        previous = size;
        index += 1;
    }
    Ok(())
}

/// Returns the distinct strides, and the entries of the table that finds them.
const fn count_pools(config: &Config<'_>, geometry: &Geometry) -> (usize, usize) {
    let mut pools = 0;
    let mut previous = 0;
    let mut index = 0;
    while index < config.sizes.len() {
        let stride = geometry.stride(config.sizes[index], config.align);
        if stride != previous {
            pools += 1;
        }
        previous = stride;
        index += 1;
    }
    let steps = previous / config.align;
    let most = pools * TABLE_PER_POOL;
    // A single pool of large blocks is found by one comparison, and may need every byte.
    let table = if steps <= most {
        steps
    } else if pools == 1 {
        0
    } else {
        most
    };
    (pools, table)
}

const fn weight(config: &Config<'_>, geometry: &Geometry, index: usize) -> u64 {
    match config.split {
        Split::Equal => 1,
        Split::Proportional => geometry.stride(config.sizes[index], config.align) as u64,
        Split::Weights(weights) => weights[index] as u64,
        Split::Counts(_) => 0,
    }
}

/// Returns the sum of weights, small enough that a heap's size times it can't overflow.
const fn sum_of_weights(config: &Config<'_>, geometry: &Geometry) -> Result<u64, ConfigError> {
    let mut sum = 0;
    let mut index = 0;
    while index < config.sizes.len() {
        sum += weight(config, geometry, index);
        index += 1;
    }
    let counted = matches!(config.split, Split::Counts(_));
    if (sum == 0 && !counted) || sum > u32::MAX as u64 {
        return Err(ConfigError::BadWeights { sum });
    }
    Ok(sum)
}

/// Returns how many blocks the pool has whose sizes begin at `index`, where counts say so, and the index of the size
/// behind them.
const fn count_blocks(
    config: &Config<'_>,
    geometry: &Geometry,
    mut index: usize,
) -> (usize, usize) {
    let stride = geometry.stride(config.sizes[index], config.align);
    let mut blocks = 0_usize;
    while index < config.sizes.len() && geometry.stride(config.sizes[index], config.align) == stride
    {
        if let Split::Counts(counts) = config.split {
            blocks = blocks.saturating_add(counts[index] as usize);
        }
        index += 1;
    }
    (blocks, index)
}

/// See [`Config::heap_size`].
pub(crate) const fn heap_size_of(config: &Config<'_>, geometry: &Geometry) -> usize {
    let (pools, table) = count_pools(config, geometry);
    let mut size = geometry.state(pools) + table;
    let mut index = 0;
    while index < config.sizes.len() {
        let stride = geometry.stride(config.sizes[index], config.align);
        let (blocks, next) = count_blocks(config, geometry, index);
        index = next;
        let needed =
            size.saturating_add(geometry.cost(stride, if blocks == 0 { 1 } else { blocks }));
        if needed > isize::MAX as usize - MAX_ALIGN {
            return usize::MAX;
        }
        size = align_up(needed, config.align);
    }
    size
}
