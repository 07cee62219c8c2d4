//! Models of the table of windows, and mutants that loom finds.
//!
//! They show that a window has one holder at a time, who sees what the last one did, and that whoever finds an entry
//! sees what it announces. The windows are few, and what stands in them is a cell for each; what the kernel maps there
//! is no part of them.

use core::ptr::NonNull;

use loom::cell::UnsafeCell;
use stratalloc_core::sync::explore;

use super::*;

const COUNT: usize = 4;

/// The table, and the memory of each window.
struct Windows {
    table: Table<COUNT>,
    memory: [UnsafeCell<usize>; COUNT],
}

/// The heap at home in a window.
fn owner(window: usize) -> Owner {
    let address = (window << AREA_SHIFT | 64).try_into().unwrap();
    Owner::at(NonNull::<()>::without_provenance(address))
}

impl Windows {
    fn new() -> Self {
        Self { table: Table::new(), memory: core::array::from_fn(|_| UnsafeCell::new(0)) }
    }

    /// The holder of windows writes to each.
    fn write(&self, index: usize, count: usize) {
        for memory in &self.memory[index..index + count] {
            // SAFETY: the windows are this thread's, which is what loom is to confirm.
            memory.with_mut(|memory| unsafe { *memory += 1 });
        }
    }

    /// Who finds a window's heap reads what stands there.
    fn read(&self, window: usize) -> usize {
        // SAFETY: nobody writes any more once a window is announced; loom is to confirm it.
        self.memory[window].with(|memory| unsafe { *memory })
    }

    /// Claims windows, uses them, and gives them up, twice; returns whether they were free.
    fn visit(&self, index: usize, count: usize) -> bool {
        let visits = [0, 1].map(|_| {
            let is_free = self.table.claim(index, count);
            if is_free {
                self.write(index, count);
                self.table.release(index, count);
            }
            is_free
        });
        visits.contains(&true)
    }

    /// Claims a window and announces the heap that it makes there.
    fn open(&self, window: usize) {
        if self.table.claim(window, 1) {
            self.write(window, 1);
            self.table.announce(window, 1, Entry::of_area(owner(window), Kind::THREAD));
        }
    }

    /// Reads what stands in each window that a thread's heap is found in; returns how many there are.
    fn look(&self) -> usize {
        let found = self.table.owners(0, |kind| kind == Kind::THREAD);
        found.map(|owner| assert_eq!(self.read(owner.addr() >> AREA_SHIFT), 1)).count()
    }

    /// Takes the heap that waits, and uses it; returns whether it got it.
    fn take(&self, take: fn(&Table<COUNT>) -> Option<Owner>) -> bool {
        let taken = take(&self.table).map(|owner| owner.addr() >> AREA_SHIFT);
        taken.into_iter().for_each(|window| self.write(window, 1));
        taken.is_some()
    }
}

/// Nothing is claimed twice; who finds one of its windows claimed gives up the others; and not both fail.
fn check_visits(windows: &Windows, served: [bool; 2]) {
    assert!(served.contains(&true), "windows were refused to both");
    assert!(windows.table.claim(0, COUNT), "a window that was given up isn't free");
}

/// Two rows overlap in a window, the first of the one or the last of the other; a third has just that window.
#[test]
fn loom_a_window_has_one_holder_at_a_time() {
    let first: fn(&Windows) -> bool = |windows| windows.visit(0, 2);
    let others: [fn(&Windows) -> bool; 2] =
        [|windows| windows.visit(1, 2), |windows| windows.visit(1, 1)];
    for other in others {
        explore(70, Windows::new, [first, other], check_visits);
    }
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_finds_the_mutant_that_looks_and_then_claims() {
    let visit: fn(&Windows) -> bool = |windows| {
        let is_free = windows.table.get(1) == Some(Entry::NOTHING);
        if is_free {
            windows.table.set(1, Entry::CLAIMED);
            windows.write(1, 1);
            windows.table.release(1, 1);
        }
        is_free
    };
    explore(0, Windows::new, [visit; 2], check_visits);
}

/// A heap is found whole or not at all, while another thread makes one beside it.
#[test]
fn loom_who_finds_a_heap_sees_what_was_made_there() {
    let open_and_look: [fn(&Windows) -> usize; 2] = [
        |windows| {
            windows.open(1);
            windows.look()
        },
        |windows| {
            windows.open(2);
            windows.look()
        },
    ];
    explore(240, Windows::new, open_and_look, |windows, seen| {
        assert!(seen.iter().all(|&seen| seen >= 1), "a heap isn't found by its own thread");
        assert_eq!(windows.look(), 2);
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_finds_the_mutant_that_announces_relaxed() {
    let works: [fn(&Windows) -> usize; 2] = [
        |windows| {
            windows.table.claim(1, 1);
            windows.write(1, 1);
            windows.table.0[1]
                .store(Entry::of_area(owner(1), Kind::THREAD).word(), Ordering::Relaxed);
            0
        },
        Windows::look,
    ];
    explore(0, Windows::new, works, |_, _| {});
}

/// A heap waits, of a thread that is done with it.
fn kept() -> Windows {
    let windows = Windows::new();
    windows.open(2);
    windows.table.set(2, Entry::of_area(owner(2), Kind::KEPT));
    windows
}

/// A heap that waits is taken by one, who may keep it for the other.
#[test]
fn loom_a_heap_that_waits_is_taken_by_one() {
    let take: fn(&Windows) -> bool = |windows| {
        let taken = windows.take(Table::take_kept);
        if taken {
            windows.table.set(2, Entry::of_area(owner(2), Kind::KEPT));
        }
        taken
    };
    explore(25, kept, [take; 2], |windows, taken| {
        assert!(taken.contains(&true), "it waits, and nobody gets it");
        assert_eq!(windows.read(2), 1 + taken.iter().filter(|&&taken| taken).count());
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_finds_the_mutant_that_takes_what_another_took() {
    let take: fn(&Windows) -> bool = |windows| {
        windows.take(|table| {
            let kept = table.get(2).filter(|entry| entry.kind() == Kind::KEPT)?;
            table.set(2, Entry::of_area(kept.owner()?, Kind::VALUE));
            kept.owner()
        })
    };
    explore(0, kept, [take; 2], |_, _| {});
}
