//! Blocks of one byte, which can't hold the offset of another (S0.8).
//!
//! They are kept in rows of 256, where one byte links any to any. A row's last free block links to
//! itself. Rows with free blocks form a stack, through two bytes of the row:
//!
//! ```text
//! part: | top row | fresh | row 0 | row 1 | …                 … | row 1's blocks | row 0's blocks |
//!         2 bytes  2 bytes
//! row:  | first free block | next row | live bits (where checked) |
//!         1 byte             2 bytes    32 bytes
//! ```

use core::ptr::NonNull;

use crate::{
    FreeError, Mode, Word,
    geometry::{ROW_BLOCKS, ROW_LINKS, ROWS_HEAD},
    mode::{Guard, Tally},
    state::State,
};

/// The `next` of a row that has no free block, and so isn't on the stack. Rows are numbered from
/// one, up to 256; zero is the bottom of the stack.
const FULL: u16 = u16::MAX;

/// The rows of a tiny pool, which is the first if there is one.
///
/// # Invariants
///
/// - [ROWS-1: begun] The head is initialised, and the links of each row that has one of the first
///   `fresh` blocks, and the live bits of those blocks.
/// - [ROWS-2: stacked] A row is on the stack, once, exactly if it has a free block among the first
///   `fresh`; its free blocks form a list by their one byte.
pub(crate) struct Rows<'a, 'h, M: Mode> {
    state: &'a State<'h, M>,
    pool: usize,
}

impl<'a, 'h, M: Mode> Rows<'a, 'h, M> {
    /// Returns the rows of the first pool, if its blocks are tiny.
    pub(crate) fn of(state: &'a State<'h, M>) -> Option<Self> {
        let pool = state.first();
        State::<M>::GEOMETRY.is_tiny(state.record(pool).size.get()).then_some(Self { state, pool })
    }

    /// Returns the rows of this pool, if its blocks are tiny.
    pub(crate) fn of_pool(state: &'a State<'h, M>, pool: usize) -> Option<Self> {
        Self::of(state).filter(|rows| rows.pool == pool)
    }

    /// Writes the head.
    pub(crate) fn write(&self) {
        self.set_top(0);
        self.set_fresh(0);
    }

    fn head(&self, index: usize) -> NonNull<u16> {
        self.state.at(self.state.low(self.pool) + 2 * index).cast()
    }

    fn top(&self) -> usize {
        // SAFETY: the head lies among the pool's books [STATE-3: nested], initialised [ROWS-1: begun].
        usize::from(unsafe { self.head(0).read_unaligned() })
    }

    fn set_top(&self, top: u16) {
        // SAFETY: the head lies among the pool's books [STATE-3: nested].
        unsafe { self.head(0).write_unaligned(top) };
    }

    /// Blocks handed out at least once.
    pub(crate) fn fresh(&self) -> usize {
        // SAFETY: as for `top`.
        usize::from(unsafe { self.head(1).read_unaligned() })
    }

    fn set_fresh(&self, fresh: usize) {
        // SAFETY: as for `set_top`. A pool has fewer blocks than 2 to the 16.
        unsafe { self.head(1).write_unaligned(fresh as u16) };
    }

    fn at(&self, row: usize) -> usize {
        self.state.low(self.pool) + ROWS_HEAD + row * State::<M>::GEOMETRY.row()
    }

    fn first(&self, row: usize) -> NonNull<u8> {
        self.state.at(self.at(row))
    }

    fn next(&self, row: usize) -> NonNull<u16> {
        self.state.at(self.at(row) + 1).cast()
    }

    fn live_bits(&self, row: usize) -> usize {
        self.at(row) + ROW_LINKS
    }

    fn block(&self, number: usize) -> NonNull<u8> {
        self.state.at(self.state.end(self.pool) - 1 - number)
    }

    /// Returns the number of the block at this offset, if it was handed out at least once.
    pub(crate) fn number(&self, offset: usize) -> Option<usize> {
        let number = (self.state.end(self.pool) - 1).wrapping_sub(offset);
        (number < self.fresh()).then_some(number)
    }

    /// Returns whether a block is live, as far as is known.
    ///
    /// # Safety
    ///
    /// `number` is below `fresh`.
    pub(crate) unsafe fn is_live(&self, number: usize) -> bool {
        let books = self.live_bits(number / ROW_BLOCKS);
        // SAFETY: the number is below `fresh`, so the row has begun [ROWS-1: begun].
        !M::Guard::<M::Word>::ON || unsafe { self.state.is_live(books, number % ROW_BLOCKS) }
    }

