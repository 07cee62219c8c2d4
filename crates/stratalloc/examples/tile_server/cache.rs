//! The tiles that a shard has drawn, until their memory is needed for others.

use allocator_api2_02::{alloc::Allocator, boxed::Box, vec::Vec};
use hashbrown::HashTable;

use super::{
    memory::{NoMemory, Nodes},
    tile::Tile,
};

/// A drawn tile.
pub(crate) struct Entry<A: Allocator> {
    tile: Tile,
    text: Box<[u8], A>,
    /// Asked for since the hand of the clock was here.
    used: bool,
}

/// When tiles must go.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// When their texts and entries have more bytes than this: all that a program can count by itself.
    Counted(usize),
    /// When an allocation is refused: the limit counts what the allocator holds from the system.
    Refused,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Tiles asked for.
    pub(crate) asked: usize,
    /// Of these, answered from the cache.
    pub(crate) hits: usize,
    /// Tiles that went to make room.
    pub(crate) evicted: usize,
    /// Tiles that there was no memory to keep.
    pub(crate) not_kept: usize,
    /// The most tiles that were kept at once.
    pub(crate) most: usize,
}

/// Tiles by their name. The one to go is found by a clock: a hand goes round the table, and takes what
/// wasn't asked for since its last turn.
pub(crate) struct Cache<A: Allocator, N: Nodes<Entry<A>>> {
    memory: A,
    nodes: N,
    table: HashTable<N::Node, A>,
    most: usize,
    bound: Bound,
    bytes: usize,
    hand: usize,
    pub(crate) figures: Figures,
}

impl<A: Allocator + Copy, N: Nodes<Entry<A>>> Cache<A, N> {
    /// An empty one of at most so many tiles, with its texts and its table in `memory`.
    pub(crate) fn new(memory: A, nodes: N, most: usize, bound: Bound) -> Result<Self, NoMemory> {
        let mut table = HashTable::new_in(memory);
        // At most half full, a table gets rid of what removals leave behind in place, and never grows.
        table.try_reserve(2 * most, |node: &N::Node| node.tile.hash()).map_err(|_| NoMemory)?;
        Ok(Self {
            memory,
            nodes,
            table,
            most,
            bound,
            bytes: 0,
            hand: 0,
            figures: Figures::default(),
        })
    }

    /// The text of a tile, if it is there.
    pub(crate) fn get(&mut self, tile: Tile) -> Option<&[u8]> {
        self.figures.asked += 1;
        let node = self.table.find_mut(tile.hash(), |node| node.tile == tile)?;
        self.figures.hits += 1;
        node.used = true;
        Some(&node.text)
    }

    /// Keeps a copy of the text of a tile that isn't there.
    pub(crate) fn insert(&mut self, tile: Tile, text: &[u8]) -> Result<(), NoMemory> {
        if self.table.len() == self.most {
            self.evict(1)?;
        }
        if let Bound::Counted(bound) = self.bound {
            while self.bytes + cost::<A>(text) > bound {
                self.evict(1)?;
            }
        }
        let memory = self.memory;
        let copy = self.with_room(|| copy_in(memory, text))?;
        let mut entry = Some(Entry { tile, text: copy, used: false });
        let nodes = self.nodes;
        let node = self.with_room(|| {
            let given = nodes.place(entry.take()?);
            given.map_err(|back| entry = Some(back)).ok()
        })?;
        self.table.insert_unique(tile.hash(), node, |node| node.tile.hash());
        self.bytes += cost::<A>(text);
        self.figures.most = self.figures.most.max(self.table.len());
        Ok(())
    }

    /// Does what needs memory, as often as tiles can go for it: each time twice as many.
    pub(crate) fn with_room<T>(
        &mut self,
        mut allocate: impl FnMut() -> Option<T>,
    ) -> Result<T, NoMemory> {
        let mut batch = 8;
        loop {
            if let Some(done) = allocate() {
                return Ok(done);
            }
            self.evict(batch)?;
            batch *= 2;
        }
    }

    /// Removes at most so many tiles.
    ///
    /// # Errors
    ///
    /// There are none.
    fn evict(&mut self, wanted: usize) -> Result<(), NoMemory> {
        let wanted = wanted.min(self.table.len());
        if wanted == 0 {
            return Err(NoMemory);
        }
        let aim = self.figures.evicted + wanted;
        // Two turns at most: the first one takes the marks away.
        while self.figures.evicted < aim {
            self.hand = (self.hand + 1) % self.table.num_buckets();
            let Ok(mut at) = self.table.get_bucket_entry(self.hand) else { continue };
            if std::mem::take(&mut at.get_mut().used) {
                continue;
            }
            let (node, _) = at.remove();
            self.bytes -= cost::<A>(&node.text);
            self.figures.evicted += 1;
        }
        Ok(())
    }
}

/// The bytes of a tile that a program knows of.
fn cost<A: Allocator>(text: &[u8]) -> usize {
    size_of::<Entry<A>>() + text.len()
}

fn copy_in<A: Allocator>(memory: A, text: &[u8]) -> Option<Box<[u8], A>> {
    let mut copy = Vec::new_in(memory);
    copy.try_reserve_exact(text.len()).ok()?;
    copy.extend_from_slice(text);
    Some(copy.into_boxed_slice())
}
