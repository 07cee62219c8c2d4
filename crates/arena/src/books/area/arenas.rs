//! The vacant arenas of an area.

use crate::{
    books::{
        area::Books,
        arena::{Claim, Use, run_mask},
    },
    plan::geometry::{ARENAS, ArenaPlace, PARTITIONS, Partition},
};

impl Books {
    /// Takes the first arenas that meet a claim, if their books can be had.
    pub(crate) fn take_arenas(&mut self, claim: Claim) -> Option<ArenaPlace> {
        let Claim { partition, count, purpose, keep, warm } = claim;
        let taken = self.taken[partition.number()];
        if taken.count_zeros() < keep + count as u32 {
            return None;
        }
        let arena = |arena| ArenaPlace { partition, arena };
        let end = self.reach[partition.number()];
        let first = (0..=ARENAS - count)
            .take_while(|&first| !warm || arena(first).offset() < end)
            .filter(|&first| taken & run_mask(first, count) == 0)
            .find(|&first| !warm || self.arenas[arena(first).index()].dirty != 0)?;
        if !self.book_arenas(first + count) {
            return None;
        }
        (first..first + count).for_each(|first| self.take_arena(arena(first), purpose));
        Some(arena(first))
    }

    /// The arenas that may ever have been in use, in the order of their books.
    ///
    /// The books of others are seven pages, which a look at them would fault in.
    pub(super) fn booked(&self) -> impl DoubleEndedIterator<Item = ArenaPlace> + use<> {
        (0..self.tables.arenas_booked() * PARTITIONS).map(ArenaPlace::from_index)
    }

    /// Whether an arena is vacant.
    pub(crate) fn is_vacant(&self, place: ArenaPlace) -> bool {
        self.taken[place.partition.number()] & (1 << place.arena) == 0
    }

    /// Makes the books of all arenas usable whose number is below `end`; returns whether it could.
    pub(crate) fn book_arenas(&mut self, end: usize) -> bool {
        let start = self.start();
        self.tables.book_arenas(start, end)
    }

    /// Takes one vacant arena for a purpose, whose books are usable.
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
}
