//! One segment as a slab of equal blocks: which of them are free, in a bit map outside of them.
//!
//! A freed block is not touched, and is handed out again in the order of addresses: blocks that are
//! allocated together lie together, also after they were freed at random.

mod validation;

use crate::{
    books::arena::run_starts,
    plan::bins::{Bin, SlabShape},
};

/// Words of the largest bit map: 8,192 blocks of 8 bytes.
pub(crate) const BITMAP_WORDS_SMALLEST: usize = 64 * 1024 / 8 / 64;
/// Words of the bit maps in the partitions above: 1,820 blocks at most.
pub(crate) const BITMAP_WORDS: usize = 32;

/// The book of one segment. All zero is a segment that was never used.
///
/// # Invariants
///
/// Of a segment that serves as a slab:
///
/// - [SEGMENT-1: carved] Blocks below `carved` were handed out at least once; those above never were, and their
///   bits are clear.
/// - [SEGMENT-2: free] `free` is the number of set bits, and a block's bit is set only while nobody holds it.
/// - [SEGMENT-3: hint] No bit is set in the words below `hint`.
///
/// Of every segment:
///
/// - [SEGMENT-4: usable] The blocks below `carved` end within `usable`.
/// - [SEGMENT-5: touched] Bytes from `touched` on read as zero; what memory is behind them came with a huge page.
#[repr(C, align(64))]
pub(crate) struct Segment {
    /// Set bits.
    pub(crate) free: u32,
    /// Blocks below this one have been handed out.
    pub(crate) carved: u32,
    /// Bytes from the start that may have memory behind them.
    pub(crate) touched: u32,
    /// Pages of 4 KiB of the large block that starts here; zero in every other segment.
    pub(crate) pages: u32,
    /// Bytes of free blocks whose memory was given back; at most all free ones.
    pub(crate) settled: u32,
    /// Bytes from the start that may be used without asking the system.
    pub(crate) usable: u32,
    /// Where its bit map is, counted from one among the lines of bit maps; zero before it has one.
    pub(crate) bitmap: u32,
    /// The first word of the bit map that may have a set bit.
    hint: u16,
    /// The bin that it serves as a slab, if it does.
    pub(crate) bin: Bin,
    /// Whether it is in its heap's list of slabs.
    pub(crate) listed: bool,
    /// Its idle bytes when it was last looked at for pages to give back.
    pub(crate) seen: u32,
    /// The neighbours in that list.
    pub(crate) next: *mut Segment,
    pub(crate) prev: *mut Segment,
}

/// What is wrong with a block that was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadFree {
    /// It doesn't start where a block starts, or was never handed out.
    NotABlock(*mut u8),
    /// It is free already.
    Twice(*mut u8),
}

/// A slab: a segment's book with its memory, its bit map and its shape.
pub(crate) struct Slab<'a> {
    pub(crate) segment: &'a mut Segment,
    pub(crate) bitmap: &'a mut [u64],
    pub(crate) base: *mut u8,
    pub(crate) shape: &'a SlabShape,
}

