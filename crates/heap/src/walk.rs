//! The walk over all blocks, and the check that the heap's books agree with it.

use core::{error::Error, fmt};

use crate::{
    bins::Free,
    cells::CELL,
    engine::Engine,
    policy::Policy,
    region::{Region, Table},
    tags::WINDOW,
};

/// What a stretch of the heap's memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A block or cell in use.
    Live,
    /// A block or cell that waits in a quick list for a request of its length.
    Quick,
    /// Free memory.
    Free,
    /// The heap's own: tables, and the first cell of each slab.
    Overhead,
}

/// A stretch of the heap's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its first byte.
    pub address: usize,
    /// Its bytes.
    pub size: usize,
    /// What it is.
    pub kind: Kind,
}

/// Where the heap's memory contradicts its books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corruption {
    /// The block at which it shows.
    pub address: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What [`Heap::check`](crate::Heap::check) can find wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A block ends behind its region.
    Overrun,
    /// A block is shorter than blocks can be.
    Short,
    /// Two free blocks side by side.
    Uncoalesced,
    /// A free block's own length isn't that of its tags: something wrote into free memory.
    Length,
    /// The free lists don't hold as many blocks as are free.
    Lists,
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.problem {
            Problem::Overrun => "a block ends behind its region",
            Problem::Short => "a block is too short",
            Problem::Uncoalesced => "two free blocks are neighbours",
            Problem::Length => "a free block was written to",
            Problem::Lists => "the free lists miss a block",
        };
        write!(f, "{what} at {:#x}", self.address)
    }
}

impl Error for Corruption {}

/// A block as the walk sees it.
struct Step {
    start: usize,
    len: usize,
    is_free: bool,
    is_slab: bool,
}

impl<P: Policy> Engine<P> {
    /// Shows every extent of every region, in the order of addresses within a region.
    pub(crate) fn walk(&self, mut visit: impl FnMut(Extent)) {
        let mut table = self.tables;
        while !table.is_none() {
            let region = table.region();
            let mut start = region.first();
            while start < region.last() {
                // SAFETY: the walk comes from block to block.
                let step = unsafe { self.step(region, start) };
                self.show(region, &step, &mut visit);
                start += step.len;
            }
            visit(Self::overhead(table));
            table = table.next();
        }
    }

    fn overhead(table: Table<P>) -> Extent {
        let region = table.region();
        let end = table.chunk(table.chunk_count() - 1).end();
        let address = region.address(region.last());
        Extent { address, size: end - address, kind: Kind::Overhead }
    }

    unsafe fn step(&self, region: Region<P>, start: usize) -> Step {
        // SAFETY: a block starts there.
        unsafe {
            if Self::is_cell(region, start) {
                return Step { start, len: WINDOW, is_free: false, is_slab: true };
            }
            let free = self.free_at(region, start);
            let len = free.map_or_else(|| region.tags.live_len(start), |block| block.len);
            Step { start, len, is_free: free.is_some(), is_slab: false }
        }
    }

    fn show(&self, region: Region<P>, step: &Step, visit: &mut impl FnMut(Extent)) {
        let address = region.address(step.start);
        if step.is_slab {
            return self.show_slab(region, step.start, visit);
        }
        let kind = if step.is_free {
            Kind::Free
        } else if self.quick.contains(address, step.len) {
            Kind::Quick
        } else {
            Kind::Live
        };
        visit(Extent { address, size: step.len * P::GRANULE, kind });
    }

    fn show_slab(&self, region: Region<P>, start: usize, visit: &mut impl FnMut(Extent)) {
        for cell in (0..WINDOW).step_by(CELL / P::GRANULE) {
            let address = region.address(start + cell);
            // SAFETY: the window is a slab's.
            let is_live = unsafe { region.tags.bit(start + cell) };
            let kind = match (cell, is_live) {
                (0, _) => Kind::Overhead,
                (_, false) => Kind::Free,
                _ if self.quick.contains(address, 1) => Kind::Quick,
                _ => Kind::Live,
            };
            visit(Extent { address, size: CELL, kind });
        }
    }

    /// Holds the tags, the free blocks' bodies and the lists against each other.
    pub(crate) fn check(&self) -> Result<(), Corruption> {
        let mut free = 0;
        let mut table = self.tables;
        while !table.is_none() {
            free += self.check_region(table.region())?;
            table = table.next();
        }
        let listed = self.bins.count() + usize::from(self.top.len != 0);
        if free == listed {
            return Ok(());
        }
        Err(Corruption { address: self.tables.region().address(0), problem: Problem::Lists })
    }

    /// The number of free blocks in a region.
    fn check_region(&self, region: Region<P>) -> Result<usize, Corruption> {
        let mut free = 0;
        let mut after_free = false;
        let mut start = region.first();
        while start < region.last() {
            // SAFETY: the walk comes from block to block.
            let step = unsafe { self.step(region, start) };
            self.check_step(region, &step, after_free)
                .map_err(|problem| Corruption { address: region.address(start), problem })?;
            free += usize::from(step.is_free);
            after_free = step.is_free;
            start += step.len;
        }
        Ok(free)
    }

    fn check_step(&self, region: Region<P>, step: &Step, after_free: bool) -> Result<(), Problem> {
        if step.len < Self::MIN_LEN {
            return Err(Problem::Short);
        }
        if step.len > region.last() - step.start {
            return Err(Problem::Overrun);
        }
        if step.is_free && after_free {
            return Err(Problem::Uncoalesced);
        }
        let block = Free { address: region.address(step.start), len: step.len };
        // SAFETY: the block lies in the region; the step was found free.
        if step.is_free && block != self.top && !unsafe { self.bins.is_intact(block) } {
            return Err(Problem::Length);
        }
        Ok(())
    }

    /// Whether a live block or cell starts at an address: by a walk of its region.
    pub(crate) fn is_live(&self, address: usize) -> bool {
        let mut found = false;
        self.walk(|extent| found |= extent.address == address && extent.kind == Kind::Live);
        found
    }
}
