//! The live samples: a table by their addresses.

use crate::{
    books::broken::{Broken, expect},
    policy::sampling::Weight,
    sys::paged::PagedVec,
};

/// A live sample. All zero is none.
#[derive(Clone, Copy)]
struct Block {
    address: usize,
    site: usize,
    weight: Weight,
}

/// A hash table with open addressing and linear probing, at most half full.
///
/// # Invariants
///
/// - [LIVE-1: probed] From the place that an address hashes to, up to where it is, no slot is empty.
/// - [LIVE-2: room] The slots are a power of two, or none; at most half of them are filled.
pub(super) struct Live {
    slots: PagedVec<Block>,
    filled: usize,
}

const LEAST_SLOTS: usize = 512;

impl Live {
    pub(super) const fn new() -> Self {
        Self { slots: PagedVec::new(), filled: 0 }
    }

    /// The weights of the live blocks that were allocated at a site. O(slots).
    pub(super) fn of_site(&self, site: usize) -> impl Iterator<Item = Weight> {
        let blocks =
            self.slots.iter().filter(move |block| block.address != 0 && block.site == site);
        blocks.map(|block| block.weight)
    }

    /// Checks that each block is found by its address, and that there is room. O(slots).
    pub(super) fn validate(&self) -> Result<(), Broken> {
        let filled = self.slots.iter().filter(|block| block.address != 0).count();
        let powers = self.slots.is_empty() || self.slots.len().is_power_of_two();
        expect(powers && filled == self.filled && filled * 2 <= self.slots.len(), "LIVE-2: room")?;
        let is_found = |(place, block): (usize, &Block)| {
            block.address == 0 || self.find(block.address) == place
        };
        expect(self.slots.iter().enumerate().all(is_found), "LIVE-1: probed")
    }

    /// Empties the slot of a block, against all rules.
    #[cfg(test)]
    pub(super) fn forget(&mut self, address: usize) {
        let place = self.find(address);
        self.slots[place].address = 0;
    }

    /// Adds a block that isn't there; returns whether there was memory for it.
    pub(super) fn insert(&mut self, address: usize, weight: Weight, site: usize) -> bool {
        if (self.filled + 1) * 2 > self.slots.len() && !self.grow() {
            return false;
        }
        self.put(Block { address, site, weight });
        self.filled += 1;
        true
    }

    fn put(&mut self, block: Block) {
        let place = self.find(block.address);
        self.slots[place] = block;
    }

    /// The slot of an address, or the empty one where it would be.
    fn find(&self, address: usize) -> usize {
        let mut place = self.home_of(address);
        while self.slots[place].address != address && self.slots[place].address != 0 {
            place = self.next(place);
        }
        place
    }

    fn next(&self, place: usize) -> usize {
        (place + 1) & (self.slots.len() - 1)
    }

    fn home_of(&self, address: usize) -> usize {
        // The high bits of the product depend on all of the address.
        (address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) & (self.slots.len() - 1)
    }

    fn grow(&mut self) -> bool {
        let count = (self.slots.len() * 2).max(LEAST_SLOTS);
        // SAFETY: all zero is no block.
        let Some(larger) = (unsafe { PagedVec::zeroed(count) }) else { return false };
        let old = core::mem::replace(&mut self.slots, larger);
        old.iter().filter(|block| block.address != 0).for_each(|&block| self.put(block));
        true
    }

    /// Whether a block is there.
    pub(super) fn has(&self, address: usize) -> bool {
        self.filled != 0 && self.slots[self.find(address)].address == address
    }

    /// Takes a block out; returns its weight and its site. `None` if it isn't there.
    pub(super) fn remove(&mut self, address: usize) -> Option<(Weight, usize)> {
        if self.filled == 0 {
            return None;
        }
        let mut hole = self.find(address);
        let Block { address: 1.., site, weight } = self.slots[hole] else { return None };
        self.filled -= 1;
        // Blocks behind the hole move up if it would hide them [LIVE-1: probed].
        let mut place = self.next(hole);
        while self.slots[place].address != 0 {
            let home = self.home_of(self.slots[place].address);
            let mask = self.slots.len() - 1;
            if place.wrapping_sub(home) & mask >= place.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[place];
                hole = place;
            }
            place = self.next(place);
        }
        self.slots[hole] = Block { address: 0, site: 0, weight: Weight::NONE };
        Some((weight, site))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn it_agrees_with_a_map_whatever_comes_and_goes() {
        let (mut live, mut model) = (Live::new(), HashMap::new());
        let mut random = 1_u64;
        for step in 0..100_000 {
            random = crate::policy::sampling::next_random(random);
            // Few addresses, so that many are there already, and probes collide.
            let address = (random as usize >> 8) % 3000 * 4096 + 4096;
            let expected = model.remove(&address);
            assert_eq!(live.remove(address).map(|(_, site)| site), expected, "step {step}");
            if random & 3 != 0 {
                assert!(live.insert(address, Weight::NONE, step));
                model.insert(address, step);
            }
            assert_eq!(live.filled, model.len());
        }
    }
}
