//! The state inside the heap, and the only code that reads or writes it.

use core::{cell::Cell, marker::PhantomData, mem::MaybeUninit, ptr::NonNull};

use crate::{
    Config, ConfigError, Mode, Word,
    geometry::Geometry,
    mode::{Guard, Spill, Tally},
    plan::Plan,
    tiny::Rows,
};

/// The state of one pool.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Record<M: Mode> {
    /// The last byte before its part of the heap; the next record has the last byte of it. (Where
    /// the part ends may be one more than the word holds.)
    pub(crate) below: M::Word,
    /// The size of its blocks.
    pub(crate) size: M::Word,
    /// The link to the first free block, or zero. In a tiny pool always zero.
    pub(crate) free: Cell<M::Word>,
    /// Blocks handed out at least once: those below them were never touched. In a tiny pool always
    /// zero, so that whatever asks for its blocks takes the slow way, to [`crate::tiny`].
    pub(crate) fresh: Cell<M::Word>,
    pub(crate) guard: M::Guard<M::Word>,
    pub(crate) tally: M::Tally<M::Word>,
    pub(crate) spill: M::Spill<M::Word>,
}

/// A heap that holds pools. Offsets are bytes from its first.
///
/// ```text
/// | record 0 … record N-1 | last byte | room | table | part of pool 0 | … | part of pool N-1 |
///
/// a part, from its first byte up:  the live bits of its blocks, or a tiny pool's rows
///         from its last byte down: the blocks; those never used lie lowest
/// ```
///
/// A *link* is a block's offset. Where there are live bits it is the block's number plus one,
/// blocks being numbered from the last byte down: what is needed to find the bit.
///
/// # Invariants
///
/// - `[S1: ours]` `size` bytes from `heap` belong to this value alone while `'h` lasts, and `heap`
///   is aligned to the records and to the blocks.
/// - `[S2: written]` The `count` records, the last byte's offset, the room bits and the table lie at
///   the heap's start, in this order, and are initialised; `below`, `size` and `guard` never change.
/// - `[S3: nested]` The parts lie behind the table, in order; a pool's blocks and books fit into its
///   part, and don't meet.
/// - `[S4: table]` Each of the table's entries is less than `count`.
/// - `[S5: lazy]` The books of a pool's first `fresh` blocks are initialised, and none beyond.
/// - `[S6: listed]` Each free block among the first `fresh` is on the free list, once; a link leads
///   to such a block, or is zero. The user breaks this by writing to a block that he gave back.
pub(crate) struct State<'h, M: Mode> {
    heap: NonNull<u8>,
    table: NonNull<u8>,
    shape: Shape,
    owner: PhantomData<(&'h mut [MaybeUninit<u8>], M)>,
}

/// Where things are in a heap. It never changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    size: usize,
    table_at: usize,
    table_len: usize,
    align: usize,
    count: u8,
    /// The alignment is 2 to this.
    shift: u8,
}

impl<'h, M: Mode> State<'h, M> {
    pub(crate) const GEOMETRY: Geometry = Geometry::of::<M>();

