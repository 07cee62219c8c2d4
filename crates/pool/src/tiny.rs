//! Blocks of one byte, which can't hold the offset of another (S0.8).
//!
//! They are kept in rows of 256, where one byte links any to any. A row's last free block links to
//! itself. Rows with free blocks form a stack, through two bytes of the row:
//!
//! ```text
//! row:  | first free block | next row | live bits (where checked) |      256 blocks elsewhere
//!         1 byte             2 bytes    32 bytes
//! ```

use core::ptr::NonNull;

use crate::{
    Mode, Word,
    geometry::ROW_BLOCKS,
    state::{Record, State},
};

/// The `next` of a row that has no free block, and so isn't on the stack. Rows are numbered from
/// one, up to 256.
const FULL: u16 = u16::MAX;

/// Rows of a pool of one-byte blocks. `record.free` is the number of the top row, or zero.
pub(crate) struct Rows<'a, 'h, M: Mode> {
    pub(crate) state: &'a State<'h, M>,
    pub(crate) record: &'a Record<M>,
    pub(crate) high: usize,
}

impl<M: Mode> Rows<'_, '_, M> {
    /// The offset of a block.
    pub(crate) fn offset(&self, block: usize) -> usize {
        self.high - block - 1
    }

    fn row(&self, row: usize) -> NonNull<u8> {
        self.state.at(self.record.low.get() + row * State::<M>::GEOMETRY.row())
    }

    /// The row on the stack below this one, [`FULL`] if the row isn't on it.
    ///
    /// # Safety
    ///
    /// A block of this row was handed out before.
    unsafe fn next(&self, row: usize) -> u16 {
        // SAFETY: the row's bytes lie among the pool's books [S3: nested], written by `begin`.
        unsafe { self.row(row).add(1).cast().read_unaligned() }
    }

    /// # Safety
    ///
    /// The pool has this row.
    unsafe fn set_next(&self, row: usize, next: u16) {
        // SAFETY: the row's bytes lie among the pool's books [S3: nested].
        unsafe { self.row(row).add(1).cast().write_unaligned(next) };
    }

    /// Begins the row of a block that is handed out for the first time.
    ///
    /// # Safety
    ///
    /// `block` is the first that was never handed out, and there is one.
    pub(crate) unsafe fn begin(&self, block: usize) {
        if block.is_multiple_of(ROW_BLOCKS) {
            // SAFETY: a pool that has the block has its row.
            unsafe { self.set_next(block / ROW_BLOCKS, FULL) };
        }
    }

    /// The number of the block that `pop` would take.
    ///
    /// # Safety
    ///
    /// `record.free` isn't zero.
    pub(crate) unsafe fn first(&self) -> usize {
        let row = self.record.free.get().get() - 1;
        // SAFETY: the row is on the stack, so its first free block is written.
        row * ROW_BLOCKS + usize::from(unsafe { self.row(row).read() })
    }

    /// Takes the first free block of the top row.
    ///
    /// # Safety
    ///
    /// `record.free` isn't zero, and no free block was written to.
    pub(crate) unsafe fn pop(&self) {
        // SAFETY: the caller's promise.
        let block = unsafe { self.first() };
        let row = block / ROW_BLOCKS;
        // SAFETY: the block is free, so the byte is its link [S6: listed]; the row is on the stack.
        unsafe {
            let link = self.state.at(self.offset(block)).read();
            if usize::from(link) == block % ROW_BLOCKS {
                self.record.free.set(M::Word::wrap(usize::from(self.next(row))));
                self.set_next(row, FULL);
            } else {
                self.row(row).write(link);
            }
        }
    }

    /// Puts a block back.
    ///
    /// # Safety
    ///
    /// The block was handed out, and nobody uses it.
    pub(crate) unsafe fn push(&self, block: usize) {
        let (row, own) = (block / ROW_BLOCKS, (block % ROW_BLOCKS) as u8);
        // SAFETY: the block was handed out, so its row has begun; its byte is ours to write.
        unsafe {
            let link = if self.next(row) == FULL {
                self.set_next(row, self.record.free.get().get() as u16);
                self.record.free.set(M::Word::wrap(row + 1));
                own
            } else {
                self.row(row).read()
            };
            self.state.at(self.offset(block)).write(link);
            self.row(row).write(own);
        }
    }

    /// The free blocks of all rows on the stack; `None` if there are more than `touched`, or a link
    /// leads beyond those.
    pub(crate) fn count_free(&self, touched: usize) -> Option<usize> {
        let mut free = 0;
        let mut top = self.record.free.get().get();
        while top != 0 {
            let row = top - 1;
            if row * ROW_BLOCKS >= touched {
                return None;
            }
            // SAFETY: the row has begun, for one of its blocks was handed out.
            let (mut own, next) = unsafe { (self.row(row).read(), self.next(row)) };
            loop {
                let block = row * ROW_BLOCKS + usize::from(own);
                free += 1;
                if block >= touched || free > touched {
                    return None;
                }
                // SAFETY: the block was handed out, and by its row it is free.
                let link = unsafe { self.state.at(self.offset(block)).read() };
                if link == own {
                    break;
                }
                own = link;
            }
            top = usize::from(next);
        }
        Some(free)
    }
}
