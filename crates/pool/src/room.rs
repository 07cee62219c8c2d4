//! Which pools have room, one bit each, so that a spilled request finds the next without a walk.

use crate::{Mode, state::State};

/// The room bits of a heap whose mode spills.
///
/// A bit is set exactly while its pool has a free block or one never handed out.
pub(crate) struct Room<'a, 'h, M: Mode>(pub(crate) &'a State<'h, M>);

impl<M: Mode> Room<'_, '_, M> {
    fn byte(&self, index: usize) -> u8 {
        debug_assert!(index < State::<M>::GEOMETRY.room(self.0.count()));
        // SAFETY: the room bits stand in the heap, initialised [STATE-2: written].
        unsafe { self.0.at(self.0.room_at() + index).read() }
    }

    pub(crate) fn has(&self, pool: usize) -> bool {
        let index = self.0.index(pool);
        self.byte(index / 8) & (1 << (index % 8)) != 0
    }

    pub(crate) fn set(&self, pool: usize, room: bool) {
        let index = self.0.index(pool);
        let bit = 1 << (index % 8);
        let byte = self.byte(index / 8) & !bit | if room { bit } else { 0 };
        // SAFETY: as for `byte`; the bits are ours to write.
        unsafe { self.0.at(self.0.room_at() + index / 8).write(byte) };
    }

    /// Returns the next pool above this one that has room. At most 31 bytes are looked at.
    pub(crate) fn above(&self, pool: usize) -> Option<usize> {
        let from = self.0.index(pool) + 1;
        let bytes = State::<M>::GEOMETRY.room(self.0.count());
        let mut mask = 0xff_u8 << (from % 8);
        for index in from / 8..bytes {
            let found = self.byte(index) & mask;
            if found != 0 {
                // Bits beyond the last pool are set from the start.
                let next = index * 8 + found.trailing_zeros() as usize;
                return (next < self.0.count()).then_some(self.0.first() + next);
            }
            mask = 0xff;
        }
        None
    }
}
