//! The live blocks of a tag, one after another.

use core::fmt;

use crate::{
    books::{area::Books, arena::Use, reference::AreaRef},
    cache::slot,
    heap::{Heap, large::PAGE},
    inspect::address::{Block, Kind, State},
    plan::geometry::{ARENAS, ArenaPlace, PARTITIONS, SEGMENTS},
};

/// How many blocks are looked for at a time, under the lock.
const AT_ONCE: usize = 64;

/// Where the search goes on: all before it were found.
#[derive(Clone, Copy, Default)]
struct Cursor {
    arena: usize,
    segment: usize,
    block: usize,
}

/// The live blocks of a tag, as [`Tag::blocks`](crate::tag::Tag::blocks) tells them.
pub struct Blocks {
    found: [Option<Block>; AT_ONCE],
    next: usize,
    /// The heap of a tag, which never ends.
    heap: &'static Heap,
    area: Option<AreaRef>,
    cursor: Cursor,
}

impl fmt::Debug for Blocks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Blocks").finish_non_exhaustive()
    }
}

impl Blocks {
    /// Those of a heap of which no cache has blocks. It never ends, and neither do its areas.
    pub(crate) fn of(heap: &'static Heap) -> Self {
        let area = heap.pools(slot::mark()).areas().next();
        Self { found: [None; AT_ONCE], next: 0, heap, area, cursor: Cursor::default() }
    }

    /// Finds more.
    fn find_more(&mut self) {
        self.found = [None; AT_ONCE];
        self.next = 0;
        let mut pools = self.heap.pools(slot::mark());
        let mut room = self.found.iter_mut();
        while let Some(area) = self.area {
            while let Some(block) = self.cursor.next(pools.books(area)) {
                let Some(place) = room.next() else { return };
                *place = Some(block);
                self.cursor.block += 1;
            }
            self.area = area.older();
            self.cursor = Cursor::default();
        }
    }
}

impl Cursor {
    /// The first live block from here on, to which this moves; `None` if the area has no more.
    fn next(&mut self, books: &mut Books) -> Option<Block> {
        while self.arena < ARENAS * PARTITIONS {
            let place = ArenaPlace::from_index(self.arena);
            let left = books.arena(place).used.checked_shr(self.segment as u32).unwrap_or(0);
            if left == 0 {
                *self = Self { arena: self.arena + 1, ..Self::default() };
                continue;
            }
            let skipped = left.trailing_zeros() as usize;
            if skipped != 0 {
                (self.segment, self.block) = (self.segment + skipped, 0);
            }
            if let Some(block) = self.in_segment(books, place) {
                return Some(block);
            }
            (self.segment, self.block) = (self.segment + 1, 0);
        }
        None
    }

    /// The first live block from here on in a segment that serves something.
    fn in_segment(&mut self, books: &mut Books, place: ArenaPlace) -> Option<Block> {
        debug_assert!(self.segment < SEGMENTS);
        let place = place.segment(self.segment);
        if let Some(slab) = books.slab_of(place) {
            let (number, start) = slab.next_out(self.block)?;
            self.block = number;
            let size = slab.shape.block_size as usize;
            return Some(Block { start, size, kind: Kind::Small, state: State::Live });
        }
        let pages = books.segment(place).pages as usize;
        if pages == 0 || self.block != 0 {
            return None;
        }
        let whole = books.arena(place.arena).purpose == Use::WHOLE;
        let kind = if whole { Kind::Whole } else { Kind::Run };
        let start = books.address(place).addr();
        Some(Block { start, size: pages * PAGE, kind, state: State::Live })
    }
}

impl Iterator for Blocks {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        if self.next == AT_ONCE || self.found[self.next].is_none() {
            self.find_more();
        }
        let block = self.found[self.next].take();
        self.next += usize::from(block.is_some());
        block
    }
}
