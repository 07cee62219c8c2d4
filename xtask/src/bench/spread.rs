//! How far apart the medians of equal allocators may lie, by how far apart their runs do.
//!
//! The range of a few runs, from the fastest to the slowest, says little about how much the next few may
//! differ: that of two runs is often next to nothing by chance. So a range counts for more, the fewer runs it
//! is from. That is the *spread* of these runs; what two medians differ by is taken for noise unless it is
//! more than the spreads of both and more than a typical spread in their row.
//!
//! This is the test of Lord ("The use of range in place of standard deviation in the *t*-test", Biometrika 34,
//! 1947) for medians instead of means, since single runs are now and then disturbed, and with the largest of
//! the ranges instead of their mean. The factors are those for which, in a row of nine allocators, two that
//! are equal differ by more in one row out of a thousand; in a row of two, in one out of a hundred. They were
//! found by simulation, and hold for normal, for one-sided (exponential) and for now and then disturbed times
//! alike; a test repeats it.

/// By what the range of so many runs is to be multiplied: of two, three, four, and five or more.
const FACTORS: [f64; 4] = [7.0, 2.1, 1.3, 1.0];

/// The spread of so many figures by their range, in their own unit; `None` of one, which says nothing of the next.
pub(crate) fn widened(range: f64, count: usize) -> Option<f64> {
    Some(range * FACTORS[count.checked_sub(2)?.min(FACTORS.len() - 1)])
}

/// The middle one of some figures, or the middle of the two in the middle; not a number of none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    match figures.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => figures[count / 2],
        count => f64::midpoint(figures[count / 2 - 1], figures[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::{median, widened};

    fn spread(figures: &[f64]) -> Option<f64> {
        let low = figures.iter().copied().fold(f64::INFINITY, f64::min);
        let high = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        widened(high - low, figures.len())
    }

    /// Disorder that is the same each time: splitmix64.
    struct Random(u64);

    impl Random {
        /// From 0 to 1, never 0.
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + f64::MIN_POSITIVE
        }

        fn exponential(&mut self) -> f64 {
            -self.uniform().ln()
        }

        fn normal(&mut self) -> f64 {
            (2.0 * self.exponential()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
        }

        /// Normal, and one out of ten disturbed.
        fn disturbed(&mut self) -> f64 {
            self.normal() * if self.uniform() < 0.1 { 8.0 } else { 1.0 }
        }
    }

    /// How often two of a row's allocators, all equal, differ beyond the spread, out of so many rows.
    fn beyond(rows: usize, allocators: usize, runs: usize, mut time: impl FnMut() -> f64) -> usize {
        let mut differs = || {
            let cells: Vec<Vec<f64>> =
                (0..allocators).map(|_| (0..runs).map(|_| time()).collect()).collect();
            let spreads: Vec<f64> = cells.iter().filter_map(|cell| spread(cell)).collect();
            let own = spreads[0].max(spreads[1]);
            let medians = [0, 1].map(|index: usize| median(cells[index].clone()));
            (medians[0] - medians[1]).abs() > own.max(median(spreads))
        };
        (0..rows).filter(|_| differs()).count()
    }

    #[test]
    fn equal_allocators_differ_beyond_the_spread_in_one_row_of_a_thousand() {
        const ROWS: usize = 5_000;
        type Time = fn(&mut Random) -> f64;
        let times: [Time; 3] = [Random::normal, Random::exponential, Random::disturbed];
        let mut random = Random(1);
        for runs in 2..=5 {
            for time in times {
                let found = beyond(ROWS, 9, runs, || time(&mut random));
                assert!(found <= 2 * ROWS / 1000, "{found} of {ROWS} rows of {runs} runs");
                let found = beyond(ROWS, 2, runs, || time(&mut random));
                assert!(found <= 3 * ROWS / 200, "{found} of {ROWS} rows of two, {runs} runs");
            }
            // Nor is it so wide that nothing could ever be told apart.
            let found = beyond(ROWS, 9, runs, || random.normal());
            assert!(found > 0, "{found} of {ROWS} rows of {runs} runs");
        }
    }

    #[test]
    fn a_spread_is_wider_the_fewer_runs_there_are() {
        assert_eq!(spread(&[4.0]), None);
        assert_eq!(spread(&[4.0, 3.0]), Some(7.0));
        assert_eq!(spread(&[1.0, 2.0, 3.0, 2.0, 2.0, 2.0, 2.0]), Some(2.0));
        assert_eq!((median(vec![3.0, 1.0]), median(vec![5.0, 1.0, 2.0])), (2.0, 2.0));
    }
}
