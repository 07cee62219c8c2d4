//! The vacant arenas of an area.

use crate::{
    books::{
        area::Books,
        arena::{Claim, Use, run_mask, run_starts},
    },
    plan::geometry::{ArenaPlace, PARTITIONS, Partition},
};

impl Books {
    /// The first vacant arenas that meet a claim, or those of them whose warm memory is nearest to what it wants; with the
    /// bytes by which it differs.
    pub(crate) fn find_arenas(&self, claim: Claim) -> Option<(usize, ArenaPlace)> {
        let Claim { partition, count, keep, warm, .. } = claim;
        let taken = self.taken[partition.number()];
        if taken.count_zeros() < keep + count as u32 {
            return None;
        }
        let arena = |arena| ArenaPlace { partition, arena };
        let mut starts = run_starts(!taken, count);
        let Some(wanted) = warm else {
            return (starts != 0).then(|| (0, arena(starts.trailing_zeros() as usize)));
        };
        starts &= self.reached(partition);
        let mut best: Option<(usize, usize)> = None;
        while starts != 0 {
            let first = starts.trailing_zeros() as usize;
            starts &= starts - 1;
            let dirty = |first| self.arenas[arena(first).index()].dirty.count_ones() as usize;
            if dirty(first) != 0 {
                let warm: usize = (first..first + count).map(dirty).sum();
                let misfit = (warm * partition.segment_size()).abs_diff(wanted);
                best = best.filter(|&(least, _)| least <= misfit).or(Some((misfit, first)));
            }
        }
        best.map(|(misfit, first)| (misfit, arena(first)))
    }

    /// The arenas of a partition that begin where there is usable memory, or before some.
    fn reached(&self, partition: Partition) -> u64 {
        let bytes = self.reach[partition.number()].saturating_sub(partition.offset());
        let count = bytes.div_ceil(partition.arena_size());
        if count == 0 { 0 } else { run_mask(0, count) }
    }

    /// Takes the arenas that [`find_arenas`](Self::find_arenas) found for a claim, if their books can be had; returns
    /// whether they could.
    pub(crate) fn take_arenas(&mut self, found: ArenaPlace, claim: Claim) -> bool {
        let ArenaPlace { partition, arena: first } = found;
        let end = first + claim.count;
        let booked = self.book_arenas(end);
        if booked {
            let arena = |arena| ArenaPlace { partition, arena };
            (first..end).for_each(|first| self.take_arena(arena(first), claim.purpose));
        }
        booked
    }

    /// The arenas that may ever have been in use, in the order of their books.
    ///
    /// The books of others are seven pages, which a look at them would fault in.
    pub(crate) fn booked(&self) -> impl DoubleEndedIterator<Item = ArenaPlace> + use<> {
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
