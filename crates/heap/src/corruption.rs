//! What a check can find wrong with a heap.

use core::{error::Error, fmt};

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
    /// A quick list leads elsewhere than to freed blocks of its length, or to more of them than were
    /// freed: a block was freed twice, or something wrote into a freed one.
    Quick,
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.problem {
            Problem::Overrun => "a block ends behind its region",
            Problem::Short => "a block is too short",
            Problem::Uncoalesced => "two free blocks are neighbours",
            Problem::Length => "a free block was written to",
            Problem::Lists => "the free lists miss a block",
            Problem::Quick => "a freed block was freed again or written to",
        };
        write!(f, "{what} at {:#x}", self.address)
    }
}

impl Error for Corruption {}
