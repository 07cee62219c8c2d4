//! The walk over all blocks, and the check that the heap's books agree with it.

use core::{error::Error, fmt};

use crate::{
    cells::CELL, engine::Engine, free::Free, policy::Policy, region::Region, tags::window_bytes,
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
    size: usize,
    is_free: bool,
    is_slab: bool,
}

impl<P: Policy> Engine<P> {
    /// Shows every extent of every region, in the order of addresses within a region.
    pub(crate) fn walk(&self, mut visit: impl FnMut(Extent)) {
        let mut table = self.tables;
        while !table.is_none() {
            let (address, end) = table.extent();
            let overhead = Extent { address, size: end - address, kind: Kind::Overhead };
            if table.is_below() {
                visit(overhead);
            }
            let region = table.region();
            for step in Steps::of(region) {
                self.show(region, &step, &mut visit);
            }
            if !table.is_below() {
                visit(overhead);
            }
            table = table.next();
        }
    }

    fn show(&self, region: Region<P>, step: &Step, visit: &mut impl FnMut(Extent)) {
        if step.is_slab {
            return self.show_slab(region, step.start, visit);
        }
        let kind = if step.is_free {
            Kind::Free
        } else if self.quick.contains(step.start, step.size / P::GRANULE) {
            Kind::Quick
        } else {
            Kind::Live
        };
        visit(Extent { address: step.start, size: step.size, kind });
    }

    fn show_slab(&self, region: Region<P>, slab: usize, visit: &mut impl FnMut(Extent)) {
        for address in (slab..slab + window_bytes::<P>()).step_by(CELL) {
            // SAFETY: the window is a slab's.
            let is_live = unsafe { region.tags.bit(address) };
            let kind = match (address - slab, is_live) {
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
        let listed = self.bins.count() + usize::from(self.top.size != 0);
        if free == listed {
            return Ok(());
        }
        Err(Corruption { address: self.tables.region().start(), problem: Problem::Lists })
    }

    /// The number of free blocks in a region.
    fn check_region(&self, region: Region<P>) -> Result<usize, Corruption> {
        let mut free = 0;
        let mut after_free = false;
        for step in Steps::of(region) {
            self.check_step(region, &step, after_free)
                .map_err(|problem| Corruption { address: step.start, problem })?;
            free += usize::from(step.is_free);
            after_free = step.is_free;
        }
        Ok(free)
    }

    fn check_step(&self, region: Region<P>, step: &Step, after_free: bool) -> Result<(), Problem> {
        if step.size < Self::MIN {
            return Err(Problem::Short);
        }
        if step.size > region.end() - step.start {
            return Err(Problem::Overrun);
        }
        if step.is_free && after_free {
            return Err(Problem::Uncoalesced);
        }
        let block = Free { address: step.start, size: step.size };
        // SAFETY: the block lies in the region; the step was found free.
        if step.is_free && block != self.top && !unsafe { self.bins.is_intact(block) } {
            return Err(Problem::Length);
        }
        Ok(())
    }
}

/// The blocks of a region, by its tags alone.
struct Steps<P> {
    region: Region<P>,
    at: usize,
    after_free: bool,
}

impl<P: Policy> Steps<P> {
    fn of(region: Region<P>) -> Self {
        Self { region, at: region.start(), after_free: false }
    }
}

impl<P: Policy> Iterator for Steps<P> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (start, tags) = (self.at, self.region.tags);
        if start >= self.region.end() {
            return None;
        }
        // SAFETY: the walk comes from block to block, so one starts there.
        let step = unsafe {
            if Engine::is_cell(tags, start) {
                Step { start, size: window_bytes::<P>(), is_free: false, is_slab: true }
            } else if !self.after_free && tags.bit(start) {
                let size = tags.free_size(start, self.region.end());
                Step { start, size, is_free: true, is_slab: false }
            } else {
                Step { start, size: tags.live_size(start), is_free: false, is_slab: false }
            }
        };
        self.at += step.size;
        self.after_free = step.is_free;
        Some(step)
    }
}