    /// Writes the state of `config` to the heap; on failure the heap is as it was.
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
        let shape = Shape {
            size: heap.len(),
            table_at: Self::GEOMETRY.state(plan.pools),
            table_len: plan.table,
            align: config.align,
            count: plan.pools as u8,
            shift: config.align.trailing_zeros() as u8,
        };
        // SAFETY: the heap is the caller's for `'h`; the state follows.
        let state = unsafe { Self::attach(NonNull::from(heap).cast(), shape) };
        state.write(plan)?;
        Ok(state)
    }

    /// Where things are in this heap.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// A heap whose state was written before.
    ///
    /// # Safety
    ///
    /// `heap` leads to the bytes to which [`new`](Self::new) of the same mode wrote the state of
    /// this shape, and they are the caller's alone while `'h` lasts.
    pub(crate) unsafe fn attach(heap: NonNull<u8>, shape: Shape) -> Self {
        // SAFETY: the table lies within the heap.
        let table = unsafe { heap.add(shape.table_at) };
        Self { heap, table, shape, owner: PhantomData }
    }

    fn write(&self, mut plan: Plan<'_>) -> Result<(), ConfigError> {
        let mut last = None;
        while plan.has_next() {
            let slot = plan.next_slot()?;
            let size = M::Word::wrap(slot.stride);
            let record = Record::<M> {
                below: M::Word::wrap(slot.low - 1),
                size,
                free: Cell::new(M::Word::wrap(0)),
                fresh: Cell::new(M::Word::wrap(0)),
                guard: M::Guard::new(size),
                tally: M::Tally::new(),
                spill: M::Spill::new(),
            };
            // SAFETY: the plan has found room for all records at the heap's start [S1: ours].
            unsafe { self.records().add(slot.index).write(record) };
            last = last.or(Some(slot.high - 1));
        }
        let last = M::Word::wrap(last.unwrap_or_default());
        // SAFETY: as above, for the word behind the records, and the room bits behind it.
        unsafe {
            self.records().add(self.count()).cast::<M::Word>().write(last);
            let room = Self::GEOMETRY.room(self.count());
            self.at(self.room_at()).write_bytes(0xff, room);
        }
        self.write_table();
        if let Some(rows) = Rows::of(self) {
            rows.write();
        }
        Ok(())
    }

    fn write_table(&self) {
        let mut pool = 0;
        for step in 0..self.shape.table_len {
            // The largest size of this step; the table ends with the largest pool at the latest.
            while self.record(pool).size.get() < (step + 1) << self.shape.shift {
                pool += 1;
            }
            // SAFETY: the plan has found room for the table behind the rest of the state.
            unsafe { self.table.add(step).write(pool as u8) };
        }
    }

    /// The number of pools.
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        usize::from(self.shape.count)
    }

    /// The heap's size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.shape.size
    }

    /// The alignment of every block in bytes.
    #[inline(always)]
    pub(crate) fn align(&self) -> usize {
        self.shape.align
    }

    /// The offset of a pointer that may be foreign: then it is at least the heap's size, or lies in
    /// no block.
    #[inline(always)]
    pub(crate) fn offset_of(&self, pointer: NonNull<u8>) -> usize {
        pointer.addr().get().wrapping_sub(self.heap.addr().get())
    }

    /// The address of an offset within the heap.
    #[inline(always)]
    pub(crate) fn at(&self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset < self.shape.size);
        // SAFETY: all callers keep to the heap's size, so this stays within the heap [S1: ours].
        unsafe { self.heap.add(offset) }
    }

    fn records(&self) -> NonNull<Record<M>> {
        self.heap.cast()
    }

    /// All records, in the order of their block sizes and of their places.
    #[inline(always)]
    pub(crate) fn all(&self) -> &[Record<M>] {
        // SAFETY: they are there, aligned [S1: ours], and initialised [S2: written].
        unsafe { NonNull::slice_from_raw_parts(self.records(), self.count()).as_ref() }
    }

    /// The record of a pool.
    #[inline(always)]
    pub(crate) fn record(&self, pool: usize) -> &Record<M> {
        debug_assert!(pool < self.count());
        // SAFETY: as for `all`; every pool index comes from the table [S4: table], from a search of
        // the records, or from a loop over them.
        unsafe { self.records().add(pool).as_ref() }
    }

    /// The first byte of a pool's part of the heap.
    #[inline(always)]
    pub(crate) fn low(&self, pool: usize) -> usize {
        self.record(pool).below.get() + 1
    }

    /// The last byte of a pool's part of the heap.
    #[inline(always)]
    pub(crate) fn last(&self, pool: usize) -> usize {
        debug_assert!(pool < self.count());
        // SAFETY: behind each record stands the next one, which begins with `below`, or the last
        // byte's offset [S2: written].
        unsafe { self.records().add(pool + 1).cast::<M::Word>().read() }.get()
    }

    /// The bytes of a pool's part of the heap.
    pub(crate) fn span(&self, pool: usize) -> usize {
        self.last(pool) - self.record(pool).below.get()
    }

    /// The pool of the smallest blocks that hold `size` bytes, from the table alone.
    #[inline(always)]
    pub(crate) fn table(&self, size: usize) -> Option<usize> {
        let step = size.wrapping_sub(1) >> self.shape.shift;
        if step < self.shape.table_len {
            // SAFETY: the table has so many entries, initialised [S2: written].
            let pool = unsafe { self.table.add(step).read() };
            Some(usize::from(pool))
        } else {
            None
        }
    }

    /// The link in a free block.
    ///
    /// # Safety
    ///
    /// A free block that holds a link begins at `offset`.
    #[inline(always)]
    pub(crate) unsafe fn link(&self, offset: usize) -> M::Word {
        // SAFETY: the block lies in the heap [S3: nested], and its link was written when it was
        // freed [S6: listed]. Packed blocks aren't aligned.
        unsafe { self.at(offset).cast().read_unaligned() }
    }

    /// Writes a link into a free block.
    ///
    /// # Safety
    ///
    /// A block that is at least as large as a link begins at `offset`, and nobody uses it.
    #[inline(always)]
    pub(crate) unsafe fn set_link(&self, offset: usize, link: M::Word) {
        // SAFETY: the block lies in the heap [S3: nested] and is the caller's to write.
        unsafe { self.at(offset).cast().write_unaligned(link) }
    }

    /// Whether the bit of a block is set, in books of live bits that begin at `books`.
    ///
    /// # Safety
    ///
    /// The block's bit is there, and initialised.
    #[inline(always)]
    pub(crate) unsafe fn is_live(&self, books: usize, block: usize) -> bool {
        // SAFETY: the byte lies among a pool's books [S3: nested], initialised.
        unsafe { self.at(books + block / 8).read() & (1 << (block % 8)) != 0 }
    }

    /// Flips the bit of a block if it is as expected, and says so.
    ///
    /// # Safety
    ///
    /// As for [`is_live`](Self::is_live).
    #[inline(always)]
    pub(crate) unsafe fn flip_live(&self, books: usize, block: usize, expected: bool) -> bool {
        let byte = self.at(books + block / 8);
        // SAFETY: as for `is_live`; the books are ours to write.
        unsafe {
            // Wider than the byte: processors shift words.
            let bits = u32::from(byte.read());
            let flipped = bits ^ (1 << (block % 8));
            // Clearing a bit makes the number smaller: a test of the bit without a second mask.
            if (flipped < bits) != expected {
                return false;
            }
            byte.write(flipped as u8);
        }
        true
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
        // SAFETY: the byte lies among a pool's books [S3: nested]; all but its first block found it
        // initialised [S5: lazy].
        unsafe { byte.write(if bit == 1 { bit } else { byte.read() | bit }) };
    }

    /// The offset of the bits that say which pools have room; see [`crate::room`].
    pub(crate) fn room_at(&self) -> usize {
        self.shape.table_at - Self::GEOMETRY.room(self.count())
    }
}
