//! Handing the blocks of a slab out, and taking them back.
//!
//! Blocks that lie together are mostly freed one after the other, and taken again so: where they are, a step counts for
//! several of them.

use crate::{
    books::slab::{BadFree, Slab},
    sys,
};

impl Slab<'_> {
    /// Hands out up to `slots.len()` blocks, free ones first, in the order of their addresses; returns how many. They
    /// are in the last slots, the lowest address in the very last.
    pub(crate) fn take(&mut self, slots: &mut [*mut u8]) -> usize {
        let reused = if self.segment.free == 0 { 0 } else { self.take_free(slots) };
        let left = slots.len() - reused;
        reused + self.carve(&mut slots[..left])
    }

    /// Hands out free blocks. O(words of the bit map), mostly O(blocks taken).
    fn take_free(&mut self, slots: &mut [*mut u8]) -> usize {
        let size = self.shape.block_size as usize;
        let wanted = slots.len().min(self.segment.free as usize);
        let mut left = slots.len();
        let end = left - wanted;
        let mut word = self.segment.hint as usize;
        while left > end {
            let bits = self.bitmap[word];
            if bits != 0 {
                let first = self.base.wrapping_add(word * 64 * size);
                let count = (bits.count_ones() as usize).min(left - end);
                self.bitmap[word] = take_bits(bits, first, size, &mut slots[left - count..left]);
                left -= count;
            }
            word += usize::from(self.bitmap[word] == 0);
        }
        self.segment.hint = word as u16;
        self.segment.free -= wanted as u32;
        self.segment.purged = self.segment.purged.min(self.segment.free * self.shape.block_size);
        wanted
    }

    /// Hands out blocks for the first time, as far as their memory is usable. Touches none of them.
    fn carve(&mut self, slots: &mut [*mut u8]) -> usize {
        let size = self.shape.block_size as usize;
        let first = self.segment.carved as usize;
        let blocks = (self.segment.usable as usize / size).min(self.shape.capacity as usize);
        let (room, count) = (slots.len(), slots.len().min(blocks - first));
        fill_from(self.base.wrapping_add(first * size), size, &mut slots[room - count..]);
        self.segment.carved += count as u32;
        self.segment.touched = self.segment.touched.max((first + count) as u32 * size as u32);
        count
    }

    /// Writes to the bit map of a slab without free blocks where a block has its bit, which is zero as all of them are.
    ///
    /// A page that is read before it is ever written to is faulted in twice, and the second time other threads' processors
    /// are interrupted.
    pub(crate) fn write_to_map(&mut self, block: *mut u8) {
        debug_assert!(self.segment.free == 0);
        let number = self.shape.block_at(block.addr().wrapping_sub(self.base.addr()));
        if let Some(word) = self.bitmap.get_mut(number / 64) {
            // SAFETY: the word is borrowed mutably. Volatile, as it changes nothing.
            unsafe { core::ptr::from_mut(word).write_volatile(0) };
        }
    }

    /// Writes to each page that begins behind the first `before` blocks, in those handed out. They are zero.
    ///
    /// For blocks that are looked at before they are written to: see [`write_to_map`](Self::write_to_map).
    pub(crate) fn write_to_pages(&mut self, before: u32) {
        let from = before as usize * self.shape.block_size as usize;
        for page in (sys::round_to_pages(from)..self.carved_bytes()).step_by(sys::round_to_pages(1))
        {
            // SAFETY: [SEGMENT-4: usable] the byte is usable, and lies in a block that nobody has yet. Volatile, as it changes
            // nothing.
            unsafe { self.base.wrapping_add(page).write_volatile(0) };
        }
    }

    /// Takes back the first of `blocks` and those after it that lie in this slab too; returns how many.
    /// O(1) each.
    #[inline]
    pub(crate) fn give(&mut self, blocks: &[*mut u8]) -> Result<usize, BadFree> {
        match *blocks {
            [block] => self.give_one(block).map(|()| 1),
            [block, next, ..] if !self.shape.are_together(block, next) => {
                self.give_one(block).map(|()| 1)
            }
            _ => self.give_row(blocks),
        }
    }

    /// Takes one block back.
    #[inline]
    fn give_one(&mut self, block: *mut u8) -> Result<(), BadFree> {
        let number = self.shape.block_from(block.addr().wrapping_sub(self.base.addr()));
        let carved = self.segment.carved as usize;
        let Some(number) = number.filter(|&number| number < carved) else {
            return Err(BadFree::NotABlock(block));
        };
        // SAFETY: [SEGMENT-1: carved] `number` is below `carved`, and the bit map has a bit for each of those.
        let bits = unsafe { self.bitmap.get_unchecked_mut(number / 64) };
        if *bits & (1 << (number % 64)) != 0 {
            return Err(BadFree::Twice(block));
        }
        *bits |= 1 << (number % 64);
        self.segment.hint = self.segment.hint.min((number / 64) as u16);
        self.segment.free += 1;
        Ok(())
    }

    /// The same as [`give`](Self::give), where the second lies here as well.
    #[inline]
    fn give_row(&mut self, blocks: &[*mut u8]) -> Result<usize, BadFree> {
        // Copied: what is written to the bit map can't change it then.
        let (shape, carved) = (*self.shape, self.segment.carved as usize);
        let (base, end) = (self.base.addr(), self.carved_bytes());
        let size = shape.block_size as usize;
        let mut lowest = self.segment.hint as usize * 64;
        let mut given = 0;
        while let Some(&block) = blocks.get(given) {
            let offset = block.addr().wrapping_sub(base);
            if offset >= end {
                break;
            }
            let Some(number) = shape.block_from(offset) else {
                return Err(BadFree::NotABlock(block));
            };
            let run = Run::of(&blocks[given..], size, number, carved);
            // SAFETY: [SEGMENT-1: carved] `number` is below `carved`, and the bit map has a bit for each of those.
            let bits = unsafe { self.bitmap.get_unchecked_mut(number / 64) };
            let twice = *bits & run.bits;
            if twice != 0 {
                let number = number / 64 * 64 + twice.trailing_zeros() as usize;
                return Err(BadFree::Twice(self.base.wrapping_add(number * size)));
            }
            *bits |= run.bits;
            lowest = lowest.min(number);
            given += run.blocks;
        }
        self.segment.hint = (lowest / 64) as u16;
        self.segment.free += given as u32;
        match blocks.first() {
            Some(&block) if given == 0 => Err(BadFree::NotABlock(block)),
            _ => Ok(given),
        }
    }
}

