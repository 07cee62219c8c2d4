//! Tables: what a heap keeps of a region, inside the region's own memory.
//!
//! ```text
//! | blocks …                           | header | tags | chunks |      of one chunk
//! | header | tags | chunks | blocks …                            |      after a chunk joined below
//! ```
//!
//! A chunk that continues a region joins it: the table moves to the far end of all, and its old place
//! becomes room for blocks.
//!
//! A region is *opened* from its start on as it is needed: what lies between its end and the limit is
//! untouched, and so are its tags.

mod join;

use core::marker::PhantomData;

use crate::{
    bins::LOWEST,
    memory::{load, store},
    policy::{Compact, Policy},
    region::Region,
    tags::{Tags, window_bytes},
};

/// Tables, and the blocks of a region, begin at multiples of this.
pub(crate) const ALIGN: usize = 16;

/// The shortest stretch worth making a region of.
const LEAST: usize = 2 * ALIGN;

/// A piece of memory as the base gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) start: usize,
    pub(crate) size: usize,
    /// Whether it goes back to the base when it is empty.
    pub(crate) owned: bool,
}

impl Chunk {
    pub(crate) const fn end(self) -> usize {
        self.start + self.size
    }
}

/// What stands at the beginning of a table. Aligned, and so padded, as the words of tags behind it are.
#[repr(align(8))]
struct Header<P> {
    /// The part that is open.
    region: Region<P>,
    /// Where blocks must end when all is open.
    limit: usize,
    /// The table of the next region, or 0.
    next: usize,
    /// How many chunks the region was joined from.
    chunks: usize,
}

const _: () = assert!(size_of::<Header<Compact>>() % align_of::<u64>() == 0);

impl<P> Clone for Header<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Header<P> {}

/// The address of a region's table, or 0.
///
/// # Invariants
///
/// - [TABLE-1: laid out] A header stands there, then tags of the blocks up to the limit, then the region's chunks
///   by address, each ending where the next begins; the table ends where the last chunk does, or
///   begins where the first does. The tags of the open part are in use, those behind not yet.
pub(crate) struct Table<P> {
    address: usize,
    policy: PhantomData<P>,
}

impl<P> Clone for Table<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Table<P> {}

const fn align_up(address: usize) -> Option<usize> {
    address.checked_next_multiple_of(ALIGN)
}

const fn align_down(address: usize) -> usize {
    address & !(ALIGN - 1)
}

impl<P: Policy> Table<P> {
    const HEADER: usize = size_of::<Header<P>>();

    /// No region.
    pub(crate) const NONE: Self = Self::at(0);

    const fn at(address: usize) -> Self {
        Self { address, policy: PhantomData }
    }

    /// Returns the bytes of a table for blocks within `start..end`.
    const fn bytes(start: usize, end: usize, chunks: usize) -> usize {
        let bytes = Self::HEADER + Tags::<P>::bytes(start, end) + chunks * size_of::<Chunk>();
        bytes.next_multiple_of(ALIGN)
    }

    /// Returns the bytes of a chunk that has room for a block of `size` bytes, wherever it starts.
    pub(crate) const fn chunk_bytes(size: usize) -> Option<usize> {
        let room = size.saturating_add(4 * window_bytes::<P>());
        let room = room.saturating_add(room / 32);
        size.checked_add(Self::bytes(0, room, 1) + 4 * ALIGN)
    }

    /// Returns where blocks from `start` on must end so that their table has room up to `limit`.
    fn end_below(start: usize, limit: usize, chunks: usize) -> Option<usize> {
        let mut end = align_down(limit);
        // Each estimate corrects the one before: too high, too low, too high, and low enough, as
        // the table's own share of memory needs no tags.
        for _ in 0..3 {
            end = align_down(limit).checked_sub(Self::bytes(start, end.max(start), chunks))?;
        }
        (end >= start).then_some(end)
    }

    /// Returns where blocks up to `end` must start so that their table has room from `limit` on.
    fn start_above(limit: usize, end: usize, chunks: usize) -> Option<usize> {
        let start = limit.checked_add(Self::bytes(limit, end, chunks))?;
        (start <= end).then_some(start)
    }

