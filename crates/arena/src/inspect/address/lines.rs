//! What was found at an address, as one line.

use core::fmt::{self, Display, Formatter};

use crate::inspect::address::{Block, Found, Kind, Place, State, What, Whose};

impl Display for Found {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{:#x}: ", self.address)?;
        match self.what {
            What::Foreign => return out.write_str("not of this allocator"),
            What::Books => out.write_str("the allocator's books")?,
            What::Vacant => out.write_str("memory that no block has")?,
            What::Busy => out.write_str("can't be said now, the heap is being changed")?,
            What::Block(block) => block.write(self.address, out)?,
        }
        self.place.map_or(Ok(()), |place| place.write(out))
    }
}

impl Block {
    fn write(&self, address: usize, out: &mut Formatter<'_>) -> fmt::Result {
        let offset = address - self.start;
        let state = match self.state {
            State::Live => "a live",
            State::Sampled => "a sampled",
            State::AtHand => "a free (at hand)",
            State::Free => "a free",
            State::Fresh => "a never used",
        };
        let kind = match self.kind {
            Kind::Small | Kind::ZeroSized => "block",
            Kind::Fenced => "fenced block",
            Kind::Run => "large block",
            Kind::Whole => "large block with arenas of its own",
            Kind::Huge => "huge block",
        };
        if offset != 0 {
            write!(out, "{offset} bytes into ")?;
        }
        write!(out, "{state} {kind} of {}", self.size)?;
        if offset == 0 { Ok(()) } else { write!(out, " at {:#x}", self.start) }
    }
}

impl Place {
    fn write(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let whose = match self.whose {
            Whose::ThisThread => "this thread's heap",
            Whose::Thread => "another thread's heap",
            Whose::ArenaHeap => "an arena heap",
            Whose::Tag => "the heap of a tag",
            Whose::Samples => "the heap of samples",
        };
        write!(out, ", of {whose}: area {:#x}", self.area)?;
        let Some(segment) = self.segment else { return Ok(()) };
        let (partition, arena) = (segment.arena.partition.number(), segment.arena.arena);
        write!(out, ", partition {partition}, arena {arena}, segment {}", segment.segment)
    }
}
