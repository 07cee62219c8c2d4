//! Where things are in a heap.

use crate::plan::Plan;

/// The places and sizes of what a heap holds. They never change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// The bytes from the origin to the heap's end.
    pub(super) reach: usize,
    /// The offset from which parts are taken to be equal, and the bytes from there to the end of the last.
    pub(super) begin: usize,
    pub(super) span: usize,
    /// The number of pools by the bytes of all parts, in units of 2 to the -32: where parts are equal, a byte's
    /// distance from the first part times this is the number of its pool.
    pub(super) density: u32,
    pub(super) table_len: usize,
    pub(super) align: usize,
    pub(super) count: u8,
    /// The alignment is 2 to this.
    pub(super) shift: u8,
}

impl Shape {
    /// Returns the shape of a heap of `size` bytes that a plan divides into blocks of this alignment, with records of
    /// `record` bytes.
    pub(super) fn new(plan: &Plan<'_>, size: usize, align: usize, record: usize) -> Self {
        let before = record * plan.pools;
        let (begin, end) = plan.extent();
        let density = ((plan.pools as u64) << 32) / (end - begin) as u64;
        Self {
            reach: size - before,
            begin: begin - before,
            span: end - begin,
            density: u32::try_from(density).unwrap_or(u32::MAX),
            table_len: plan.table,
            align,
            count: plan.pools as u8,
            shift: align.trailing_zeros() as u8,
        }
    }

    /// Returns where a part would begin if all were equal.
    pub(super) fn equal_begin(&self, index: usize) -> usize {
        self.begin + (self.span as u64 * index as u64 / u64::from(self.count)) as usize
    }

    /// Takes all parts to begin so many bytes further up.
    pub(super) fn move_up(&mut self, bytes: usize) {
        self.begin += bytes;
        self.span -= bytes;
    }
}
