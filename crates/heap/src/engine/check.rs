//! The check that a heap's books agree with each other, and with what its blocks say.

use crate::{
    corruption::{Corruption, Problem},
    engine::{
        Engine,
        walk::{Step, Steps},
    },
    free::Free,
    memory::load,
    policy::Policy,
    quick::Quick,
    region::Region,
};

impl<P: Policy> Engine<P> {
    /// Holds the tags, the free blocks' bodies and the lists against each other.
    pub(crate) fn check(&self) -> Result<(), Corruption> {
        self.check_quick()?;
        let mut free = 0;
        let mut table = self.tables;
        while !table.is_none() {
            free += self.check_region(table.region())?;
            table = table.next();
        }
        let listed = self.bins.count() + usize::from(self.top.size != 0);
        if free == listed {
            return Ok(());
        }
        Err(Corruption { address: self.tables.region().start(), problem: Problem::Lists })
    }

    /// Returns the number of free blocks in a region.
    fn check_region(&self, region: Region<P>) -> Result<usize, Corruption> {
        let mut free = 0;
        let mut after_free = false;
        for step in Steps::of(region) {
            self.check_step(region, &step, after_free)
                .map_err(|problem| Corruption { address: step.start, problem })?;
            free += usize::from(step.is_free);
            after_free = step.is_free;
        }
        Ok(free)
    }

    fn check_step(&self, region: Region<P>, step: &Step, after_free: bool) -> Result<(), Problem> {
        if step.size < Self::MIN {
            return Err(Problem::Short);
        }
        if step.size > region.end() - step.start {
            return Err(Problem::Overrun);
        }
        if step.is_free && after_free {
            return Err(Problem::Uncoalesced);
        }
        let block = Free { address: step.start, size: step.size };
        // SAFETY: the block lies in the region; the step was found free.
        if step.is_free && block != self.top && !unsafe { self.bins.is_intact(block) } {
            return Err(Problem::Length);
        }
        Ok(())
    }

    /// Holds the quick lists against the tags, and against the count of what waits, which bounds the
    /// way along a list that leads back into itself.
    fn check_quick(&self) -> Result<(), Corruption> {
        let mut left = self.quick.waiting();
        for (len, first) in self.quick.heads().into_iter().enumerate() {
            let (mut holder, mut address) = (first, first);
            while address != 0 {
                let fault = Corruption { address: holder, problem: Problem::Quick };
                left = left.checked_sub(Quick::<P>::charge(len)).ok_or(fault)?;
                if self.tagged_len(address) != Some(len) {
                    return Err(fault);
                }
                holder = address;
                // SAFETY: by its tags it is a block of the heap, so it holds a word.
                address = unsafe { load(address) };
            }
        }
        Ok(())
    }
}
