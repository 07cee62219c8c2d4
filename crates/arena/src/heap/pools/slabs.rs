//! The slabs of each bin: taking blocks out of them, and giving blocks back.

use core::ptr::null_mut;

use crate::{
    books::{
        area::{Appetite, Refusal},
        arena::{Arena, Use},
        fetch::fetch,
        guard, keys, poison,
        reference::{AreaRef, ArenaRef, SegmentRef},
        report,
        slab::{Segment, Slab},
    },
    heap::pools::{Pools, segments::OF_FIRST_SLABS},
    plan::{
        bins::{BINS, Bin, SHAPES},
        geometry::{PARTITIONS, Partition},
    },
    policy::{self, huge_pages},
    sys::spares,
    thresholds::{FIRST_MOST, LOOKED_AT, WORTH_FETCHING, WORTH_GIVING, WORTH_LOOKING},
};

const _: () = {
    let (mut bin, mut halves) = (1, [0; PARTITIONS]);
    while bin < BINS {
        let shape = &SHAPES[bin];
        let half = &mut halves[shape.partition.number()];
        *half += shape.stack as usize / 2 * shape.block_size as usize;
        assert!(*half < WORTH_LOOKING);
        bin += 1;
    }
};

/// The table of held blocks, in the checked and the hardened build, is read by a block's bin alone.
const FIRST_SLABS_LIE_TOGETHER: bool = !guard::KNOWS_HELD;

/// Books and bit maps that are fetched ahead at a time, more than a batch has blocks.
const FETCHED_AT_ONCE: usize = 64;

impl Pools {
    /// Takes up to `slots.len()` blocks of a bin, at least half of that where there is memory; returns how many. They are in
    /// the first slots, and of those from one slab, the lowest address in the last. Zero: memory is out.
    pub(crate) fn take(&mut self, bin: Bin, slots: &mut [*mut u8]) -> usize {
        let enough = slots.len().div_ceil(2);
        let mut taken = 0;
        while taken < enough {
            if self.current[bin.index()].is_null() && !self.find_slab(bin) {
                break;
            }
            let left = slots.len() - taken;
            let count = self.without_cold(bin, left);
            let room = self.make_room(bin, count);
            let found = self.take_current(bin, &mut slots[left - count..left]);
            taken += found;
            self.tallies.took(bin, found);
            match room {
                Err(Refusal::Occupied(_)) => self.current[bin.index()] = null_mut(),
                Err(Refusal::OutOfMemory) if found == 0 && !self.turn_to_free(bin) => break,
                _ => {}
            }
        }
        if self.grown_by >= WORTH_GIVING {
            self.give_for_growth();
        }
        slots.copy_within(slots.len() - taken.., 0);
        self.taken += taken * bin.shape().block_size as usize;
        self.figures.allocate(taken * bin.shape().block_size as usize);
        taken
    }

    /// Of `count` blocks, so many as the slab that a bin is refilled from has in memory that served before, where another slab
    /// has free ones too.
    fn without_cold(&mut self, bin: Bin, count: usize) -> usize {
        if self.needs_memory(bin) {
            self.turn_to_filled(bin);
        }
        let Some(slab) = self.current_slab(bin) else { return count };
        let free = slab.segment.free as usize;
        let is_cold = slab.carved_bytes() >= slab.segment.touched as usize;
        let others = !self.slabs[bin.index()].is_empty();
        if others && is_cold && free > 0 { count.min(free) } else { count }
    }

