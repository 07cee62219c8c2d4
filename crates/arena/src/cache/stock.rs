//! The cache as a stock of blocks, which heaps fill.

use crate::{
    books::{guard, windows},
    cache::Cache,
    heap::{Stock, pools::Pools},
    plan::bins::Bin,
};

impl Cache {
    /// Puts blocks that were just taken out of slabs of a thread's heap in random order, and has each be zero. Those of heaps
    /// as values, of which some have no room for a seal, stay as they are.
    fn mix(&self, bin: Bin, blocks: &mut [*mut u8]) {
        if blocks.first().is_none_or(|&block| windows::thread_owner(block).is_none()) {
            return;
        }
        for &block in &*blocks {
            // SAFETY: [CACHE-3: free] the blocks are those that will be in the stack.
            unsafe { guard::make_clear(bin, block) };
        }
        self.random.shuffle(blocks);
        // What is written before the first block of a slab hits no neighbour: it is popped last.
        let is_first = |block: &*mut u8| block.addr() % bin.shape().partition.segment_size() == 0;
        if let Some(first) = blocks.iter().position(is_first) {
            blocks.swap(0, first);
        }
    }

    /// The bytes of all blocks in the stock. O(bins).
    pub(crate) fn stock_bytes(&self) -> usize {
        Bin::all().map(|bin| self.stack(bin).len() * bin.shape().block_size as usize).sum()
    }

    /// What is noted of a bin's stack at a look for idle bins.
    fn height_seen(&self, bin: Bin) -> u8 {
        self.stack(bin).len() as u8 + 1
    }
}

impl Stock for Cache {
    fn add_all(&self, bin: Bin, blocks: &[*mut u8]) -> bool {
        let free = self.free_slots(bin);
        let fit = blocks.len() <= free.len();
        if fit {
            free[..blocks.len()].copy_from_slice(blocks);
            self.tops[bin.index()].set(self.tops[bin.index()].get().wrapping_add(blocks.len()));
        }
        fit
    }

    fn fill(&self, bin: Bin, take: impl FnOnce(&mut [*mut u8]) -> usize) {
        let (free, stack) = (self.free_slots(bin), self.stack_size(bin));
        let held = stack - free.len();
        if held >= stack / 4 {
            return;
        }
        // Blocks that were handed out of the smaller stack may come back, and are to find room.
        let wanted = (stack / 2 - held).saturating_sub(self.out.take()).max(1);
        // The lowest address is in the last slot that is filled, so that it is popped first.
        let count = take(&mut free[..wanted]);
        if guard::PARANOID {
            self.mix(bin, &mut free[..count]);
        }
        self.tops[bin.index()].set(self.tops[bin.index()].get().wrapping_add(count));
    }

    #[cold]
    fn give_idle(&self, pools: &mut Pools, busy: Bin) {
        let partition = busy.shape().partition;
        for bin in Bin::all().filter(|&bin| bin.shape().partition == partition) {
            if bin != busy && self.seen[bin.index()].get() == self.height_seen(bin) {
                // SAFETY: [CACHE-3: free] a stack holds free blocks in slabs of its bin, all of the cache's heap.
                unsafe { pools.give(bin, self.empty(bin)) };
                pools.retire_empty_slab(bin);
            }
            self.seen[bin.index()].set(self.height_seen(bin));
        }
    }

    #[cold]
    fn give_unused(&self, pools: &mut Pools, busy: Bin) {
        for bin in pools.grown_bins.iter().filter(|&bin| bin != busy) {
            if pools.is_worth_vacating(bin, self.stack(bin), busy) {
                // SAFETY: [CACHE-3: free] a stack holds free blocks in slabs of its bin, all of the cache's heap.
                unsafe { pools.give(bin, self.empty(bin)) };
                pools.retire_empty_slab(bin);
            }
        }
    }
}
