//! Estimates from samples: the memory that each site has live, had live at the peak, and allocated in all.

mod text;

use crate::{
    books::samples::{Copy, Site},
    policy::sampling::Weight,
    process::samples,
};

/// The samples until one moment, in memory of its own.
///
/// Bytes are those that blocks hold: a size class's, or whole pages of 4096 bytes for blocks beyond the classes. Blocks of an
/// [`ArenaHeap`](crate::ArenaHeap) aren't sampled.
///
/// ```
/// use stratalloc_arena::profile;
///
/// profile::start(1 << 10)?;
/// # let mut kept = Vec::new();
/// for _ in 0..1000 {
///     let block = stratalloc_arena::global::allocate(1000, 8);
/// #   kept.push(block);
/// }
/// let snapshot = profile::snapshot()?;
/// profile::stop();
/// assert!((900..1_200).contains(&(snapshot.live().bytes() / 1000)));
/// let site = snapshot.sites().max_by_key(|site| site.live.bytes()).unwrap();
/// println!("{} blocks by {:x?}", site.live.blocks(), site.trace);
/// # kept.into_iter().for_each(|block| unsafe { stratalloc_arena::global::deallocate(block) });
/// # Ok::<(), profile::NoMemory>(())
/// ```
pub struct Snapshot {
    copy: Copy,
    interval: usize,
}

/// Estimates of one site: a place of the program that is called from the same places.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SiteFigures<'a> {
    /// The return addresses of the calls that lead there, innermost first, this allocator's own among them; 128 at
    /// most, and none where the system has no unwinder.
    pub trace: &'a [usize],
    /// Live memory.
    pub live: Estimate,
    /// Memory that was live when all sites together had more live bytes than at any other time.
    pub at_peak: Estimate,
    /// Memory allocated in all.
    pub allocated: Estimate,
}

/// An estimate from samples: right on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate(Weight);

impl Estimate {
    /// Bytes.
    pub const fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// Blocks.
    pub const fn blocks(&self) -> u64 {
        self.0.blocks()
    }

    /// The number of samples in it.
    pub const fn samples(&self) -> u64 {
        self.0.samples
    }

    /// The standard error of the bytes, itself estimated: with a few dozen samples or more, the truth is within twice the
    /// error in 95 of 100 cases.
    pub fn standard_error(&self) -> f64 {
        self.0.error()
    }
}

impl Snapshot {
    /// Takes a snapshot; `None` if memory is out. O(sites). Threads that take a sample meanwhile wait.
    pub(crate) fn take() -> Option<Self> {
        let interval = samples::interval();
        samples::copy().map(|copy| Self { copy, interval })
    }

    /// Each site at which a block was sampled, in the order in which they came.
    pub fn sites(&self) -> impl Iterator<Item = SiteFigures<'_>> {
        self.copy.sites.iter().map(|site| self.figures(site))
    }

    fn figures<'a>(&'a self, site: &Site) -> SiteFigures<'a> {
        SiteFigures {
            trace: site.trace(&self.copy.traces),
            live: Estimate(site.live),
            at_peak: Estimate(site.at_peak(self.copy.peaks)),
            allocated: Estimate(site.allocated),
        }
    }

    /// The live memory, of all that was allocated while samples were taken.
    pub fn live(&self) -> Estimate {
        Estimate(self.copy.live)
    }

    /// The most live memory at a time.
    pub fn peak(&self) -> Estimate {
        Estimate(self.copy.peak)
    }

    /// The memory allocated while samples were taken.
    pub fn allocated(&self) -> Estimate {
        Estimate(self.copy.allocated)
    }

    /// The number of samples that are missing, since there was no memory to note them.
    pub fn lost(&self) -> u64 {
        self.copy.lost
    }

    /// The bytes between samples on average at that moment; zero if none were taken any more.
    pub const fn interval(&self) -> usize {
        self.interval
    }
}
