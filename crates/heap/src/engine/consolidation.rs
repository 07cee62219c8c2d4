//! Consolidating: what waits in the quick lists is coalesced and filed.

use crate::{engine::Engine, memory::load, policy::Policy, tags::WINDOW};

impl<P: Policy> Engine<P> {
    /// Frees all blocks of the quick lists for good; whether there were any.
    #[cold]
    #[inline(never)]
    pub(crate) fn consolidate(&mut self) -> bool {
        let waits = self.quick.waiting() != 0;
        while let Some((len, first)) = self.quick.take_list() {
            // SAFETY: the blocks of a list are the heap's, and linked [QUICK-1].
            unsafe {
                match len {
                    1 => self.consolidate_cells(first),
                    2..=WINDOW => self.consolidate_short(first, len * P::GRANULE),
                    _ => self.consolidate_long(first, len * P::GRANULE),
                }
            }
        }
        waits
    }

    unsafe fn consolidate_cells(&mut self, first: usize) {
        let mut address = first;
        while address != 0 {
            // SAFETY: the blocks of a list are the heap's, and linked [QUICK-1].
            unsafe {
                let next = load(address);
                let region = self.region_of(address);
                self.release_cell(region, address);
                address = next;
            }
        }
    }

    unsafe fn consolidate_long(&mut self, first: usize, size: usize) {
        let mut address = first;
        while address != 0 {
            // SAFETY: the blocks of a list are the heap's, and linked [QUICK-1].
            unsafe {
                let next = load(address);
                let region = self.region_of(address);
                self.free(region, address, size);
                address = next;
            }
        }
    }

    /// Frees a list of blocks of `size` bytes, at most a window. Blocks that were allocated in a
    /// row are often freed in a row: neighbours that follow each other are first joined, by their
    /// tags alone.
    unsafe fn consolidate_short(&mut self, first: usize, size: usize) {
        let mut address = first;
        while address != 0 {
            // SAFETY: the blocks of a list are the heap's [QUICK-1]; those of a run are tagged as live, and become
            // one stretch without an end.
            unsafe {
                let region = self.region_of(address);
                let (mut start, mut end) = (address, address + size);
                region.tags.unmark_end(end);
                loop {
                    address = load(address);
                    if address == end {
                        end += size;
                    } else if address != 0 && address + size == start {
                        start = address;
                    } else {
                        break;
                    }
                    region.tags.unmark_end(address + size);
                }
                self.free_run(region, start, end);
            }
        }
    }
}
