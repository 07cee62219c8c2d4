//! Checks that a slab's book and bit map agree.

use crate::books::{
    broken::{Broken, expect},
    slab::Slab,
};

impl Slab<'_> {
    /// Checks the invariants of a segment that serves as a slab. O(words of the bit map).
    pub(crate) fn validate(&self) -> Result<(), Broken> {
        let segment = &*self.segment;
        let (carved, free) = (segment.carved as usize, segment.free as usize);
        let (whole, rest) = (carved / 64, carved % 64);
        let beyond = |(word, &bits): (usize, &u64)| match word {
            _ if word < whole => 0,
            _ if word == whole => bits >> rest,
            _ => bits,
        };
        let clear = self.bitmap.iter().enumerate().all(|word| beyond(word) == 0);
        expect(clear && carved <= self.shape.capacity as usize, "SEGMENT-1: carved")?;
        let set = self.bitmap.iter().map(|bits| bits.count_ones() as usize).sum::<usize>();
        expect(set == free && self.purged_at_most_free(), "SEGMENT-2: free")?;
        let below = &self.bitmap[..self.bitmap.len().min(segment.hint as usize)];
        expect(below.iter().all(|&bits| bits == 0), "SEGMENT-3: hint")?;
        expect(self.carved_bytes() <= segment.usable as usize, "SEGMENT-4: usable")?;
        expect(self.carved_bytes() <= segment.touched as usize, "SEGMENT-5: touched")
    }

    /// Whether a block starts at an address of the slab that was handed out and isn't free.
    pub(crate) fn is_out(&self, block: *mut u8) -> bool {
        let number = self.shape.block_at(block.addr() - self.base.addr());
        let free = self.bitmap[number / 64] & (1 << (number % 64)) != 0;
        self.shape.is_start(block) && number < self.segment.carved as usize && !free
    }

    fn purged_at_most_free(&self) -> bool {
        self.segment.purged <= self.segment.free * self.shape.block_size
    }
}

#[cfg(test)]
mod tests {
    use crate::{books::slab::tests::Fixture, plan::bins::Bin};

    /// A slab with free blocks, of which `harm` breaks an invariant.
    fn found(harm: impl Fn(&mut Fixture)) -> bool {
        let mut fixture = Fixture::new();
        let mut slots = [core::ptr::null_mut(); 200];
        assert_eq!(fixture.take(&mut slots), 200);
        assert_eq!(fixture.slab().give(&slots[70..90]), Ok(20));
        assert_eq!(fixture.slab().validate(), Ok(()));
        assert_eq!(fixture.segment.bin, Bin::NONE);
        harm(&mut fixture);
        fixture.slab().validate().is_err()
    }

    #[test]
    fn what_is_broken_is_found() {
        assert!(!found(|_| ()));
        assert!(found(|slab| slab.bitmap[3] |= 1 << 8), "a bit beyond the blocks carved");
        assert!(found(|slab| slab.bitmap[1] &= !(1 << 6)), "a bit lost");
        assert!(found(|slab| slab.segment.hint = 2), "a bit below the hint");
        assert!(found(|slab| slab.segment.usable = 199 * 1152), "a block beyond what is usable");
        assert!(found(|slab| slab.segment.touched = 199 * 1152), "a block beyond what was touched");
        assert!(found(|slab| slab.segment.purged = 21 * 1152), "more given back than is free");
        assert!(found(|slab| slab.segment.carved = 64 * 32 + 1), "more than its capacity");
    }
}
