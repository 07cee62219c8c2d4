//! A chunk of blocks: its header, and the maps that say which runs are in it.

use core::{
    cell::Cell,
    ptr::{self, NonNull},
};

use stratalloc_core::PageRange;

use super::MEM_BLOCK_SIZE;
use crate::bits::{Bits, WORD_BITS};

/// The most blocks that a chunk's maps can tell apart.
pub(super) const MAX_BLOCKS: usize = 256;

type Map = [Cell<u64>; MAX_BLOCKS / WORD_BITS];

/// The header, in a chunk's first block.
///
/// A chunk may be longer than its maps: then a run that reaches past them starts at block 1 and
/// takes it all, and its bits are set as far as the maps go.
#[derive(Debug)]
pub(super) struct Chunk {
    next: Cell<*const Chunk>,
    previous: Cell<*const Chunk>,
    /// Blocks in the maps.
    mapped: usize,
    /// Bytes in all.
    size: usize,
    /// No free run is longer than this.
    longest: Cell<usize>,
    used: Map,
    starts: Map,
}

const _: () = assert!(size_of::<Chunk>() <= MEM_BLOCK_SIZE);

impl Chunk {
    /// Makes a range an empty chunk before `next` in its list.
    pub(super) fn create(range: PageRange, next: *const Chunk, mapped: usize) -> *const Chunk {
        let (start, size) = range.into_raw();
        let chunk = start.cast::<Chunk>();
        let maps = || Map::default();
        let (longest, previous) = (Cell::new(usize::MAX), Cell::new(ptr::null()));
        let (used, starts, next) = (maps(), maps(), Cell::new(next));
        Bits(&used).fill(0..1, true);
        Bits(&starts).fill(0..1, true);
        // SAFETY: the range is ours, committed, aligned to a block and longer than the header; the
        // next chunk, if there is one, is live.
        unsafe {
            chunk.write(Self { next, previous, mapped, size, longest, used, starts });
            if let Some(next) = chunk.as_ref().next.get().as_ref() {
                next.previous.set(chunk.as_ptr());
            }
        }
        chunk.as_ptr()
    }

    pub(super) fn next(&self) -> *const Self {
        self.next.get()
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Returns whether the header is the only block in use.
    pub(super) fn is_empty(&self) -> bool {
        Bits(&self.used).find(1..self.mapped, true) == self.mapped
    }

    /// Returns the range that it was made from, for its list's owner to release.
    pub(super) fn range(&self) -> PageRange {
        // SAFETY: `create` took the range apart, and the owner forms it once, to give it back.
        unsafe { PageRange::from_raw(NonNull::from(self).cast(), self.size) }
    }

    /// Takes it out of its list; the one that came after it.
    pub(super) fn unlink(&self) -> *const Self {
        let (previous, next) = (self.previous.get(), self.next.get());
        // SAFETY: neighbours in the list are live.
        unsafe {
            if let Some(next) = next.as_ref() {
                next.previous.set(previous);
            }
            if let Some(previous) = previous.as_ref() {
                previous.next.set(next);
            }
        }
        next
    }

    /// Takes the first free run of `n` blocks aligned to `align` blocks.
    pub(super) fn take(&self, n: usize, align: usize) -> Option<NonNull<u8>> {
        if n > self.longest.get() {
            return None;
        }
        let Some(first) = self.find(n, align) else {
            if align == 1 {
                self.longest.set(n - 1);
            }
            return None;
        };
        Bits(&self.used).fill(first..self.mapped.min(first + n), true);
        Bits(&self.starts).fill(first..first + 1, true);
        // SAFETY: `find` returns a block within the chunk.
        Some(unsafe { NonNull::from(self).cast::<u8>().add(first * MEM_BLOCK_SIZE) })
    }

    fn find(&self, n: usize, align: usize) -> Option<usize> {
        if n < self.mapped {
            let run = Bits(&self.used).find_clear_run(1..self.mapped, n, align, 0);
            return run.or_else(|| self.find_past_maps(n, align));
        }
        self.find_past_maps(n, align)
    }

    /// In a long chunk that is empty, a run may reach past the maps.
    fn find_past_maps(&self, n: usize, align: usize) -> Option<usize> {
        let fits = align + n <= self.size / MEM_BLOCK_SIZE && align + n > self.mapped;
        (fits && self.is_empty()).then_some(align)
    }

    /// Frees the run that starts at a block; whether one does.
    pub(super) fn put(&self, first: usize) -> bool {
        let (used, starts) = (Bits(&self.used), Bits(&self.starts));
        if first == 0 || first >= self.mapped || !starts.get(first) {
            return false;
        }
        let next_start = starts.find(first + 1..self.mapped, true);
        let end = used.find(first..next_start, false);
        used.fill(first..end, false);
        starts.fill(first..first + 1, false);
        self.longest.set(usize::MAX);
        true
    }
}