    /// The slab that a bin is refilled from, if there is one.
    pub(super) fn current_slab(&mut self, bin: Bin) -> Option<Slab<'_>> {
        let start = self.current[bin.index()];
        // SAFETY: [POOLS-2: slabs] a current slab is one of the bin.
        (!start.is_null()).then(|| unsafe { self.slab(start, bin) })
    }

    /// Takes blocks of the slab that a bin is refilled from; returns how many.
    fn take_current(&mut self, bin: Bin, slots: &mut [*mut u8]) -> usize {
        let Some(mut slab) = self.current_slab(bin) else { return 0 };
        let &mut Segment { carved, touched, .. } = slab.segment;
        let idle = slab.idle();
        let taken = slab.take(slots);
        let grown = slab.segment.touched - touched;
        if !guard::has_bytes(bin) {
            slab.write_to_pages(carved);
        }
        let reused = idle - slab.idle();
        if (slab.segment.carved - carved) as usize == taken {
            // SAFETY: fresh blocks of the bin, which nobody has.
            unsafe { keys::leave_in_page(bin, &slots[slots.len() - taken..]) };
        }
        let (exhausted, carved) = (slab.is_exhausted(), slab.carved_bytes());
        self.figures.reuse(reused);
        if policy::is_worth_vacating(carved) {
            self.grown_bins.insert(bin);
        }
        self.grown_by += grown;
        if exhausted {
            self.current[bin.index()] = null_mut();
        }
        taken
    }

    /// Makes so much of the slab usable that a bin is refilled from that it has `count` blocks, or all that it can have;
    /// or else one block.
    fn make_room(&mut self, bin: Bin, count: usize) -> Result<(), Refusal> {
        let Some(slab) = self.current_slab(bin) else { return Ok(()) };
        let (start, all, one) = (slab.base, slab.bytes_for(count), slab.bytes_for(1));
        if all <= slab.segment.usable as usize {
            return Ok(());
        }
        // SAFETY: the address of a slab of this heap.
        let segment = unsafe { segment_of(start) };
        self.commit_slab(segment, bin, all).or_else(|_| self.commit_slab(segment, bin, one))
    }

    /// Refills a bin from a slab with free blocks instead of the current one, if that is one which can't grow; returns
    /// whether there is such a slab.
    fn turn_to_free(&mut self, bin: Bin) -> bool {
        self.turn_to_listed(bin, usize::MAX, |slab| slab.free != 0)
    }

    /// The same instead of one whose next blocks never had memory, if it is one of the oldest, and has so many that it is worth
    /// it.
    pub(crate) fn turn_to_filled(&mut self, bin: Bin) -> bool {
        let block_size = bin.shape().block_size;
        self.turn_to_listed(bin, LOOKED_AT, |slab| {
            let warm = slab.free * block_size - slab.purged;
            policy::is_worth_returning_to(warm as usize)
        })
    }

    /// Refills a bin from a slab that is as wanted, of the `most` oldest that have blocks to hand out; returns whether there
    /// is one.
    fn turn_to_listed(
        &mut self,
        bin: Bin,
        most: usize,
        is_wanted: impl Fn(&Segment) -> bool,
    ) -> bool {
        // SAFETY: [POOLS-1: areas] listed books are touched only through these pools, which are borrowed mutably.
        let segment = unsafe { self.slabs[bin.index()].pop_where(most, is_wanted) };
        if segment.is_null() {
            return false;
        }
        // SAFETY: [POOLS-1: areas] listed books are those of segments in areas of this heap; it was listed at the bin, and no
        // longer is.
        unsafe { self.turn_to(SegmentRef::of_book(segment).address(), bin) };
        true
    }

    /// Refills a bin from a slab instead of the current one.
    ///
    /// # Safety
    ///
    /// A slab of the bin of this heap starts there, which isn't listed.
    pub(super) unsafe fn turn_to(&mut self, start: *mut u8, bin: Bin) {
        let before = core::mem::replace(&mut self.current[bin.index()], start);
        if !before.is_null() {
            // SAFETY: [POOLS-2: slabs] it was the bin's current slab.
            unsafe { self.place_slab(before, bin) };
        }
    }

    /// The blocks of a bin that are free in the slab which it is refilled from next, with memory behind them that is held.
    pub(super) fn kept_blocks(&mut self, bin: Bin) -> usize {
        let size = bin.shape().block_size as usize;
        let kept = |pools: &mut Self| pools.current_slab(bin).map_or(0, |slab| slab.idle() / size);
        match kept(self) {
            0 if self.turn_to_free(bin) => kept(self),
            count => count,
        }
    }

    /// Takes blocks of a bin back. O(1) each, and the less the more of them lie together.
    ///
    /// # Safety
    ///
    /// Each lies in a slab of the bin of this heap, and nobody uses it any more.
    pub(crate) unsafe fn give(&mut self, bin: Bin, mut blocks: &[*mut u8]) {
        let bytes = blocks.len() * bin.shape().block_size as usize;
        self.tallies.gave(bin, blocks.len());
        self.figures.free(bytes);
        self.figures.add_dirty(bytes);
        if self.figures.held() >= WORTH_FETCHING {
            for blocks in blocks.chunks(FETCHED_AT_ONCE) {
                // SAFETY: this function's contract is the same.
                unsafe { self.give_apart(bin, blocks) };
            }
            return;
        }
        while let Some(&block) = blocks.first() {
            // SAFETY: the block lies in an area of this heap, and in a slab of the bin, by this function's contract.
            let given = unsafe {
                let book = self.books(AreaRef::containing(block)).book_around(block, bin);
                self.give_first(bin, book, blocks)
            };
            blocks = &blocks[given..];
        }
    }

    /// Takes back the first of some blocks of a bin and those after it that lie in the same slab, whose book lies there; returns
    /// how many.
    ///
    /// # Safety
    ///
    /// As for [`give`](Self::give), and the book is the slab's.
    #[inline(always)]
    unsafe fn give_first(&mut self, bin: Bin, book: *mut Segment, blocks: &[*mut u8]) -> usize {
        let block = blocks[0];
        // SAFETY: the block lies in an area of this heap and a slab of the bin, whose book it is, by this function's contract.
        let mut slab =
            unsafe { self.books(AreaRef::containing(block)).slab_of_book(book, block, bin) };
        let had_none = slab.segment.free == 0;
        if had_none {
            slab.write_to_map(block);
        }
        let given = slab.give(blocks).unwrap_or_else(|bad| report::bad_free(bin, bad));
        if had_none || slab.is_empty() {
            let start = slab.base;
            // SAFETY: it is the slab of the bin that the block lies in.
            unsafe { self.place_slab(start, bin) };
        }
        given
    }

    /// The same as [`give`](Self::give) where most blocks lie apart, and the processor has none of their books at hand: it
    /// fetches all books first, and then the words of bit maps that the blocks' bits are in.
    ///
    /// # Safety
    ///
    /// As for [`give`](Self::give), and there are no more than [`FETCHED_AT_ONCE`].
    #[inline(never)]
    unsafe fn give_apart(&mut self, bin: Bin, blocks: &[*mut u8]) {
        let mut books = [null_mut(); FETCHED_AT_ONCE];
        let mut before = null_mut();
        for (&block, book) in blocks.iter().zip(&mut books) {
            if !bin.shape_at(block).are_together(before, block) {
                // SAFETY: the block lies in an area of this heap, by this function's contract.
                *book = unsafe { self.books(AreaRef::containing(block)) }.book_around(block, bin);
                fetch(*book);
            }
            before = block;
        }
        for (&block, &book) in blocks.iter().zip(&books).filter(|(_, book)| !book.is_null()) {
            // SAFETY: the block lies in an area of this heap and a slab of the bin, whose book it is.
            unsafe { self.books(AreaRef::containing(block)).fetch_bit(book, block, bin) };
        }
        let mut given = 0;
        while given < blocks.len() {
            // SAFETY: the same; a block that lies in another slab than the one before it has its book.
            given += unsafe { self.give_first(bin, books[given], &blocks[given..]) };
        }
    }

    /// Lists a slab that has blocks to hand out again, or makes it a vacant segment if all its blocks are free. Its bin's
    /// current slab stays as it is, but an empty first slab takes its place: were it vacant, the bin would touch as much memory
    /// elsewhere as it has blocks there.
    ///
    /// # Safety
    ///
    /// A slab of the bin of this heap starts there.
    #[inline(never)]
    pub(super) unsafe fn place_slab(&mut self, start: *mut u8, bin: Bin) {
        if self.current[bin.index()] == start {
            return;
        }
        // SAFETY: a slab of the bin, by this function's contract. [POOLS-1: areas] its book and all listed ones are
        // touched only through these pools; [POOLS-2: slabs] it is listed at its bin, or nowhere.
        unsafe {
            let slab = self.slab(start, bin);
            let (is_empty, is_spare) = (slab.is_empty(), slab.is_spare_first());
            let book: *mut Segment = slab.segment;
            if !is_empty {
                self.slabs[bin.index()].add(book);
            } else if is_spare && !self.current_slab(bin).is_some_and(|slab| slab.is_spare_first())
            {
                self.slabs[bin.index()].remove(book);
                self.turn_to(start, bin);
            } else {
                self.vacate_slab(start, bin);
            }
        }
    }

    /// Makes an empty slab a vacant segment.
    ///
    /// # Safety
    ///
    /// A slab of the bin of this heap starts there.
    unsafe fn vacate_slab(&mut self, start: *mut u8, bin: Bin) {
        // SAFETY: a slab of the bin, by this function's contract. [POOLS-1: areas] its book and all listed ones are
        // touched only through these pools; [POOLS-2: slabs] it is listed at its bin, or nowhere.
        let (segment, mut slab) = unsafe {
            let segment = segment_of(start);
            let book: *mut Segment = self.segment(segment);
            self.slabs[bin.index()].remove(book);
            (segment, self.slab(start, bin))
        };
        let idle = slab.idle();
        slab.clear();
        self.figures.reuse(idle);
        self.books(segment.area).set_bin(segment.place, Bin::NONE);
        self.vacate_segment(segment);
        self.offer_segments(segment.arena());
    }

    /// Chooses the slab that a bin is refilled from next, a partly used one before a new one; returns whether there is
    /// one.
    fn find_slab(&mut self, bin: Bin) -> bool {
        // SAFETY: [POOLS-1: areas] listed books are touched only through these pools, which are borrowed mutably.
        let segment = unsafe { self.slabs[bin.index()].pop() };
        if segment.is_null() {
            return self.make_slab(bin);
        }
        // SAFETY: [POOLS-1: areas] listed books are those of segments in areas of this heap.
        self.current[bin.index()] = unsafe { SegmentRef::of_book(segment) }.address();
        true
    }

    pub(super) fn make_slab(&mut self, bin: Bin) -> bool {
        let Some(segment) = self.find_slab_segment(bin) else { return false };
        self.use_segment(segment);
        self.list_arena(segment.arena());
        self.grown = true;
        self.books(segment.area).set_bin(segment.place, bin);
        self.segment(segment).served = bin;
        let start = segment.address();
        if guard::KNOWS_HELD {
            guard::open_slab(bin, start);
        }
        let idle = self.slab_of(segment).map_or(0, |slab| slab.idle());
        self.figures.add_dirty(idle);
        poison::bytes_freed(start, self.segment(segment).usable as usize);
        self.current[bin.index()] = start;
        true
    }

    /// A vacant segment for a slab of a bin: for the first one among those of all bins, which lie side by side, so that a
    /// thread with a few blocks of many sizes has few pages of page tables. Others lie there too where the process has no mapping
    /// left with which the bin's own partition could begin.
    fn find_slab_segment(&mut self, bin: Bin) -> Option<SegmentRef> {
        let first = |pools: &mut Self| pools.prepare_segment(bin, Self::find_first_segment);
        let early = if self.begins(bin) { first(self) } else { None };
        let own = |pools: &mut Self, bin: Bin| pools.find_segment(bin.shape().partition);
        let found = early.or_else(|| self.prepare_segment(bin, own));
        let may_go_on = FIRST_SLABS_LIE_TOGETHER && bin.shape().partition != Partition::FIRST;
        if found.is_some() || !may_go_on || spares::are_left() { found } else { first(self) }
    }

    /// Whether a bin's next slab is to lie among the first ones: it has no blocks, and these are small.
    pub(super) fn begins(&self, bin: Bin) -> bool {
        FIRST_SLABS_LIE_TOGETHER
            && bin.shape().block_size as usize <= FIRST_MOST
            && self.tallies.live(bin) == 0
    }

    /// A vacant segment that is found for a bin, with a bit map, and in which the bin's first block is usable.
    fn prepare_segment(
        &mut self,
        bin: Bin,
        find: impl Fn(&mut Self, Bin) -> Option<SegmentRef>,
    ) -> Option<SegmentRef> {
        loop {
            let found = find(self, bin)?;
            let SegmentRef { area, place } = found;
            match self.commit_slab(found, bin, bin.shape().block_size as usize) {
                Ok(()) if self.books(area).prepare_slab(place, bin) => return Some(found),
                Err(Refusal::Occupied(number)) => self.leave_out(found.arena().segment(number)),
                _ => {
                    self.offer_segments(found.arena());
                    return None;
                }
            }
        }
    }

    /// A vacant segment for the first slab of a bin: one with memory behind it that the bin had before, or else one with
    /// memory behind half of it, or else a cold one. Threads that follow each other in a heap begin with other classes
    /// first, and each would fill what another one had touched little of.
    pub(super) fn find_first_segment(&mut self, bin: Bin) -> Option<SegmentRef> {
        // SAFETY: [POOLS-1: areas] listed books are touched only through these pools, which are borrowed mutably.
        let listed = unsafe { self.arenas[OF_FIRST_SLABS].warmest() };
        let arena = if listed.is_null() {
            self.claim_arenas(Partition::FIRST, 1, Use::FIRST_SLABS)?
        } else {
            // SAFETY: [POOLS-1: areas] listed books are those of arenas in areas of this heap.
            unsafe { ArenaRef::of_book(listed) }
        };
        let &mut Arena { used, dirty, .. } = self.arena(arena);
        let shape = bin.first_shape();
        let (mut left, mut warm) = (dirty & !used, None);
        while left != 0 {
            let segment = arena.segment(left.trailing_zeros() as usize);
            let &mut Segment { served, touched, .. } = self.segment(segment);
            if served == bin {
                return Some(segment);
            }
            let is_warm = 2 * touched >= shape.capacity * shape.block_size;
            warm = warm.or(is_warm.then_some(segment));
            left &= left - 1;
        }
        let book = self.arena(arena);
        let cold = || book.cold_segment(arena.place.first_slab()).or(book.vacant_segment(0));
        warm.or_else(|| cold().map(|segment| arena.segment(segment)))
    }

    /// Makes the first `bytes` of a slab usable, and more ahead where memory is plentiful.
    fn commit_slab(&mut self, segment: SegmentRef, bin: Bin, bytes: usize) -> Result<(), Refusal> {
        if guard::ON && self.segment(segment).locked != 0 {
            self.withdraw(segment, 1);
            if self.segment(segment).locked != 0 {
                return Err(Refusal::OutOfMemory);
            }
        }
        let held = self.figures.held();
        let of_class = self.tallies.live(bin) * bin.shape().block_size as usize;
        let huge = huge_pages::suit_segments(segment.place.arena.partition, held, of_class);
        let books = self.books(segment.area);
        if huge {
            books.prefer_huge_again(segment.place);
        } else {
            books.avoid_huge_for(segment.place.arena, 1 << segment.place.segment);
        }
        books.commit_slab(segment.place, bytes, Appetite { held, huge })
    }

    /// Vacates all empty slabs, which were kept as they were current.
    pub(crate) fn retire_empty_slabs(&mut self) {
        Bin::all().for_each(|bin| self.retire_empty_slab(bin));
    }

    /// Vacates the slab that a bin is refilled from, if all its blocks are free.
    pub(crate) fn retire_empty_slab(&mut self, bin: Bin) {
        if self.current_slab(bin).is_some_and(|slab| slab.is_empty()) {
            let start = core::mem::replace(&mut self.current[bin.index()], null_mut());
            // SAFETY: [POOLS-2: slabs] it was the bin's current slab.
            unsafe { self.vacate_slab(start, bin) };
        }
    }

    /// Whether to look for slabs that bins could do without: a segment was made a slab, and enough was taken, since this
    /// last returned true.
    pub(crate) fn has_grown(&mut self) -> bool {
        let grown = self.grown && self.taken >= WORTH_LOOKING;
        if grown {
            (self.grown, self.taken) = (false, 0);
        }
        grown
    }
}

/// The segment of a slab.
///
/// # Safety
///
/// A slab of the pools that the caller has starts there.
#[inline]
unsafe fn segment_of(slab: *mut u8) -> SegmentRef {
    // SAFETY: a slab starts there, by this function's contract: it lies in an area, and not among the books.
    unsafe { SegmentRef::containing(slab).unwrap_unchecked() }
}
