//! Where an address lies in the pool: pages of slots between pages that are never used, one more of these than slots.

use crate::{
    books::fenced::{POOL, page_size},
    thresholds::MAX_FENCED,
};

use core::sync::atomic::Ordering;

/// The pages of the pool.
pub(super) const PAGES: usize = 2 * MAX_FENCED + 1;

/// The page of a slot.
pub(super) const fn page_of(number: usize) -> usize {
    2 * number + 1
}

/// The place of an address in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the page of a slot.
    Slot { number: usize },
    /// Between two slots, or before the first, or past the last.
    Between {
        /// The slot before it.
        lower: Option<usize>,
        /// The slot behind it.
        upper: Option<usize>,
        /// Whether it is nearer to the upper one.
        is_upper_nearer: bool,
    },
}

impl Place {
    /// The place of an address in the pool.
    pub(super) fn of(address: usize) -> Self {
        Self::of_offset(address - POOL.load(Ordering::Relaxed), page_size())
    }

    const fn of_offset(offset: usize, page: usize) -> Self {
        let number = offset / page / 2;
        if offset / page % 2 == 1 {
            return Self::Slot { number };
        }
        Self::Between {
            lower: number.checked_sub(1),
            upper: if number < MAX_FENCED { Some(number) } else { None },
            is_upper_nearer: offset % page >= page / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_and_what_lies_between_them_have_pages_in_turn() {
        let place = |offset| Place::of_offset(offset, 4096);
        let between =
            |lower, upper, is_upper_nearer| Place::Between { lower, upper, is_upper_nearer };
        assert_eq!(place(0), between(None, Some(0), false));
        assert_eq!(place(4095), between(None, Some(0), true));
        assert_eq!(place(4096), Place::Slot { number: 0 });
        assert_eq!(place(2 * 4096), between(Some(0), Some(1), false));
        for number in [0, 1, MAX_FENCED - 1] {
            assert_eq!(place(page_of(number) * 4096 + 17), Place::Slot { number });
        }
        assert_eq!(place((PAGES - 1) * 4096), between(Some(MAX_FENCED - 1), None, false));
    }
}
