//! An area's books: the struct that stands at its start, and how its memory becomes usable.

mod purge;

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicPtr, AtomicU8, Ordering},
};

use crate::{
    arena::{Arena, Claim, Use, run_mask},
    bins::{SHAPES, SlabShape},
    cache::{Cache, CacheWithStacks},
    geometry::{
        AREA_SIZE, ARENAS, ArenaPlace, BOOKS_LIMIT, PARTITIONS, Partition, SEGMENTS, SegmentPlace,
        TILES,
    },
    guard,
    heap::Heap,
    mappings, moving,
    segment::{BITMAP_WORDS, BITMAP_WORDS_SMALLEST, Segment, Slab},
    system,
};

/// Words in which space for bit maps is given out.
const LINE: usize = BITMAP_WORDS;
/// Lines for the bit maps of every segment: four in partition 0, one in each other that has slabs.
const LINES: usize = SEGMENTS * ARENAS * (BITMAP_WORDS_SMALLEST / LINE + PARTITIONS - 2);

/// The books of an area, at its start. All zero is an area in which nothing was ever used.
///
/// Everything but `home` and `heap` is touched only by whoever holds the lock of the heap that the
/// area belongs to, and by its creator.
///
/// # Invariants
///
/// - [R1: place] It stands at a multiple of [`AREA_SIZE`], and its own size is readable and writable.
/// - [R2: owner] `owner` is set before the area is announced in the registry, and never changes.
/// - [R3: taken] An arena is in `taken` exactly if its `purpose` isn't vacant.
/// - [R4: committed] A segment's memory is usable if its arena's book has it in `committed`.
/// - [R5: bitmaps] A segment whose book says so has the lines of bit maps from there on, as many as its
///   partition needs, for itself.
/// - [R6: tiles] The tiles of a slab have its bin, and all others none. They change only under the lock of
///   the area's heap, and from or to a bin only while no block of the segment is live.
#[repr(C)]
pub(crate) struct Area {
    /// The cache of the thread at home here.
    pub(crate) home: CacheWithStacks,
    /// The heap at home here; unused in a heap's further areas.
    pub(crate) heap: Heap,
    /// The heap that the area belongs to. `Release` at creation, which the registry's announcement
    /// makes visible to everyone who finds the area.
    owner: AtomicPtr<Heap>,
    /// The next area of the same heap.
    pub(crate) next: *mut Area,
    /// Arenas that serve something, for each partition.
    taken: [u64; PARTITIONS],
    /// Whether address space is taken piece by piece, since no whole area was to be had.
    piecemeal: bool,
    /// Usable pieces that it was counted with.
    pieces: usize,
    /// For each partition, the offsets between which usable memory lies; both zero if there is none.
    reach: [(usize, usize); PARTITIONS],
    arenas: [Arena; ARENAS * PARTITIONS],
    segments: [Segment; SEGMENTS * ARENAS * PARTITIONS],
    /// Lines of `bitmaps` that are given out. Segments get theirs when they first serve as a slab and
    /// keep it, so that those in use lie together.
    lines: u32,
    /// For each tile of the area the bin of the slab there, or [`NO_BIN`](crate::bins::NO_BIN).
    ///
    /// `Relaxed` throughout: who frees a block has it from whoever allocated it, and with it the entry,
    /// by [R6].
    bins: [AtomicU8; TILES],
    bitmaps: [[u64; LINE]; LINES],
    /// Which blocks the program holds, in the hardened build. Touched by every thread.
    pub(crate) held: guard::Held,
}

const _: () = assert!(size_of::<Area>() <= BOOKS_LIMIT);

/// The least range of offsets that covers two; one that ends at zero is empty.
fn union(a: (usize, usize), b: (usize, usize)) -> (usize, usize) {
    if a.1 == 0 { b } else { (a.0.min(b.0), a.1.max(b.1)) }
}

/// Lines of a bit map in a partition.
const fn bitmap_lines(partition: Partition) -> usize {
    if partition.number() == 0 { BITMAP_WORDS_SMALLEST / LINE } else { 1 }
}

impl Area {
    /// Makes `address`, an area's worth of address space that the caller owns, an area.
    ///
    /// `piecemeal` says that the address space isn't reserved but only known to be unclaimed.
    pub(crate) fn create(
        address: NonNull<u8>,
        piecemeal: bool,
        owner: Option<&Heap>,
    ) -> Option<NonNull<Self>> {
        let area = address.cast::<Self>();
        if piecemeal {
            system::map_at(address, size_of::<Self>()).ok()?;
        } else {
            system::commit(address, size_of::<Self>()).ok()?;
        }
        // SAFETY: [R1] just made true; zeroed memory is valid books, and nobody else knows of it.
        let books = unsafe { &mut *area.as_ptr() };
        books.piecemeal = piecemeal;
        books.home.cache.settle();
        let home = &raw const books.heap;
        if owner.is_none() {
            // SAFETY: the area is new, and the heap lies in it.
            unsafe { books.heap.settle(area.as_ptr()) };
        }
        let owner = owner.map_or(home, core::ptr::from_ref);
        books.owner.store(owner.cast_mut(), Ordering::Release);
        Some(area)
    }

