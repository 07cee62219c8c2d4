//! Block sizes and counts for a known demand, in the smallest heap: what "tunable" is for.

use crate::{
    Config, MAX_ALIGN, MAX_SIZES, Mode, Split,
    geometry::{Geometry, align_up},
};

/// How many blocks of a size are live at once, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The size in bytes; not zero.
    pub size: usize,
    /// The most requests of this size that are live at once.
    pub live: u32,
}

/// The block sizes and counts that serve a demand in the smallest heap.
///
/// ```
/// use stratalloc_pool::{Demand, Full, Tuned};
///
/// let demand = [
///     Demand { size: 10, live: 100 },
///     Demand { size: 60, live: 1 },
///     Demand { size: 64, live: 9 },
/// ];
/// let tuned = Tuned::new::<Full>(&demand, 8).unwrap();
/// // A pool of its own for one block of 60 bytes would cost more than 4 bytes.
/// assert_eq!((tuned.sizes(), tuned.counts()), (&[16, 64][..], &[100, 10][..]));
/// assert!(tuned.config().check::<Full>(tuned.heap_size::<Full>()).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuned {
    sizes: [usize; MAX_SIZES],
    counts: [u32; MAX_SIZES],
    len: usize,
    align: usize,
}

impl Tuned {
    /// Serves each demand, whenever it peaks: sizes that share a pool may peak at the same time.
    ///
    /// `demand` ascends by size, each size once. `None` if it doesn't, if it is empty or has a zero,
    /// or has more than [`MAX_SIZES`] sizes; if `align` is no power of two up to [`MAX_ALIGN`]; or if no
    /// heap has room for it.
    pub fn new<M: Mode>(demand: &[Demand], align: usize) -> Option<Self> {
        let valid = demand.iter().all(|demand| demand.size > 0 && demand.live > 0)
            && demand.windows(2).all(|pair| pair[0].size < pair[1].size);
        let mut sizes = [0; MAX_SIZES];
        let used = sizes.get_mut(..demand.len()).filter(|_| valid)?;
        used.iter_mut().zip(demand).for_each(|(size, demand)| *size = demand.size);
        Self::with::<M>(used, align, |first, last| {
            demand[first..=last].iter().fold(0, |sum, demand| demand.live.saturating_add(sum))
        })
    }

    /// Chooses among the ascending `sizes`: `live(first, last)` says how many blocks are live at
    /// once, at most, of the sizes from index `first` to `last` together. A trace can tell this
    /// exactly, where [`new`](Self::new) must assume the sum.
    ///
    /// The division with the smallest heap, of all there are, up to rounding: `O(n²)` calls of
    /// `live` for `n` sizes. `None` if there are no sizes, or more than [`MAX_SIZES`]; if `align` is no
    /// power of two up to [`MAX_ALIGN`]; or if no heap has room for the blocks.
    pub fn with<M: Mode>(
        sizes: &[usize],
        align: usize,
        mut live: impl FnMut(usize, usize) -> u32,
    ) -> Option<Self> {
        // Beyond half of the address space there is no heap, and below it no size overflows as it is rounded up.
        const MOST: usize = isize::MAX as usize - MAX_ALIGN;
        let aligned = align.is_power_of_two() && align <= MAX_ALIGN;
        if sizes.is_empty() || sizes.len() > MAX_SIZES || !aligned || sizes.last() > Some(&MOST) {
            return None;
        }
        let geometry = Geometry::of::<M>();
        // The least cost of serving the sizes below each index, and where its last pool begins.
        let mut costs = [0_usize; MAX_SIZES + 1];
        let mut firsts = [0_usize; MAX_SIZES + 1];
        for last in 0..sizes.len() {
            let stride = geometry.stride(sizes[last], align);
            let own = |blocks: u32| {
                // What is beyond `MOST` is refused below, however much it is.
                let blocks = align_up(geometry.cost(stride, blocks as usize).min(MOST), align);
                geometry.record.saturating_add(blocks)
            };
            let cost = |first: usize| (costs[first].saturating_add(own(live(first, last))), first);
            // Of equal costs the one with the fewest sizes in its last pool.
            let best = (0..=last).rev().map(cost).min_by_key(|(cost, _)| *cost);
            (costs[last + 1], firsts[last + 1]) = best?;
        }
        (costs[sizes.len()] < MOST).then(|| Self::collect(sizes, &firsts, align, &geometry, live))
    }

