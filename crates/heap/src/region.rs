//! Regions: stretches of memory, each with its own tags.
//!
//! ```text
//! | blocks …                                      | header | tags | chunks |
//! start                                          end
//! ```
//!
//! The *table* (header, tags, and the chunks that the region was joined from) stands behind the
//! blocks, where it can move up when the next chunk of memory continues this one.

use core::marker::PhantomData;

use crate::{
    memory::{load, store},
    policy::Policy,
    tags::{Tags, WINDOW},
};

/// A stretch of memory that blocks are cut from.
///
/// # Invariants
///
/// - **R1**: the bytes `start..end` are memory of the heap, tiled by its blocks; `start` and `end`
///   are multiples of the granule, and `origin <= start` is the first byte of `start`'s window.
/// - **R2**: `tags` cover the granules of `origin..end` as T1 to T4 say.
pub(crate) struct Region<P> {
    origin: usize,
    start: usize,
    end: usize,
    pub(crate) tags: Tags,
    policy: PhantomData<P>,
}

impl<P> Clone for Region<P> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Region<P> {}

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

/// What stands at the beginning of a table.
struct Header<P> {
    region: Region<P>,
    /// The table of the next region, or 0.
    next: usize,
    /// How many chunks the region was joined from.
    chunks: usize,
}

impl<P> Clone for Header<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Header<P> {}

/// The address of a region's table.
///
/// # Invariants
///
/// - **R3**: a header stands there, then the tags of its region, then its chunks in their order,
///   each ending where the next begins.
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

impl<P: Policy> Region<P> {
    /// No memory at all: it contains no address.
    pub(crate) const NONE: Self =
        Self { origin: 0, start: 0, end: 0, tags: Tags::NONE, policy: PhantomData };

    /// Bytes of a window.
    const WINDOW_BYTES: usize = WINDOW * P::GRANULE;

    /// Whether an address lies among the blocks.
    #[inline(always)]
    pub(crate) const fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.start) < self.end - self.start
    }

    /// The number of the granule at an address of the region.
    #[inline(always)]
    pub(crate) const fn granule(&self, address: usize) -> usize {
        (address - self.origin) / P::GRANULE
    }

    /// The address of a granule.
    #[inline(always)]
    pub(crate) const fn address(&self, granule: usize) -> usize {
        self.origin + granule * P::GRANULE
    }

    /// The first granule.
    pub(crate) const fn first(&self) -> usize {
        self.granule(self.start)
    }

    /// The granule behind the last.
    pub(crate) const fn last(&self) -> usize {
        self.granule(self.end)
    }

    /// Bytes for blocks.
    pub(crate) const fn span(&self) -> usize {
        self.end - self.start
    }
}

impl<P: Policy> Table<P> {
    const HEADER: usize = size_of::<Header<P>>();

    /// No region.
    pub(crate) const NONE: Self = Self { address: 0, policy: PhantomData };

    /// Makes a region of a chunk, and its table; none if there is no room for a block. None is
    /// tagged yet.
    ///
    /// # Safety
    ///
    /// The chunk is memory of the heap that nothing uses.
    pub(crate) unsafe fn create(chunk: Chunk, next: Self) -> Option<Self> {
        let start = chunk.start.checked_next_multiple_of(16)?;
        let origin = start & !(Region::<P>::WINDOW_BYTES - 1);
        // The table's own share of memory needs no tags: the second, smaller estimate is enough.
        let all = Self::bytes(origin, chunk.end(), 1);
        let table = Self::bytes(origin, chunk.end().checked_sub(all)?.max(origin), 1);
        let end = chunk.end().checked_sub(table)? & !15;
        if end < start + 32 {
            return None;
        }
        // SAFETY: the table fits between `end` and the chunk's end, by the choice of `end`: the
        // first estimate isn't smaller than the second.
        Some(unsafe { Self::lay(origin, start, end, next, &[chunk]) })
    }