impl Slab<'_> {
    /// Hands out up to `slots.len()` blocks, free ones first, in the order of their addresses; says
    /// how many.
    pub(crate) fn take(&mut self, slots: &mut [*mut u8]) -> usize {
        let reused = if self.segment.free == 0 { 0 } else { self.take_free(slots) };
        reused + self.carve(&mut slots[reused..])
    }

    /// O(words of the bit map), mostly O(blocks taken).
    fn take_free(&mut self, slots: &mut [*mut u8]) -> usize {
        let size = self.shape.block_size as usize;
        let wanted = slots.len().min(self.segment.free as usize);
        let mut taken = 0;
        let mut word = self.segment.hint as usize;
        while taken < wanted {
            let mut bits = self.bitmap[word];
            let count = (bits.count_ones() as usize).min(wanted - taken);
            let first = self.base.wrapping_add(word * 64 * size);
            for slot in &mut slots[taken..taken + count] {
                *slot = first.wrapping_add(bits.trailing_zeros() as usize * size);
                bits &= bits - 1;
            }
            taken += count;
            self.bitmap[word] = bits;
            word += usize::from(bits == 0);
        }
        self.segment.hint = word as u16;
        self.segment.free -= wanted as u32;
        self.segment.settled = self.segment.settled.min(self.segment.free * self.shape.block_size);
        wanted
    }

    /// Hands out blocks that never were, as far as their memory is usable. Touches none of them.
    fn carve(&mut self, slots: &mut [*mut u8]) -> usize {
        let size = self.shape.block_size as usize;
        let first = self.segment.carved as usize;
        let blocks = (self.segment.usable as usize / size).min(self.shape.capacity as usize);
        let count = slots.len().min(blocks - first);
        for (index, slot) in slots[..count].iter_mut().enumerate() {
            *slot = self.base.wrapping_add((first + index) * size);
        }
        self.segment.carved += count as u32;
        self.segment.touched = self.segment.touched.max((first + count) as u32 * size as u32);
        count
    }

    /// Takes back the first of `blocks` and those after it that lie in this slab too; says how many.
    /// O(1) each.
    #[inline]
    pub(crate) fn give(&mut self, blocks: &[*mut u8]) -> Result<usize, BadFree> {
        let size = self.shape.block_size as usize;
        let (base, end) = (self.base.addr(), self.segment.carved as usize * size);
        let mut hint = self.segment.hint as usize;
        let mut given = 0;
        for &block in blocks {
            let offset = block.addr().wrapping_sub(base);
            if offset >= end {
                break;
            }
            let number = self.shape.block_at(offset);
            if number * size != offset {
                return Err(BadFree::NotABlock(block));
            }
            let (word, bit) = (number / 64, 1 << (number % 64));
            // SAFETY: [SEGMENT-1] `number` is below `carved`, and the bit map has a bit for each of those.
            let bits = unsafe { self.bitmap.get_unchecked_mut(word) };
            if *bits & bit != 0 {
                return Err(BadFree::Twice(block));
            }
            *bits |= bit;
            hint = hint.min(word);
            given += 1;
        }
        self.segment.hint = hint as u16;
        self.segment.free += given as u32;
        match blocks.first() {
            Some(&block) if given == 0 => Err(BadFree::NotABlock(block)),
            _ => Ok(given),
        }
    }

    /// How many bytes of it must be usable, so that [`take`](Self::take) has `count` blocks, or all it can
    /// ever have.
    pub(crate) fn bytes_for(&self, count: usize) -> usize {
        let fresh = count.saturating_sub(self.segment.free as usize);
        let blocks = (self.segment.carved as usize + fresh).min(self.shape.capacity as usize);
        if fresh == 0 { 0 } else { blocks * self.shape.block_size as usize }
    }

    /// Whether nobody holds a block of it.
    pub(crate) fn is_empty(&self) -> bool {
        self.segment.free == self.segment.carved
    }

    /// Whether [`take`](Self::take) has nothing more to hand out.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.segment.free == 0 && self.segment.carved == self.shape.capacity
    }

    /// Makes an empty slab, which no list holds, a segment that serves as nothing.
    pub(crate) fn clear(&mut self) {
        debug_assert!(self.is_empty());
        self.bitmap[..(self.segment.carved as usize).div_ceil(64)].fill(0);
        self.segment.free = 0;
        self.segment.carved = 0;
        self.segment.settled = 0;
        self.segment.seen = 0;
        self.segment.hint = 0;
        self.segment.listed = false;
    }

    /// Bytes that may have memory behind them, and serve nothing: of free blocks, and beyond those ever handed out.
    pub(crate) fn idle(&self) -> usize {
        let free = self.segment.free * self.shape.block_size - self.segment.settled;
        free as usize + (self.segment.touched as usize).saturating_sub(self.carved_bytes())
    }

    /// Bytes from the start of blocks that were handed out at least once.
    pub(crate) fn carved_bytes(&self) -> usize {
        self.segment.carved as usize * self.shape.block_size as usize
    }

    /// Bytes of whole pages that serve nothing, at most. O(words of the bit map).
    pub(crate) fn idle_in_pages(&self, page: usize) -> usize {
        if self.is_empty() {
            return self.idle();
        }
        let size = self.shape.block_size as usize;
        let tail = (self.segment.touched as usize)
            .saturating_sub(self.carved_bytes().next_multiple_of(page));
        let next = |&(_, after): &(usize, usize)| self.next_stretch(after, page.div_ceil(size));
        let stretches = core::iter::successors(self.next_stretch(0, page.div_ceil(size)), next);
        let pages = stretches.map(|(first, after)| {
            (after * size / page * page).saturating_sub((first * size).next_multiple_of(page))
        });
        (tail + pages.sum::<usize>()).min(self.idle())
    }

    /// Calls `purge` with the offset and size in bytes of each stretch of free blocks of `least` bytes or
    /// more; it says how many bytes it gave back. Says by how many bytes less are idle for it.
    ///
    /// O(words of the bit map): blocks freed at random have many stretches, nearly all of them short.
    pub(crate) fn settle(
        &mut self,
        least: usize,
        mut purge: impl FnMut(usize, usize) -> usize,
    ) -> usize {
        let idle = self.idle();
        let mut purged = 0;
        let size = self.shape.block_size as usize;
        let mut end = 0;
        while let Some((first, after)) = self.next_stretch(end, least.div_ceil(size)) {
            purged += purge(first * size, (after - first) * size);
            end = after;
        }
        self.segment.settled = self.segment.settled.max(purged as u32);
        idle - self.idle()
    }

    /// The first stretch of at least so many free blocks that begins at `from` or after, where none begins
    /// before it: its first block, and the one after its last.
    fn next_stretch(&self, from: usize, least: usize) -> Option<(usize, usize)> {
        // Half of such a stretch shares a word, or all of a word is in it.
        let together = least.div_ceil(2).clamp(1, 64);
        let mut block = from;
        while block < self.segment.carved as usize {
            let (word, low) = (block / 64, block % 64);
            let starts = run_starts(self.bitmap[word] >> low << low, together);
            if starts == 0 {
                block = (word + 1) * 64;
                continue;
            }
            let inside = word * 64 + starts.trailing_zeros() as usize;
            // Of a longer run in the word before it would be known by now.
            let before = if inside % 64 == 0 && inside > from {
                self.bitmap[word - 1].leading_ones() as usize
            } else {
                0
            };
            let (first, after) = (inside - before, self.end_of_stretch(inside));
            if after - first >= least {
                return Some((first, after));
            }
            block = after;
        }
        None
    }

    /// The first block from `block` on that isn't free, or `carved`.
    fn end_of_stretch(&self, mut block: usize) -> usize {
        let carved = self.segment.carved as usize;
        while block < carved {
            let taken = !self.bitmap[block / 64] >> (block % 64);
            if taken != 0 {
                return (block + taken.trailing_zeros() as usize).min(carved);
            }
            block = (block / 64 + 1) * 64;
        }
        carved
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::plan::bins::bin_for;

    pub(super) struct Fixture {
        pub(super) segment: Segment,
        pub(super) bitmap: [u64; BITMAP_WORDS],
        shape: &'static SlabShape,
    }

    impl Fixture {
        pub(super) fn new() -> Self {
            let segment = Segment {
                free: 0,
                carved: 0,
                touched: 0,
                pages: 0,
                settled: 0,
                usable: 2 << 20,
                bitmap: 0,
                hint: 0,
                bin: Bin::NONE,
                listed: false,
                seen: 0,
                next: core::ptr::null_mut(),
                prev: core::ptr::null_mut(),
            };
            Self { segment, bitmap: [0; BITMAP_WORDS], shape: bin_for(1152, 8).unwrap().shape() }
        }

        pub(super) fn slab(&mut self) -> Slab<'_> {
            Slab {
                segment: &mut self.segment,
                bitmap: &mut self.bitmap,
                base: core::ptr::without_provenance_mut(1 << 30),
                shape: self.shape,
            }
        }

        fn offset(pointer: *mut u8) -> usize {
            pointer.addr() - (1 << 30)
        }
    }

    #[test]
    fn blocks_come_once_and_in_order() {
        let mut fixture = Fixture::new();
        let mut slots = [core::ptr::null_mut(); 2000];
        let count = fixture.slab().take(&mut slots);
        assert_eq!(count, fixture.shape.capacity as usize);
        assert!(slots[..count].windows(2).all(|pair| pair[1].addr() - pair[0].addr() == 1152));
        assert!(fixture.slab().is_exhausted());
        assert_eq!(fixture.slab().take(&mut slots), 0);
    }

    #[test]
    fn freed_blocks_come_back_sorted() {
        let mut fixture = Fixture::new();
        let mut slots = [core::ptr::null_mut(); 200];
        assert_eq!(fixture.slab().take(&mut slots), 200);
        for index in [150, 3, 64, 63, 65, 199, 0] {
            assert_eq!(fixture.slab().give(&slots[index..=index]), Ok(1));
        }
        let mut again = [core::ptr::null_mut(); 3];
        assert_eq!(fixture.slab().take(&mut again), 3);
        assert_eq!(again, [slots[0], slots[3], slots[63]]);
        let mut rest = [core::ptr::null_mut(); 5];
        assert_eq!(fixture.slab().take(&mut rest), 5);
        assert_eq!(rest[..4], [slots[64], slots[65], slots[150], slots[199]]);
        assert_eq!(Fixture::offset(rest[4]), 200 * 1152);
    }

    #[test]
    fn blocks_freed_before_those_reused_last_are_found() {
        let mut fixture = Fixture::new();
        let mut slots = [core::ptr::null_mut(); 200];
        fixture.slab().take(&mut slots);
        let mut one = [core::ptr::null_mut()];
        for [freed, found] in [[150, 150], [3, 3], [150, 150], [70, 70]] {
            assert_eq!(fixture.slab().give(&slots[freed..=freed]), Ok(1), "it is in use again");
            assert_eq!(fixture.slab().give(&slots[199..]), Ok(1));
            assert_eq!(fixture.slab().take(&mut one), 1);
            assert_eq!(one, [slots[found]]);
            assert_eq!(fixture.slab().take(&mut one), 1);
            assert_eq!(one, [slots[199]]);
        }
    }

    #[test]
    fn stretches_of_free_blocks_are_found_once() {
        let mut fixture = Fixture::new();
        let mut slots = [core::ptr::null_mut(); 200];
        fixture.slab().take(&mut slots);
        for freed in [&slots[3..5], &slots[60..130], &slots[199..]] {
            assert_eq!(fixture.slab().give(freed), Ok(freed.len()));
        }
        assert_eq!(fixture.slab().idle(), 73 * 1152);
        let mut found = Vec::new();
        assert_eq!(fixture.slab().settle(71 * 1152, |_, _| unreachable!()), 0);
        let settled = fixture.slab().settle(2 * 1152, |offset, size| {
            found.push((offset / 1152, size / 1152));
            size
        });
        assert_eq!(found, [(3, 2), (60, 70)]);
        assert_eq!((settled, fixture.slab().idle()), (72 * 1152, 1152));
        fixture.slab().take(&mut slots[..10]);
        assert_eq!((fixture.slab().idle(), fixture.segment.settled), (0, 63 * 1152));
    }

    #[test]
    fn what_a_segment_had_before_is_idle_until_it_is_carved() {
        let mut fixture = Fixture::new();
        fixture.segment.touched = 10 * 1152 + 7;
        let mut slots = [core::ptr::null_mut(); 9];
        assert_eq!(fixture.slab().idle(), 10 * 1152 + 7);
        fixture.slab().take(&mut slots);
        assert_eq!(fixture.slab().idle(), 1152 + 7);
        fixture.slab().give(&slots[..2]).unwrap();
        assert_eq!(fixture.slab().idle(), 3 * 1152 + 7);
        fixture.slab().take(&mut slots);
        assert_eq!((fixture.slab().idle(), fixture.segment.touched), (0, 16 * 1152));
    }

    #[test]
    fn stretches_are_those_of_the_naive_search() {
        let mut random = 1_u64;
        let mut next = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        for round in 0..500_usize {
            let mut fixture = Fixture::new();
            let carved = 1 + next() as usize % fixture.shape.capacity as usize;
            fixture.segment.carved = carved as u32;
            // From sparse to dense, with whole words among them.
            let is_free: Vec<bool> = (0..carved)
                .map(|block| next() % 100 < (round % 101) as u64 || (block / 70 + round) % 5 == 0)
                .collect();
            for block in (0..carved).filter(|&block| is_free[block]) {
                fixture.bitmap[block / 64] |= 1 << (block % 64);
            }
            let least = [1, 2, 3, 31, 64, 65, 127, 128, 200][round % 9];
            let mut naive = Vec::new();
            let mut first = 0;
            for stretch in is_free.chunk_by(|a, b| a == b) {
                if stretch[0] && stretch.len() >= least {
                    naive.push((first, first + stretch.len()));
                }
                first += stretch.len();
            }
            let slab = fixture.slab();
            let following = |&(_, after): &(usize, usize)| slab.next_stretch(after, least);
            let found: Vec<_> =
                core::iter::successors(slab.next_stretch(0, least), following).collect();
            assert_eq!(found, naive, "round {round}, {least} or more of {carved}");
        }
    }

    #[test]
    fn bad_frees_are_told_and_change_nothing() {
        let mut fixture = Fixture::new();
        let mut slots = [core::ptr::null_mut(); 2];
        fixture.slab().take(&mut slots);
        let [first, second] = slots;
        for bad in [first.wrapping_add(1), second.wrapping_add(1152)] {
            assert_eq!(fixture.slab().give(&[bad]), Err(BadFree::NotABlock(bad)));
        }
        assert_eq!(fixture.slab().give(&[second, first.wrapping_sub(8)]), Ok(1));
        assert_eq!(fixture.slab().give(&[second]), Err(BadFree::Twice(second)));
        assert_eq!(fixture.segment.free, 1);
        assert_eq!(fixture.slab().give(&[first]), Ok(1));
        assert!(fixture.slab().is_empty());
        fixture.slab().clear();
        assert_eq!(fixture.bitmap, [0; BITMAP_WORDS]);
    }
}
