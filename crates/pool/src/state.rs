//! The state inside the heap, and the only code that reads or writes it.

use core::{marker::PhantomData, mem::MaybeUninit, ops::RangeInclusive, ptr::NonNull};

use crate::{Config, ConfigError, Mode, Word, geometry::Geometry, plan::Plan, record::Record};

mod shape;

pub(crate) use shape::Shape;

/// A heap that holds pools.
///
/// ```text
/// | record … record | end | table | room | part of the first pool | … | part of the last pool |
///                   ▲
///                   origin: offsets are bytes from here, so that 16 bits also hold the end of the
///                           last part, and everything is found from one address
///
/// a part, from its first byte up: the live bits of its blocks, or a tiny pool's rows
///         from its end down:      the blocks; those never used lie lowest
/// ```
///
/// Pools are numbered so that the last one is always [`LAST`]: its record lies right before the
/// origin, and those of the others before it, however many there are.
///
/// A *link* is a block's offset. Where there are live bits it is the block's number plus one,
/// blocks being numbered from the end down: what is needed to find the bit.
///
/// # Invariants
///
/// - [STATE-1: ours] The heap, from `count` records before `origin` to `reach` bytes behind it, belongs
///   to this value alone while `'h` lasts, and its start is aligned to the records and to the blocks.
/// - [STATE-2: written] The `count` records, the end of the last part, the table and the room bits lie
///   at the heap's start, in this order, and are initialised; `low`, `size` and `guard` never change.
/// - [STATE-3: nested] The parts lie behind the room bits, in order; a pool's blocks and books fit into
///   its part, and don't meet.
/// - [STATE-4: table] Each of the table's entries is the number of a pool.
/// - [STATE-5: lazy] The books of the blocks that `fresh` says were handed out are initialised, and none
///   beyond.
/// - [STATE-6: listed] Each free block that was handed out is on the free list, once; a link leads to
///   such a block, or is zero. The user breaks this by writing to a block that he gave back.
pub(crate) struct State<'h, M: Mode> {
    origin: NonNull<u8>,
    shape: Shape,
    owner: PhantomData<(&'h mut [MaybeUninit<u8>], M)>,
}

/// The number of the pool with the largest blocks.
pub(crate) const LAST: usize = u8::MAX as usize;

impl<'h, M: Mode> State<'h, M> {
    pub(crate) const GEOMETRY: Geometry = Geometry::of::<M>();

    /// The offset of the table.
    const TABLE: usize = size_of::<M::Word>();

    /// Writes the state of `config` to the heap, but for the books of a part, of which
    /// [`crate::tiny`] has some from the start; on failure the heap is as it was.
    pub(crate) fn new(
        heap: &'h mut [MaybeUninit<u8>],
        config: &Config<'_>,
    ) -> Result<Self, ConfigError> {
        let plan = Plan::new(config, heap.len(), Self::GEOMETRY)?;
        let align = config.align.max(align_of::<Record<M>>());
        let offset = heap.as_ptr().addr() & (align - 1);
        if offset != 0 {
            return Err(ConfigError::HeapUnaligned { offset, align });
        }
        let shape = Shape::new(&plan, heap.len(), config.align, Self::GEOMETRY.record);
        // SAFETY: the heap is the caller's for `'h`; the state follows.
        let mut state = unsafe { Self::attach(NonNull::from(heap).cast(), shape) };
        state.write(plan)?;
        state.shape.move_up(state.most_above());
        Ok(state)
    }

    /// Returns where things are in this heap.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns a heap whose state was written before.
    ///
    /// # Safety
    ///
    /// `heap` leads to the bytes to which [`new`](Self::new) of the same mode wrote the state of
    /// this shape, and they are the caller's alone while `'h` lasts.
    pub(crate) unsafe fn attach(heap: NonNull<u8>, shape: Shape) -> Self {
        // SAFETY: the records lie within the heap.
        let origin = unsafe { heap.add(Self::GEOMETRY.record * usize::from(shape.count)) };
        Self { origin, shape, owner: PhantomData }
    }

    fn write(&self, mut plan: Plan<'_>) -> Result<(), ConfigError> {
        let mut end = None;
        while plan.has_next() {
            let slot = plan.next_slot()?;
            let record = Record::new(slot.low - self.before_origin(), slot.stride);
            // SAFETY: the plan has found room for all records at the heap's start [STATE-1: ours].
            unsafe { self.place(self.first() + slot.index).write(record) };
            end = end.or(Some(slot.high - self.before_origin()));
        }
        let end = M::Word::wrap(end.unwrap_or_default());
        // SAFETY: as above, for the word behind the records, and the room bits.
        unsafe {
            self.origin.cast().write(end);
            let room = Self::GEOMETRY.room(self.count());
            self.at(self.room_at()).write_bytes(0xff, room);
        }
        self.write_table();
        Ok(())
    }