    /// The bytes of a table for blocks that end at `end`.
    const fn bytes(origin: usize, end: usize, chunks: usize) -> usize {
        let granules = (end - origin) / P::GRANULE;
        Self::HEADER + Tags::bytes(granules) + chunks * size_of::<Chunk>() + 16
    }

    /// The bytes of a chunk that has room for a block of `size` bytes, wherever it starts.
    pub(crate) const fn chunk_bytes(size: usize) -> Option<usize> {
        let room = size.saturating_add(Region::<P>::WINDOW_BYTES);
        let room = room.saturating_add(room / 32);
        size.checked_add(Self::bytes(0, room, 1) + 64)
    }

    unsafe fn lay(origin: usize, start: usize, end: usize, next: Self, chunks: &[Chunk]) -> Self {
        let granules = (end - origin) / P::GRANULE;
        let at = end + Self::HEADER;
        // SAFETY: the caller left room for the tags and the chunks behind `end`.
        unsafe {
            let tags = Tags::create(at, granules);
            let region = Region::<P> { origin, start, end, tags, policy: PhantomData };
            store(end, Header { region, next: next.address, chunks: chunks.len() });
            for (index, &chunk) in chunks.iter().enumerate() {
                store(at + Tags::bytes(granules) + index * size_of::<Chunk>(), chunk);
            }
        }
        Self { address: end, policy: PhantomData }
    }

    /// Whether there is no region.
    pub(crate) const fn is_none(self) -> bool {
        self.address == 0
    }

    /// The region that the table describes.
    pub(crate) fn region(self) -> Region<P> {
        // SAFETY: R3.
        unsafe { load::<Header<P>>(self.address).region }
    }

    /// The next table.
    pub(crate) fn next(self) -> Self {
        // SAFETY: R3.
        Self { address: unsafe { load::<Header<P>>(self.address).next }, policy: PhantomData }
    }

    /// Makes another table the next.
    pub(crate) fn set_next(self, next: Self) {
        // SAFETY: R3.
        unsafe {
            let header: Header<P> = load(self.address);
            store(self.address, Header { next: next.address, ..header });
        }
    }

    /// How many chunks the region was joined from.
    pub(crate) fn chunk_count(self) -> usize {
        // SAFETY: R3.
        unsafe { load::<Header<P>>(self.address).chunks }
    }

    /// One of the chunks, by its index below [`chunk_count`](Self::chunk_count).
    pub(crate) fn chunk(self, index: usize) -> Chunk {
        // SAFETY: R3.
        unsafe { load(self.chunk_address(index)) }
    }

    fn chunk_address(self, index: usize) -> usize {
        let region = self.region();
        self.address + Self::HEADER + Tags::bytes(region.last()) + index * size_of::<Chunk>()
    }

    /// Whether a chunk continues the region, and both are the base's.
    pub(crate) fn is_continued_by(self, chunk: Chunk) -> bool {
        let last = self.chunk(self.chunk_count() - 1);
        last.end() == chunk.start && last.owned && chunk.owned
    }

    /// Joins a chunk that continues the region: the table moves to the chunk's end. What lies
    /// between the old end of the blocks and the new one isn't tagged yet. None, and nothing
    /// changed, if the chunk has no room for the table.
    ///
    /// # Safety
    ///
    /// The chunk is memory of the heap that nothing uses.
    pub(crate) unsafe fn extend(self, chunk: Chunk) -> Option<Self> {
        let old = self.region();
        let count = self.chunk_count() + 1;
        let table = Self::bytes(old.origin, chunk.end(), count);
        let end = chunk.end().checked_sub(table)? & !15;
        if end < chunk.start {
            return None;
        }
        // SAFETY: the table fits behind `end`, in the chunk, so it doesn't overlap the old one.
        unsafe {
            let table = Self::lay(old.origin, old.start, end, self.next(), &[]);
            let header: Header<P> = load(table.address);
            store(table.address, Header { chunks: count, ..header });
            for index in 0..count - 1 {
                store(table.chunk_address(index), self.chunk(index));
            }
            store(table.chunk_address(count - 1), chunk);
            table.region().tags.adopt(old.tags, old.last());
            Some(table)
        }
    }
}
