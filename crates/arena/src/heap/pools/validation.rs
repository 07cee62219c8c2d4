//! Whether a heap's pools, figures and lists agree with its books.

use crate::{
    books::{
        area::Sums,
        broken::{Broken, expect},
        reference::SegmentRef,
        windows,
    },
    heap::{large::PAGE, pools::Pools},
    plan::{bins::Bin, geometry::Partition},
};

impl Pools {
    /// Checks the invariants of the pools and of all books behind them, while nobody visits the heap.
    ///
    /// O(tiles of arenas in use).
    pub(crate) fn validate(&mut self) -> Result<(), Broken> {
        let mut sums = Sums::default();
        for area in self.areas() {
            expect(windows::owner_of(area) == self.owner, "POOLS-1: areas")?;
            self.books(area).validate(&mut sums)?;
        }
        self.validate_slabs(&sums)?;
        self.validate_arenas(&sums)?;
        expect(self.figures.dirty() == sums.dirty, "POOLS-4: dirty")?;
        expect(self.figures.used() == sums.small + sums.pages * PAGE, "POOLS-5: used")?;
        expect(self.figures.held() <= self.grant.bytes(), "POOLS-6: granted")
    }

    /// Whether an address is that of a block of a bin which isn't free. O(1).
    ///
    /// # Safety
    ///
    /// It lies in an area of this heap.
    pub(crate) unsafe fn is_out(&mut self, block: *mut u8, bin: Bin) -> bool {
        // SAFETY: the caller's promise is the same.
        let Some(segment) = (unsafe { SegmentRef::containing(block) }) else { return false };
        if self.segment(segment).bin != bin {
            return false;
        }
        // SAFETY: the segment's book says that it serves this bin.
        unsafe { self.slab(block, bin) }.is_out(block)
    }

    fn validate_slabs(&mut self, sums: &Sums) -> Result<(), Broken> {
        let (mut listed, mut unlisted, mut live) = (0, 0, 0);
        for bin in Bin::all() {
            // SAFETY: the books of slabs, all of which are in hand.
            listed += unsafe { self.slabs[bin.index()].validate(bin) }?;
            live += self.tallies.live(bin) * bin.shape().block_size as usize;
            let start = self.current[bin.index()];
            if !start.is_null() {
                // SAFETY: [POOLS-2: slabs] it is a slab of the bin.
                let slab = unsafe { self.slab(start, bin) };
                expect(!slab.segment.listed, "POOLS-2: slabs")?;
                unlisted += usize::from(slab.segment.free != 0);
            }
        }
        expect(unlisted == sums.unlisted, "POOLS-2: slabs")?;
        expect(listed == sums.slabs, "SLAB_LIST-1: listed")?;
        expect(live == sums.small, "POOLS-5: used")
    }

    fn validate_arenas(&self, sums: &Sums) -> Result<(), Broken> {
        let mut listed = 0;
        for partition in Partition::all() {
            // SAFETY: the books of arenas, all of which are in hand.
            listed += unsafe { self.arenas[partition.number()].validate() }?;
        }
        expect(listed == sums.arenas, "POOLS-3: arenas")
    }
}
