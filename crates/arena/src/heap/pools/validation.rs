//! Checks that a heap's pools, figures and lists agree with its books.

use crate::{
    books::{
        area::Sums,
        broken::{Broken, expect},
        reference::SegmentRef,
        windows,
    },
    heap::{large::PAGE, pools::Pools},
    plan::bins::Bin,
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
        self.magazines.validate()?;
        self.validate_slabs(&sums)?;
        self.validate_arenas(&sums)?;
        expect(self.figures.dirty() == sums.dirty, "POOLS-4: dirty")?;
        expect(self.figures.used() == sums.small + sums.pages * PAGE, "POOLS-5: used")?;
        expect(self.figures.held() <= self.grant.bytes(), "POOLS-6: granted")
    }

    /// Whether a block of a bin starts at an address and isn't free. O(1).
    ///
    /// # Safety
    ///
    /// The address lies in an area of this heap.
    pub(crate) unsafe fn is_out(&mut self, block: *mut u8, bin: Bin) -> bool {
        // SAFETY: the address lies in an area of this heap, by this function's contract.
        let Some(segment) = (unsafe { SegmentRef::containing(block) }) else { return false };
        self.segment(segment).bin == bin
            && self.slab_of(segment).is_some_and(|slab| slab.is_out(block))
    }

    fn validate_slabs(&mut self, sums: &Sums) -> Result<(), Broken> {
        let (mut listed, mut unlisted, mut live) = (0, 0, 0);
        for bin in Bin::all() {
            // SAFETY: [POOLS-1: areas] listed books are touched only through these pools, which are borrowed mutably.
            listed += unsafe { self.slabs[bin.index()].validate(bin) }?;
            live += self.tallies.live(bin) * bin.shape().block_size as usize;
            if let Some(slab) = self.current_slab(bin) {
                expect(!slab.segment.listed, "POOLS-2: slabs")?;
                unlisted += usize::from(slab.segment.free != 0);
            }
        }
        expect(unlisted == sums.unlisted, "POOLS-2: slabs")?;
        expect(listed == sums.slabs, "SLAB_LIST-1: listed")?;
        expect(live == sums.small, "POOLS-5: used")
    }

    fn validate_arenas(&mut self, sums: &Sums) -> Result<(), Broken> {
        let mut listed = 0;
        for index in &self.arenas {
            // SAFETY: [POOLS-1: areas] listed books are touched only through these pools, which are borrowed mutably.
            listed += unsafe { index.validate() }?;
        }
        expect(listed == sums.arenas, "POOLS-3: arenas")
    }
}