/// Blocks that follow each other, upwards or downwards, and whose bits are in one word of a bit map.
struct Run {
    blocks: usize,
    bits: u64,
}

impl Run {
    /// The run that begins with the first of `blocks`, which has this number; of those below `carved`.
    #[inline(always)]
    fn of(blocks: &[*mut u8], size: usize, number: usize, carved: usize) -> Self {
        let step = blocks.get(1).map_or(0, |next| next.addr().wrapping_sub(blocks[0].addr()));
        // Upwards or downwards, by one comparison. It wraps for none that it takes: addresses have 47 bits, and sizes 16.
        if step.wrapping_mul(step) == size * size {
            Self::by(step, blocks, number, carved)
        } else {
            Self { blocks: 1, bits: 1 << (number % 64) }
        }
    }

    /// The same, where the second follows the first at a step.
    #[inline(never)]
    fn by(step: usize, blocks: &[*mut u8], number: usize, carved: usize) -> Self {
        let (bit, is_up) = (number % 64, blocks[0] < blocks[1]);
        let most = if is_up { (64 - bit).min(carved - number) } else { bit + 1 };
        let blocks = follow(blocks, step, most);
        let lowest = if is_up { bit } else { bit + 1 - blocks };
        Self { blocks, bits: (u64::MAX >> (64 - blocks)) << lowest }
    }
}

/// How many of the first blocks follow each other at steps of so many bytes, of `most`.
#[inline]
fn follow(blocks: &[*mut u8], step: usize, most: usize) -> usize {
    let blocks = &blocks[..most.min(blocks.len())];
    let mut next = blocks[0];
    let end = blocks.iter().position(|&block| {
        let is_elsewhere = block != next;
        next = next.wrapping_add(step);
        is_elsewhere
    });
    end.unwrap_or(blocks.len())
}

/// Fills slots with the addresses of the blocks whose bits are set, lowest in the last slot; returns the bits of those for
/// which there was no slot. There are as many bits at least.
#[inline]
fn take_bits(mut bits: u64, first: *mut u8, size: usize, slots: &mut [*mut u8]) -> u64 {
    let lowest = bits.trailing_zeros() as usize;
    if bits | (bits - 1) == u64::MAX {
        // All behind the lowest: the blocks follow each other.
        fill_from(first.wrapping_add(lowest * size), size, slots);
        let taken = lowest + slots.len();
        return u64::MAX.checked_shl(taken as u32).unwrap_or(0);
    }
    for slot in slots.iter_mut().rev() {
        *slot = first.wrapping_add(bits.trailing_zeros() as usize * size);
        bits &= bits - 1;
    }
    bits
}

/// Fills slots with the addresses of blocks that follow each other, the first in the last slot.
#[inline]
fn fill_from(first: *mut u8, size: usize, slots: &mut [*mut u8]) {
    let mut next = first;
    for slot in slots.iter_mut().rev() {
        *slot = next;
        next = next.wrapping_add(size);
    }
}