    /// Reads the division off `firsts`, from the largest size down.
    fn collect(
        sizes: &[usize],
        firsts: &[usize; MAX_SIZES + 1],
        align: usize,
        geometry: &Geometry,
        mut live: impl FnMut(usize, usize) -> u32,
    ) -> Self {
        let mut tuned = Self { sizes: [0; MAX_SIZES], counts: [0; MAX_SIZES], len: 0, align };
        let mut end = sizes.len();
        while end > 0 {
            let first = firsts[end];
            tuned.sizes[tuned.len] = geometry.stride(sizes[end - 1], align);
            tuned.counts[tuned.len] = live(first, end - 1);
            tuned.len += 1;
            end = first;
        }
        tuned.sizes[..tuned.len].reverse();
        tuned.counts[..tuned.len].reverse();
        tuned
    }

    /// Returns the block sizes chosen, in bytes, ascending.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes[..self.len]
    }

    /// Returns how many blocks of each.
    pub fn counts(&self) -> &[u32] {
        &self.counts[..self.len]
    }

    /// Returns the configuration, of exactly these blocks.
    pub fn config(&self) -> Config<'_> {
        Config::new(self.sizes()).split(Split::Counts(self.counts())).align(self.align)
    }

    /// Returns the heap it takes, in bytes.
    pub fn heap_size<M: Mode>(&self) -> usize {
        self.config().heap_size::<M>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bare, Full};
    use std::vec::Vec;

    /// Returns the smallest heap of all divisions of the demand, each tried.
    fn least_of_all<M: Mode>(demand: &[Demand], align: usize) -> usize {
        (0..1_u32 << (demand.len() - 1))
            .map(|cuts| {
                let (mut sizes, mut counts) = (Vec::new(), Vec::new());
                let mut live = 0;
                for (index, demand) in demand.iter().enumerate() {
                    live += demand.live;
                    if index + 1 == 6 || cuts & (1 << index) != 0 {
                        sizes.push(demand.size);
                        counts.push(live);
                        live = 0;
                    }
                }
                let config = Config::new(&sizes).split(Split::Counts(&counts)).align(align);
                config.heap_size::<M>()
            })
            .min()
            .unwrap()
    }

    fn demand(sizes: [usize; 6], live: [u32; 6]) -> Vec<Demand> {
        sizes.into_iter().zip(live).map(|(size, live)| Demand { size, live }).collect()
    }

    #[test]
    fn no_division_is_smaller() {
        for (sizes, live) in [
            ([8, 16, 24, 32, 40, 48], [1, 1, 1, 1, 1, 1]),
            ([8, 24, 64, 72, 200, 1000], [500, 3, 70, 2, 1, 4]),
            ([16, 24, 32, 100, 104, 400], [1, 900, 1, 30, 1, 9]),
            ([1, 2, 3, 5, 8, 13], [100, 90, 80, 70, 60, 50]),
        ] {
            let demand = demand(sizes, live);
            let full = Tuned::new::<Full>(&demand, 8).unwrap().heap_size::<Full>();
            let bare = Tuned::new::<Bare>(&demand, 1).unwrap().heap_size::<Bare>();
            // The table that finds a pool by size isn't weighed: at most 16 bytes a pool.
            let (least_full, least_bare) =
                (least_of_all::<Full>(&demand, 8), least_of_all::<Bare>(&demand, 1));
            assert!((least_full..least_full + 96).contains(&full), "{full} {least_full}");
            assert!((least_bare..least_bare + 96).contains(&bare), "{bare} {least_bare}");
        }
    }

    #[test]
    fn a_demand_that_is_none_is_refused() {
        let zero = [Demand { size: 0, live: 1 }];
        let twice = [Demand { size: 8, live: 1 }; 2];
        assert_eq!(Tuned::new::<Full>(&[], 8), None);
        assert_eq!(Tuned::new::<Full>(&zero, 8), None);
        assert_eq!(Tuned::new::<Full>(&twice, 8), None);
        let all: Vec<_> = (1..=249).map(|size| Demand { size, live: 1 }).collect();
        assert_eq!(Tuned::new::<Full>(&all, 8), None);
        assert!(Tuned::new::<Full>(&all[..248], 8).is_some());
    }

    #[test]
    fn a_demand_beyond_any_heap_is_refused() {
        for size in [usize::MAX, isize::MAX as usize] {
            let demand = [Demand { size, live: 3 }];
            for align in [1, 8, crate::MAX_ALIGN] {
                assert_eq!(Tuned::new::<Full>(&demand, align), None, "{size} {align}");
            }
        }
        // Each is a size that fits, but all of them together are none.
        let many: Vec<_> = (1..=100).map(|n| Demand { size: n << 50, live: u32::MAX }).collect();
        assert_eq!(Tuned::new::<Full>(&many, 8), None);
        assert_eq!(Tuned::new::<Full>(&[Demand { size: 8, live: 1 }], 2 * crate::MAX_ALIGN), None);
    }
}
