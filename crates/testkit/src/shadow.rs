//! The shadow oracle: what an allocator has given out, kept in a map of its own.

use std::{alloc::Layout, collections::BTreeMap, ptr::NonNull};

use crate::{Violation, pattern};

/// A live block, filled with a pattern.
#[derive(Debug)]
pub struct Block {
    start: NonNull<u8>,
    usable: usize,
    layout: Layout,
    seed: u8,
}

// SAFETY: the block is its holder's alone, and memory isn't bound to a thread.
unsafe impl Send for Block {}

impl Block {
    /// Returns the first byte.
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Returns its address as a number.
    pub fn address(&self) -> usize {
        self.start.addr().get()
    }

    /// Returns the usable bytes.
    pub fn usable(&self) -> usize {
        self.usable
    }

    /// Returns the layout it was asked for with.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns a layout that fits the block: the contract allows any size from the one asked for to the
    /// usable bytes, so we take either end, or the middle.
    pub fn fitting_layout(&self) -> Layout {
        let (least, most) = (self.layout.size(), self.usable);
        let size = [least, least.midpoint(most), most][usize::from(self.seed) % 3];
        Layout::from_size_align(size, self.layout.align()).unwrap_or(self.layout)
    }

    /// Checks that the first `keep` bytes are what they were when the block was filled.
    ///
    /// # Safety
    ///
    /// At least `keep` bytes can be read from `at`.
    pub(crate) unsafe fn verify_prefix_at(
        &self,
        at: NonNull<u8>,
        keep: usize,
    ) -> Result<(), Violation> {
        // SAFETY: `keep` bytes can be read there.
        match unsafe { pattern::find_lost(at, self.usable, keep.min(self.usable), self.seed) } {
            None => Ok(()),
            Some((offset, expected, found)) => {
                let address = at.addr().get();
                Err(Violation::ContentLost { address, offset, expected, found })
            }
        }
    }

    /// Checks that the whole block is as it was filled.
    pub fn verify(&self) -> Result<(), Violation> {
        // SAFETY: a live block's usable bytes can be read, and we filled them.
        unsafe { self.verify_prefix_at(self.start, self.usable) }
    }
}

/// The live blocks of an allocator by address: finds overlap, misalignment, blocks that are too
/// small, and whatever changes a live block's content.
#[derive(Debug, Default)]
pub struct Shadow {
    /// From the first address to the one past the end; never empty, never overlapping.
    spans: BTreeMap<usize, usize>,
    /// Makes each fill unlike the last.
    turn: u8,
}

impl Shadow {
    /// Nothing is live.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks a block just returned for `layout`, and fills it.
    ///
    /// # Safety
    ///
    /// Where it doesn't overlap what is entered already, the block can be written in all its length.
    pub unsafe fn enter(
        &mut self,
        block: NonNull<[u8]>,
        layout: Layout,
    ) -> Result<Block, Violation> {
        let start = block.cast::<u8>();
        let (address, usable) = (start.addr().get(), block.len());
        expect_fit(address, usable, layout)?;
        self.claim(address, usable)?;
        self.turn = self.turn.wrapping_add(1);
        let block = Block { start, usable, layout, seed: self.turn };
        // SAFETY: the block can be written in all its length; nothing else lies there.
        unsafe { pattern::fill(start, usable, block.seed) };
        Ok(block)
    }

    /// Takes over a block that another shadow released.
    pub fn adopt(&mut self, block: &Block) -> Result<(), Violation> {
        self.claim(block.address(), block.usable)?;
        block.verify()
    }

    /// Forgets a block, which is about to be given back; its content must be whole.
    pub fn leave(&mut self, block: &Block) -> Result<(), Violation> {
        self.forget(block);
        block.verify()
    }

    /// Forgets a block whatever its content.
    pub(crate) fn forget(&mut self, block: &Block) {
        if block.usable > 0 {
            self.spans.remove(&block.address());
        }
    }

    /// Takes `usable` bytes from `address` as live; none of them may be so already.
    fn claim(&mut self, address: usize, usable: usize) -> Result<(), Violation> {
        if usable == 0 {
            return Ok(());
        }
        let end = address.saturating_add(usable);
        match self.spans.range(..end).next_back() {
            Some((&other, &other_end)) if other_end > address => {
                Err(Violation::Overlap { address, usable, other })
            }
            _ => {
                self.spans.insert(address, end);
                Ok(())
            }
        }
    }
}

/// Checks that a block is as aligned and as long as its layout asks.
fn expect_fit(address: usize, usable: usize, layout: Layout) -> Result<(), Violation> {
    if !address.is_multiple_of(layout.align()) {
        return Err(Violation::Misaligned { address, layout });
    }
    if usable < layout.size() {
        return Err(Violation::TooSmall { address, usable, layout });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(bytes: &mut [u8], from: usize, to: usize) -> NonNull<[u8]> {
        NonNull::from(&mut bytes[from..to])
    }

    #[test]
    fn overlap_is_found_on_every_side() {
        let mut bytes = [0_u8; 64];
        let layout = Layout::new::<u8>();
        for (from, to, overlaps) in [
            (0, 16, false),
            (0, 17, true),
            (31, 40, true),
            (32, 40, false),
            (0, 64, true),
            (20, 24, true),
        ] {
            let mut shadow = Shadow::new();
            // SAFETY: all of it is our array.
            let first = unsafe { shadow.enter(part(&mut bytes, 16, 32), layout) }.unwrap();
            // SAFETY: as above.
            let second = unsafe { shadow.enter(part(&mut bytes, from, to), layout) };
            assert_eq!(second.is_err(), overlaps, "{from}..{to}");
            first.verify().unwrap();
        }
    }

    #[test]
    fn a_block_left_makes_room() {
        let mut bytes = [0_u8; 64];
        let mut shadow = Shadow::new();
        for _ in 0..3 {
            // SAFETY: our array, entered once at a time.
            let block = unsafe { shadow.enter(part(&mut bytes, 0, 64), Layout::new::<u8>()) };
            shadow.leave(&block.unwrap()).unwrap();
        }
    }
}