    /// Returns how far a part begins above the place it would have if all parts were equal, at most.
    fn most_above(&self) -> usize {
        let above = self
            .pools()
            .map(|pool| self.low(pool).saturating_sub(self.shape.equal_begin(self.index(pool))));
        above.max().unwrap_or_default()
    }

    fn write_table(&self) {
        let mut pool = self.first();
        for step in 0..self.shape.table_len {
            // The largest size of this step; the table ends with the largest pool at the latest.
            while self.record(pool).size.get() < (step + 1) << self.shape.shift {
                pool += 1;
            }
            // SAFETY: the plan has found room for the table behind the records' end.
            unsafe { self.at(Self::TABLE + step).write(pool as u8) };
        }
    }

    /// Returns the number of pools.
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        usize::from(self.shape.count)
    }

    /// Returns the number of the first pool.
    #[inline(always)]
    pub(crate) fn first(&self) -> usize {
        LAST + 1 - self.count()
    }

    /// Returns the numbers of all pools.
    pub(crate) fn pools(&self) -> RangeInclusive<usize> {
        self.first()..=LAST
    }

    /// Returns a pool's index, counted from the smallest blocks.
    #[inline(always)]
    pub(crate) fn index(&self, pool: usize) -> usize {
        pool - self.first()
    }

    /// Returns the bytes of the heap before the origin, which offsets are counted from.
    pub(crate) fn before_origin(&self) -> usize {
        Self::GEOMETRY.record * self.count()
    }

    /// Returns the bytes of the heap behind the origin.
    #[inline(always)]
    pub(crate) fn reach(&self) -> usize {
        self.shape.reach
    }

    /// Returns the pool that a byte of the heap is likely to lie in, and the byte's offset; `None` where there is no
    /// such guess, or outside of the heap.
    ///
    /// Parts are equal by default, but for what a pool's blocks leave over, which the part below gets. The guess is of
    /// equal parts that begin as high as any part does: wrong for the lowest blocks of some, which are handed out last.
    #[inline(always)]
    pub(crate) fn guess(&self, pointer: NonNull<u8>) -> Option<(usize, usize)> {
        let offset = self.offset_of(pointer);
        let distance = offset.wrapping_sub(self.shape.begin);
        if distance >= self.shape.span {
            return None;
        }
        // Less than the number of pools, for the density is rounded down.
        let number = (distance as u64 * u64::from(self.shape.density)) >> 32;
        Some((self.first() + number as usize, offset))
    }

    /// Returns the heap's size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.before_origin() + self.shape.reach
    }

    /// Returns the heap's first byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.place(self.first()).cast()
    }

    /// Returns the alignment of every block in bytes.
    #[inline(always)]
    pub(crate) fn align(&self) -> usize {
        self.shape.align
    }

    /// Returns the offset of a pointer that may be foreign: then it is at least [`reach`](Self::reach), or
    /// lies in no block.
    #[inline(always)]
    pub(crate) fn offset_of(&self, pointer: NonNull<u8>) -> usize {
        pointer.addr().get().wrapping_sub(self.origin.addr().get())
    }

    /// Returns the address of an offset within the heap.
    #[inline(always)]
    pub(crate) fn at(&self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset < self.shape.reach);
        // SAFETY: all callers keep to the heap's end, so this stays within the heap [STATE-1: ours].
        unsafe { self.origin.add(offset) }
    }

    /// Returns where a pool's record stands.
    #[inline(always)]
    fn place(&self, pool: usize) -> NonNull<Record<M>> {
        debug_assert!(self.pools().contains(&pool));
        // SAFETY: a pool's number comes from the table [STATE-4: table], from a search of the records, or
        // from a loop over them; the records of all numbers lie in the heap [STATE-1: ours], and the
        // origin behind them is as aligned as they are.
        unsafe { self.origin.cast::<Record<M>>().sub(LAST + 1 - pool) }
    }

    /// Returns all records, in the order of their block sizes and of their places.
    #[inline(always)]
    pub(crate) fn all(&self) -> &[Record<M>] {
        // SAFETY: they are there, aligned [STATE-1: ours], and initialised [STATE-2: written].
        unsafe {
            let records = self.origin.cast().sub(self.count());
            NonNull::slice_from_raw_parts(records, self.count()).as_ref()
        }
    }

    /// Returns the record of a pool.
    #[inline(always)]
    pub(crate) fn record(&self, pool: usize) -> &Record<M> {
        // SAFETY: as for `all`.
        unsafe { self.place(pool).as_ref() }
    }

    /// Returns the first byte of a pool's part of the heap.
    #[inline(always)]
    pub(crate) fn low(&self, pool: usize) -> usize {
        self.record(pool).low.get()
    }

    /// Returns the end of a pool's part of the heap.
    #[inline(always)]
    pub(crate) fn end(&self, pool: usize) -> usize {
        // SAFETY: behind each record stands the next one, which begins with `low`, or the end of the
        // last part [STATE-2: written].
        unsafe { self.place(pool).add(1).cast::<M::Word>().read() }.get()
    }

    /// Returns the bytes of a pool's part of the heap.
    pub(crate) fn span(&self, pool: usize) -> usize {
        self.end(pool) - self.low(pool)
    }

    /// Returns the pool of the smallest blocks that hold `size` bytes, from the table alone.
    #[inline(always)]
    pub(crate) fn table(&self, size: usize) -> Option<usize> {
        let step = size.wrapping_sub(1) >> self.shape.shift;
        if step < self.shape.table_len {
            // SAFETY: the table has so many entries, initialised [STATE-2: written].
            let pool = unsafe { self.at(Self::TABLE + step).read() };
            Some(usize::from(pool))
        } else {
            None
        }
    }

    /// Returns the link in a free block.
    ///
    /// # Safety
    ///
    /// A free block that holds a link begins at `offset`.
    #[inline(always)]
    pub(crate) unsafe fn link(&self, offset: usize) -> M::Word {
        // SAFETY: the block lies in the heap [STATE-3: nested], and its link was written when it was
        // freed [STATE-6: listed]. Packed blocks aren't aligned.
        unsafe { self.at(offset).cast().read_unaligned() }
    }

    /// Writes a link into a free block.
    ///
    /// # Safety
    ///
    /// A block that is at least as large as a link begins at `offset`, and nobody uses it.
    #[inline(always)]
    pub(crate) unsafe fn set_link(&self, offset: usize, link: M::Word) {
        // SAFETY: the block lies in the heap [STATE-3: nested] and is the caller's to write.
        unsafe { self.at(offset).cast().write_unaligned(link) }
    }

    /// Returns whether the bit of a block is set, in books of live bits that begin at `books`.
    ///
    /// # Safety
    ///
    /// The block's bit is there, and initialised.
    #[inline(always)]
    pub(crate) unsafe fn is_live(&self, books: usize, block: usize) -> bool {
        // SAFETY: the byte lies among a pool's books [STATE-3: nested], initialised.
        unsafe { self.at(books + block / 8).read() & (1 << (block % 8)) != 0 }
    }

    /// Sets or clears the bit of a block, and returns whether that changed it.
    ///
    /// # Safety
    ///
    /// As for [`is_live`](Self::is_live).
    #[inline(always)]
    pub(crate) unsafe fn set_live(&self, books: usize, block: usize, live: bool) -> bool {
        let byte = self.at(books + block / 8);
        // Wider than the byte: processors shift words.
        let bit = 1_u32 << (block % 8);
        // SAFETY: as for `is_live`; the books are ours to write.
        unsafe {
            let old = u32::from(byte.read());
            let new = if live { old | bit } else { old & !bit };
            // Also where it changes nothing: that costs less than to ask first.
            byte.write(new as u8);
            new != old
        }
    }

    /// Sets the bit of a block that is handed out for the first time, all those before it having
    /// been.
    ///
    /// # Safety
    ///
    /// The block's bit is there.
    pub(crate) unsafe fn begin_live(&self, books: usize, block: usize) {
        let byte = self.at(books + block / 8);
        let bit = 1 << (block % 8);
        // SAFETY: the byte lies among a pool's books [STATE-3: nested]; all but its first block found it
        // initialised [STATE-5: lazy].
        unsafe { byte.write(if bit == 1 { bit } else { byte.read() | bit }) };
    }

    /// Returns the offset of the bits that say which pools have room; see [`crate::room`].
    pub(crate) fn room_at(&self) -> usize {
        Self::TABLE + self.shape.table_len
    }

    /// Returns the end of the state that has a fixed place; the first part begins there or above.
    pub(crate) fn state_end(&self) -> usize {
        self.room_at() + Self::GEOMETRY.room(self.count())
    }
}
