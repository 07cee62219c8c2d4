//! Stretches of free blocks in a slab, whose pages can go back.

use crate::books::{arena::run_starts, slab::Slab};

impl Slab<'_> {
    /// The bytes of whole pages that serve nothing, at most. O(words of the bit map).
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

    /// Calls `purge` with the offset and size in bytes of each stretch of free blocks of `least` bytes or more, which
    /// returns the bytes that it gave back; returns by how many bytes less are idle then.
    ///
    /// O(words of the bit map): blocks freed at random have many stretches, nearly all of them short.
    pub(crate) fn purge_stretches(
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
        self.segment.purged = self.segment.purged.max(purged as u32);
        idle - self.idle()
    }

    /// The first stretch of at least so many free blocks that begins at `from` or after, where none begins
    /// before it: its first block, and the one after its last.
    pub(super) fn next_stretch(&self, from: usize, least: usize) -> Option<(usize, usize)> {
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
    pub(super) fn end_of_stretch(&self, mut block: usize) -> usize {
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