    /// The area that an address lies in, whether or not there is one.
    #[inline]
    pub(crate) fn containing(address: *mut u8) -> *mut Self {
        address.map_addr(|addr| addr & !(AREA_SIZE - 1)).cast()
    }

    /// The heap that the area belongs to.
    ///
    /// # Safety
    ///
    /// `this` is an area that the registry announces.
    #[inline]
    pub(crate) unsafe fn owner(this: *mut Self) -> &'static Heap {
        // SAFETY: [R2]: set, and heaps live as long as the process.
        unsafe { &*(*this).owner.load(Ordering::Relaxed) }
    }

    /// The cache at home here.
    #[inline]
    pub(crate) fn cache(&self) -> &Cache {
        &self.home.cache
    }

    /// The bin of the slab that a tile lies in.
    ///
    /// # Safety
    ///
    /// An area starts at `start`, and has the tile.
    #[inline(always)]
    pub(crate) unsafe fn bin_at(start: usize, tile: usize) -> usize {
        let entry = start + core::mem::offset_of!(Self, bins) + tile;
        // SAFETY: the caller's promise. [R6] nobody writes the entry while a block of the segment is live.
        // (A relaxed load would do as well, for one instruction more.)
        unsafe { core::ptr::with_exposed_provenance::<u8>(entry).read() as usize }
    }

    /// Notes which bin a segment serves as a slab, if any.
    pub(crate) fn set_bin(&mut self, place: SegmentPlace, bin: usize) {
        self.segment(place).bin = bin as u8;
        for entry in &self.bins[place.tiles()] {
            entry.store(bin as u8, Ordering::Relaxed);
        }
    }

    /// The place of a segment from its book.
    pub(crate) fn place_of_segment(segment: *mut Segment) -> (*mut Self, SegmentPlace) {
        let area = Self::containing(segment.cast());
        let first = area.addr() + core::mem::offset_of!(Self, segments);
        (area, SegmentPlace::from_index((segment.addr() - first) / size_of::<Segment>()))
    }

    pub(crate) fn arena(&mut self, place: ArenaPlace) -> &mut Arena {
        &mut self.arenas[place.index()]
    }

    #[inline]
    pub(crate) fn segment(&mut self, place: SegmentPlace) -> &mut Segment {
        &mut self.segments[place.index()]
    }

    /// The place of an arena from its book.
    pub(crate) fn place_of(arena: *mut Arena) -> (*mut Self, ArenaPlace) {
        let area = Self::containing(arena.cast());
        let first = area.addr() + core::mem::offset_of!(Self, arenas);
        (area, ArenaPlace::from_index((arena.addr() - first) / size_of::<Arena>()))
    }

    /// The address of a segment's first byte.
    #[inline]
    pub(crate) fn address(&mut self, place: SegmentPlace) -> *mut u8 {
        self.start().wrapping_add(place.offset())
    }

    /// The slab of `bin` that a block lies in, or starts with.
    #[inline]
    pub(crate) fn slab(&mut self, block: *mut u8, bin: usize) -> Slab<'_> {
        let shape: &SlabShape = &SHAPES[bin];
        let place = SegmentPlace::in_partition(block.addr(), shape.partition);
        let base = block.map_addr(|addr| addr & !(shape.partition.segment_size() - 1));
        let segment = &mut self.segments[place.index()];
        debug_assert!(segment.bitmap != 0);
        let lines = bitmap_lines(place.arena.partition);
        let bitmap = (&raw mut self.bitmaps).cast::<u64>();
        // SAFETY: [R5] the segment has these lines, and no other has.
        let bitmap = unsafe {
            let first = bitmap.add((segment.bitmap as usize - 1) * LINE);
            core::slice::from_raw_parts_mut(first, lines * LINE)
        };
        Slab { segment, bitmap, base, shape }
    }

    /// Gives a segment a bit map if it has none.
    pub(crate) fn prepare_slab(&mut self, place: SegmentPlace) {
        let lines = self.lines;
        let segment = &mut self.segments[place.index()];
        if segment.bitmap == 0 {
            segment.bitmap = lines + 1;
            self.lines += bitmap_lines(place.arena.partition) as u32;
        }
    }

    /// Takes the first arenas that meet a claim.
    pub(crate) fn take_arenas(&mut self, claim: Claim) -> Option<ArenaPlace> {
        let Claim { partition, count, purpose, keep, warm } = claim;
        let taken = self.taken[partition.number()];
        if taken.count_zeros() < keep + count as u32 {
            return None;
        }
        let arena = |arena| ArenaPlace { partition, arena };
        let end = self.reach[partition.number()].1;
        let first = (0..=ARENAS - count)
            .take_while(|&first| !warm || arena(first).offset() < end)
            .filter(|&first| taken & run_mask(first, count) == 0)
            .find(|&first| !warm || self.arenas[arena(first).index()].dirty != 0)?;
        (first..first + count).for_each(|first| self.take_arena(arena(first), purpose));
        Some(arena(first))
    }

    /// Whether an arena is vacant.
    pub(crate) fn is_vacant(&self, place: ArenaPlace) -> bool {
        self.taken[place.partition.number()] & (1 << place.arena) == 0
    }

    /// Takes one vacant arena for a purpose.
    pub(crate) fn take_arena(&mut self, place: ArenaPlace, purpose: Use) {
        self.taken[place.partition.number()] |= 1 << place.arena;
        let arena = self.arena(place);
        arena.purpose = purpose;
        if purpose != Use::WHOLE {
            arena.freed_at = 0;
        }
    }

    /// Makes an arena without used segments vacant.
    pub(crate) fn give_arena(&mut self, place: ArenaPlace) {
        self.taken[place.partition.number()] &= !(1 << place.arena);
        self.arena(place).purpose = Use::VACANT;
    }

    /// The first arena that isn't vacant.
    pub(crate) fn first_taken(&self) -> Option<ArenaPlace> {
        Partition::all().zip(self.taken).find(|&(_, taken)| taken != 0).map(|(partition, taken)| {
            ArenaPlace { partition, arena: taken.trailing_zeros() as usize }
        })
    }

    /// Gives all of it back to the system, the books as well.
    ///
    /// # Safety
    ///
    /// No block of it is live, and nobody touches it any more.
    pub(crate) unsafe fn unmap(&mut self) {
        let piecemeal = self.piecemeal;
        if piecemeal {
            // What lies between the pieces isn't ours.
            self.purge(usize::MAX, false);
            self.decommit();
        }
        let size = if piecemeal { size_of::<Self>() } else { AREA_SIZE };
        mappings::remove(self.pieces);
        system::unmap(NonNull::from(self).cast(), system::round_to_pages(size));
    }

    /// Makes the memory of a segment usable, with `huge` pages if there are; says whether it is.
    pub(crate) fn commit(&mut self, place: SegmentPlace, huge: bool) -> bool {
        if self.arena(place.arena).committed & (1 << place.segment) != 0 {
            return true;
        }
        let size = place.arena.partition.segment_size();
        // Step by step where address space is scarce, else in pieces that are worth a system call.
        let step = if self.piecemeal { 1 } else { (system::commit_step() / size).max(1) };
        let first = place.arena.segment(place.segment / step * step);
        let piece = (first.offset(), first.offset() + step * size);
        if !(self.join_pieces(first.arena.partition, piece) || self.commit_piece(piece)) {
            return false;
        }
        if huge && let Some(start) = NonNull::new(self.address(first)) {
            system::prefer_huge(start, step * size);
        }
        let reach = &mut self.reach[first.arena.partition.number()];
        *reach = union(*reach, piece);
        self.arena(place.arena).committed |= run_mask(first.segment, step);
        true
    }

    /// Makes a piece usable, from one offset to another.
    fn commit_piece(&mut self, (start, end): (usize, usize)) -> bool {
        let Some(address) = NonNull::new(self.start().wrapping_add(start)) else { return false };
        let done = if self.piecemeal {
            system::map_at(address, end - start)
        } else {
            system::commit(address, end - start)
        };
        if done.is_ok() {
            self.pieces += 1;
            mappings::add(1);
        }
        done.is_ok()
    }

    /// Makes a piece usable with all that lies between it and others of its partition, where mappings
    /// are scarce; says whether it is done.
    fn join_pieces(&mut self, partition: Partition, piece: (usize, usize)) -> bool {
        let reach = self.reach[partition.number()];
        if self.piecemeal || reach.1 == 0 || moving::lost_any() || !mappings::are_scarce() {
            return false;
        }
        let (start, end) = union(reach, piece);
        NonNull::new(self.start().wrapping_add(start))
            .is_some_and(|address| system::commit(address, end - start).is_ok())
    }

    fn start(&mut self) -> *mut u8 {
        core::ptr::from_mut(self).cast()
    }
}
