//! Sampled blocks: which are live, and the sites at which they were allocated.

mod live;
mod sites;

pub(crate) use crate::books::samples::sites::Site;
use crate::{
    books::{
        broken::{Broken, expect},
        samples::{live::Live, sites::Sites},
    },
    policy::sampling::Weight,
    sys::paged::PagedVec,
};

/// The live samples, the sites, and their sums. Their memory is their own, and is never given back.
///
/// # Invariants
///
/// - [SAMPLES-1: live] Each site's `live` is the sum over the live samples that name it, and `live` that over all
///   sites.
/// - [SAMPLES-2: peak] `peak` is the `live` with the most bytes so far, which was that of moment `peaks`.
///   [`Site::at_peak`] is what a site had live at that moment.
pub(crate) struct Samples {
    blocks: Live,
    sites: Sites,
    live: Weight,
    peak: Weight,
    /// The number of times that there were more live bytes than ever before.
    peaks: u64,
    allocated: Weight,
    /// The number of samples for which there was no memory.
    lost: u64,
}

/// A copy of the sites and the sums, of one moment.
pub(crate) struct Copy {
    pub(crate) sites: PagedVec<Site>,
    pub(crate) traces: PagedVec<usize>,
    pub(crate) live: Weight,
    pub(crate) peak: Weight,
    pub(crate) peaks: u64,
    pub(crate) allocated: Weight,
    pub(crate) lost: u64,
}

impl Samples {
    /// No samples.
    pub(crate) const fn new() -> Self {
        Self {
            blocks: Live::new(),
            sites: Sites::new(),
            live: Weight::NONE,
            peak: Weight::NONE,
            peaks: 0,
            allocated: Weight::NONE,
            lost: 0,
        }
    }

    /// Adds a sampled block that was allocated by the calls of a trace. O(length of the trace), amortized.
    pub(crate) fn add(&mut self, block: usize, weight: Weight, trace: &[usize]) {
        let noted = self.sites.find(trace).filter(|&site| self.blocks.insert(block, weight, site));
        let Some(number) = noted else {
            self.lost += 1;
            return;
        };
        let peaks = self.peaks;
        let site = self.sites.site(number);
        site.change(peaks, |live| *live += weight);
        site.allocated += weight;
        self.allocated += weight;
        self.live += weight;
        if self.live.bytes > self.peak.bytes {
            self.peak = self.live;
            self.peaks += 1;
        }
    }

    /// Removes a block that is about to be freed, if it is a sample. O(1).
    pub(crate) fn remove(&mut self, block: usize) {
        let Some((weight, number)) = self.blocks.remove(block) else { return };
        let peaks = self.peaks;
        self.sites.site(number).change(peaks, |live| *live -= weight);
        self.live -= weight;
    }

    /// Whether a block is a sample. O(1).
    pub(crate) fn has(&self, block: usize) -> bool {
        self.blocks.has(block)
    }

    /// Checks that the sums are those of the live samples, and that each of these is found. O(sites · samples).
    pub(crate) fn validate(&self) -> Result<(), Broken> {
        self.blocks.validate()?;
        let mut live = Weight::NONE;
        for (number, site) in self.sites.all().iter().enumerate() {
            let mut own = Weight::NONE;
            self.blocks.of_site(number).for_each(|weight| own += weight);
            expect(own == site.live, "SAMPLES-1: live")?;
            live += own;
        }
        expect(live == self.live, "SAMPLES-1: live")?;
        expect(self.live.bytes <= self.peak.bytes, "SAMPLES-2: peak")
    }

    /// Copies it; `None` if memory is out. O(sites).
    pub(crate) fn copy(&self) -> Option<Copy> {
        Some(Copy {
            sites: PagedVec::copy_of(self.sites.all())?,
            traces: PagedVec::copy_of(self.sites.traces())?,
            live: self.live,
            peak: self.peak,
            peaks: self.peaks,
            allocated: self.allocated,
            lost: self.lost,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: usize = 1 << 19;

    fn weight(size: usize) -> Weight {
        Weight::of(size, INTERVAL)
    }

    #[test]
    fn a_site_has_what_its_trace_allocated_and_did_not_free() {
        let mut samples = Samples::new();
        let traces = [&[1, 2, 3][..], &[1, 2], &[], &[3, 2, 1]];
        for block in 1..=1000 {
            samples.add(block * 64, weight(block), traces[block % 4]);
        }
        (1..=1000).filter(|block| block % 3 == 0).for_each(|block| samples.remove(block * 64));
        samples.remove(7);
        assert_eq!(samples.validate(), Ok(()));
        let copy = samples.copy().unwrap();
        assert_eq!((copy.sites.len(), copy.lost), (4, 0));
        for (number, trace) in traces.iter().enumerate() {
            let site = copy.sites.iter().find(|site| site.trace(&copy.traces) == *trace).unwrap();
            let (mut live, mut allocated) = (Weight::NONE, Weight::NONE);
            for block in (1..=1000).filter(|block| block % 4 == number) {
                allocated += weight(block);
                live += if block % 3 == 0 { Weight::NONE } else { weight(block) };
            }
            assert_eq!((site.live, site.allocated), (live, allocated), "{trace:?}");
        }
    }

    #[test]
    fn a_broken_sum_or_a_lost_block_is_found() {
        let mut samples = Samples::new();
        (1..100).for_each(|block| samples.add(block * 64, weight(block), &[block % 7]));
        assert_eq!(samples.validate(), Ok(()));
        samples.live += weight(8);
        assert!(samples.validate().is_err());
        samples.live -= weight(8);
        samples.sites.site(3).live += weight(8);
        assert!(samples.validate().is_err());
        samples.sites.site(3).live -= weight(8);
        assert_eq!(samples.validate(), Ok(()));
        samples.blocks.forget(64);
        assert!(samples.validate().is_err());
    }

    #[test]
    fn the_peak_is_that_of_the_sum() {
        let mut samples = Samples::new();
        // The first site peaks first, the second later; together they do in between.
        samples.add(64, weight(5 << 20), &[1]);
        samples.add(128, weight(4 << 20), &[2]);
        samples.remove(64);
        samples.add(192, weight(4 << 20), &[2]);
        samples.remove(128);
        samples.remove(192);
        let copy = samples.copy().unwrap();
        let at_peak: Vec<_> =
            copy.sites.iter().map(|site| site.at_peak(copy.peaks).bytes).collect();
        assert_eq!(copy.peak.bytes, weight(5 << 20).bytes + weight(4 << 20).bytes);
        assert_eq!(at_peak, [weight(5 << 20).bytes, weight(4 << 20).bytes]);
        assert_eq!(copy.live, Weight::NONE);
    }
}