    /// Takes a block: a free one, or else one that was never handed out. An error says that a free
    /// block was written to.
    pub(crate) fn take(&self) -> Result<Option<NonNull<u8>>, ()> {
        let number = match self.top() {
            0 if !self.has_fresh() => return Ok(None),
            0 => self.begin(),
            // SAFETY: the row is on the stack, so it has begun.
            top => unsafe { self.pop(top - 1) }?,
        };
        self.state.record(self.pool).tally.allocated();
        Ok(Some(self.block(number)))
    }

    /// Returns whether there are blocks that were never handed out.
    pub(crate) fn has_fresh(&self) -> bool {
        State::<M>::GEOMETRY.cost(1, self.fresh() + 1) <= self.state.span(self.pool)
    }

    fn begin(&self) -> usize {
        let number = self.fresh();
        let (row, own) = (number / ROW_BLOCKS, number % ROW_BLOCKS);
        if own == 0 {
            // SAFETY: a pool that has the block has its row [STATE-3: nested].
            unsafe { self.next(row).write_unaligned(FULL) };
        }
        if M::Guard::<M::Word>::ON {
            // SAFETY: as above; those before it in the row were handed out.
            unsafe { self.state.begin_live(self.live_bits(row), own) };
        }
        self.set_fresh(number + 1);
        number
    }

    /// Takes the first free block of the top row.
    ///
    /// # Safety
    ///
    /// This is the top row.
    unsafe fn pop(&self, row: usize) -> Result<usize, ()> {
        // SAFETY: the row has begun [ROWS-1: begun], and its first block is free [ROWS-2: stacked]; where
        // there are live bits that is tested, for its user may have written to it.
        unsafe {
            let first = self.first(row).read();
            let (own, number) = (usize::from(first), row * ROW_BLOCKS + usize::from(first));
            if M::Guard::<M::Word>::ON
                && (number >= self.fresh() || !self.state.set_live(self.live_bits(row), own, true))
            {
                return Err(());
            }
            let link = self.block(number).read();
            if link == first {
                self.set_top(self.next(row).read_unaligned());
                self.next(row).write_unaligned(FULL);
            } else {
                self.first(row).write(link);
            }
            Ok(number)
        }
    }

    /// Puts a block back.
    ///
    /// # Safety
    ///
    /// `number` is below `fresh`, and if the block is live nobody uses it.
    pub(crate) unsafe fn give(&self, number: usize) -> Result<(), FreeError> {
        let (row, own) = (number / ROW_BLOCKS, number % ROW_BLOCKS);
        // SAFETY: the row has begun [ROWS-1: begun], and the block's byte is ours to write.
        unsafe {
            if M::Guard::<M::Word>::ON && !self.state.set_live(self.live_bits(row), own, false) {
                return Err(FreeError::NotInUse);
            }
            let link = if self.next(row).read_unaligned() == FULL {
                self.next(row).write_unaligned(self.top() as u16);
                self.set_top(row as u16 + 1);
                own as u8
            } else {
                self.first(row).read()
            };
            self.block(number).write(link);
            self.first(row).write(own as u8);
        }
        self.state.record(self.pool).tally.deallocated();
        Ok(())
    }

    /// Returns the free blocks of all rows on the stack; `None` if a link leads beyond those handed out, or
    /// there is no end.
    pub(crate) fn count_free(&self) -> Option<usize> {
        let (mut free, mut top) = (0, self.top());
        while top != 0 {
            let row = top - 1;
            if row * ROW_BLOCKS >= self.fresh() {
                return None;
            }
            free = self.count_free_of(row, free)?;
            // SAFETY: the row has begun [ROWS-1: begun].
            top = usize::from(unsafe { self.next(row).read_unaligned() });
        }
        Some(free)
    }

    /// Adds the free blocks of a row that is on the stack to `free`.
    fn count_free_of(&self, row: usize, mut free: usize) -> Option<usize> {
        // SAFETY: the row has begun [ROWS-1: begun].
        let mut own = unsafe { self.first(row).read() };
        loop {
            let number = row * ROW_BLOCKS + usize::from(own);
            free += 1;
            if number >= self.fresh() || free > self.fresh() {
                return None;
            }
            // SAFETY: the block was handed out, and by its row it is free.
            let link = unsafe { self.block(number).read() };
            if link == own {
                return Some(free);
            }
            own = link;
        }
    }
}