    /// Makes a region of a chunk, and its table; none if there is no room for a block. Nothing of it
    /// is open yet.
    ///
    /// # Safety
    ///
    /// The chunk is memory of the heap that nothing uses.
    pub(crate) unsafe fn create(chunk: Chunk) -> Option<Self> {
        let start = align_up(chunk.start.max(LOWEST))?;
        let limit = Self::end_below(start, chunk.end(), 1)?;
        if limit < start + LEAST {
            return None;
        }
        let table = Self::at(limit);
        let tags = Tags::<P>::at(limit + Self::HEADER, start, limit);
        // SAFETY: the table fits between `limit` and the chunk's end, by the choice of `limit`.
        unsafe {
            tags.clear(start, start);
            let region = Region::new(start, start, tags);
            store(table.address, Header { region, limit, next: 0, chunks: 1 });
            table.set_chunk(0, chunk);
        }
        Some(table)
    }

    /// Opens the region up to `end`, at most the limit: the region as it then is. What was opened isn't
    /// tagged yet.
    pub(crate) unsafe fn open(self, end: usize) -> Region<P> {
        let header = self.header();
        let old = header.region;
        let region = Region::new(old.start(), end, old.tags);
        // SAFETY: there is room for the tags of all blocks up to the limit [TABLE-1].
        unsafe {
            old.tags.clear_behind(old.end(), end);
            store(self.address, Header { region, ..header });
        }
        region
    }

    /// Returns where the region ends when all of it is open.
    pub(crate) fn limit(self) -> usize {
        self.header().limit
    }

    /// Returns whether there is no region.
    pub(crate) const fn is_none(self) -> bool {
        self.address == 0
    }

    fn header(self) -> Header<P> {
        // SAFETY: the header stands there [TABLE-1].
        unsafe { load(self.address) }
    }

    /// Returns the region that the table describes.
    pub(crate) fn region(self) -> Region<P> {
        self.header().region
    }

    /// Returns the next table.
    pub(crate) fn next(self) -> Self {
        Self::at(self.header().next)
    }

    /// Returns the table from this one on whose region an address lies in.
    #[inline(always)]
    pub(crate) fn find(self, address: usize) -> Option<Self> {
        let mut table = self;
        while !table.is_none() && !table.region().contains(address) {
            table = table.next();
        }
        if table.is_none() { None } else { Some(table) }
    }

    /// Makes another table the next.
    pub(crate) fn set_next(self, next: Self) {
        // SAFETY: the header stands there [TABLE-1].
        unsafe { store(self.address, Header { next: next.address, ..self.header() }) }
    }

    /// Returns the chunks that the region was joined from, by address.
    pub(crate) fn chunks(self) -> impl DoubleEndedIterator<Item = Chunk> {
        // SAFETY: the header stands there [TABLE-1].
        (0..self.header().chunks).map(move |index| unsafe { load(self.chunk_address(index)) })
    }

    fn chunk_address(self, index: usize) -> usize {
        let header = self.header();
        let tags = Tags::<P>::bytes(header.region.start(), header.limit);
        self.address + Self::HEADER + tags + index * size_of::<Chunk>()
    }

    unsafe fn set_chunk(self, index: usize, chunk: Chunk) {
        // SAFETY: a record stands there, for the index is below the count [TABLE-1].
        unsafe { store(self.chunk_address(index), chunk) }
    }

    fn first_chunk(self) -> Chunk {
        // SAFETY: the header stands there [TABLE-1].
        unsafe { load(self.chunk_address(0)) }
    }

    fn last_chunk(self) -> Chunk {
        // SAFETY: the header stands there [TABLE-1].
        unsafe { load(self.chunk_address(self.header().chunks - 1)) }
    }

    /// Returns whether the table lies in the first chunk, below the blocks.
    pub(crate) fn is_below(self) -> bool {
        self.address < self.region().start()
    }

    /// Returns the first byte and the one behind the last of the table, with what is lost by alignment.
    pub(crate) fn extent(self) -> (usize, usize) {
        if self.is_below() {
            (self.first_chunk().start, self.region().start())
        } else {
            (self.limit(), self.last_chunk().end())
        }
    }
}
