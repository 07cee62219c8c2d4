//! Mappings in reserve, of those that a process may have.
//!
//! Where a program has used up all others, usable memory can still grow, but none can begin elsewhere.
//! The first slab of a partition needs a mapping, and gets one of these.
//! They are pages without access, apart from each other, in the first area of the process.

use core::{
    ptr::{NonNull, without_provenance_mut},
    sync::atomic::{AtomicUsize, Ordering},
};

use stratalloc_pages::os;

use crate::plan::geometry::{PARTITIONS, SPARES_AT};

/// One for each partition that has slabs.
const COUNT: usize = PARTITIONS - 1;
const ALL: usize = (1 << COUNT) - 1;

/// Those of the process.
static SPARES: Spares = Spares(AtomicUsize::new(0));

/// The address of the first, and in the bits below a page's size which of them are there. Zero before they are made.
///
/// `Release` where a bit is set pairs with `Acquire` where it is taken: the page is mapped by then.
///
/// # Invariants
///
/// - [SPARES-1: taken] A page whose bit is set is mapped, and is used by nobody. The thread that clears the bit owns the
///   page.
struct Spares(AtomicUsize);

/// Makes them in the first area of the process, which stays for ever; for others it does nothing.
pub(crate) fn make(area: NonNull<u8>) {
    SPARES.make(area.addr().get() + SPARES_AT);
}

/// Maps those again that were given up, as far as the system grants them.
pub(crate) fn restore() {
    SPARES.restore();
}

/// Unmaps one, so that something else may be mapped; returns whether there was one.
pub(crate) fn give_up() -> bool {
    SPARES.give_up()
}

/// Whether there are any. A hint, since others may give them up meanwhile.
pub(crate) fn are_left() -> bool {
    SPARES.0.load(Ordering::Relaxed) & ALL != 0
}

impl Spares {
    fn make(&self, first: usize) {
        if self.0.compare_exchange(0, first, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.restore();
        }
    }

    fn restore(&self) {
        let spares = self.0.load(Ordering::Relaxed);
        let missing = if spares == 0 { 0 } else { ALL & !spares };
        for number in (0..COUNT).filter(|number| missing >> number & 1 != 0) {
            // Two threads may both come here; the second finds the page mapped.
            if os::reserve_at(page(spares, number), os::page_size()).is_err() {
                return;
            }
            self.0.fetch_or(1 << number, Ordering::Release);
        }
    }

    fn give_up(&self) -> bool {
        let lowest = |spares: usize| spares & ALL & (spares & ALL).wrapping_neg();
        let less = |spares| Some(spares & !lowest(spares)).filter(|&less| less != spares);
        let Ok(before) = self.0.fetch_update(Ordering::Acquire, Ordering::Relaxed, less) else {
            return false;
        };
        let number = lowest(before).trailing_zeros() as usize;
        let start = NonNull::new(without_provenance_mut(page(before, number)));
        // SAFETY: [SPARES-1: taken] this thread took the bit of the page, in which nothing lies.
        start.is_some_and(|start| unsafe { os::unmap(start, os::page_size()) }.is_ok())
    }
}

/// The address of one of them. A page lies between two, so that the kernel doesn't make them one mapping.
fn page(spares: usize, number: usize) -> usize {
    (spares & !ALL) + 2 * number * os::page_size()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_is_given_up_once_and_comes_back() {
        let space = os::reserve(1 << 30, 1 << 16).unwrap();
        // SAFETY: just mapped, and nobody's.
        unsafe { os::unmap(space, 1 << 30) }.unwrap();
        let first = space.addr().get();
        let mapped = || {
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            let begins =
                |number: &usize| maps.contains(&std::format!("{:x}-", page(first, *number)));
            (0..COUNT).filter(begins).count()
        };
        let spares = Spares(AtomicUsize::new(0));
        spares.restore();
        assert!(!spares.give_up());
        spares.make(first);
        for _ in 0..2 {
            assert_eq!(mapped(), COUNT);
            spares.make(first + (1 << 20));
            for left in (0..COUNT).rev() {
                assert!(spares.give_up());
                assert_eq!(mapped(), left);
            }
            assert!(!spares.give_up());
            spares.restore();
        }
    }
}
