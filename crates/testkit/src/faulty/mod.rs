//! A base that fails on demand, and keeps the books on what it is owed.

mod allocator;
mod provider;

use std::{
    alloc::Layout,
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Which calls fail. Calls are counted from 0, and only those that may fail at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    /// None.
    #[default]
    Never,
    /// This one alone.
    Once(usize),
    /// This one and all after it that ask for memory: memory is out.
    From(usize),
}

/// What a call wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    /// Memory.
    Take,
    /// To give memory back: a system whose memory is out still takes that.
    GiveBack,
}

impl Plan {
    fn fails(self, number: usize, call: Call) -> bool {
        match self {
            Self::Never => false,
            Self::Once(k) => number == k,
            Self::From(k) => number >= k && call == Call::Take,
        }
    }
}

/// An [`Allocator`](stratalloc_core::Allocator) or
/// [`PageProvider`](stratalloc_core::PageProvider) whose calls fail by [`Plan`], and that checks
/// what it is given: every block or range is given back exactly once, with its own layout, and no
/// byte of a range is committed outside of it.
///
/// # Panics
///
/// Its methods panic when the layer above breaks the contract.
///
/// # Example
///
/// ```
/// use std::alloc::Layout;
/// use stratalloc_core::Allocator;
/// use stratalloc_testkit::{Faulty, Plan, System};
///
/// let base = Faulty::new(System, Plan::Once(1));
/// let layout = Layout::new::<u64>();
/// let block = base.allocate(layout).unwrap();
/// assert!(base.allocate(layout).is_err());
/// assert_eq!(base.live_bytes(), 8);
/// // SAFETY: allocated just so.
/// unsafe { base.deallocate(block.cast(), layout) };
/// base.assert_all_released();
/// ```
pub struct Faulty<B> {
    base: B,
    ledger: Mutex<Ledger>,
}

/// What the base has given and is owed.
#[derive(Debug, Default)]
struct Ledger {
    plan: Plan,
    calls: usize,
    failures: usize,
    /// What is given out, by address: the alignment, and the least and greatest size to be told at
    /// its return.
    live: BTreeMap<usize, Entry>,
    live_bytes: usize,
    peak_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    align: usize,
    asked: usize,
    size: usize,
    /// Its return was refused, so nobody can be blamed for keeping it.
    refused: bool,
}

impl Ledger {
    /// Counts a call that may fail, and returns whether it does.
    fn fails(&mut self, call: Call) -> bool {
        let fails = self.plan.fails(self.calls, call);
        self.calls += 1;
        self.failures += usize::from(fails);
        fails
    }

    fn give(&mut self, address: usize, entry: Entry) {
        let before = self.live.insert(address, entry);
        assert!(before.is_none(), "the base gave {address:#x} out twice");
        self.live_bytes += entry.size;
        self.peak_bytes = self.peak_bytes.max(self.live_bytes);
    }

    /// Strikes out what starts at `address`.
    fn take_back(&mut self, address: usize) -> Entry {
        let entry = self.live.remove(&address);
        let entry = entry.unwrap_or_else(|| panic!("{address:#x} isn't live in the base"));
        self.live_bytes -= entry.size;
        entry
    }

    /// Returns what was given out and should have come back.
    fn owed(&self) -> Vec<(usize, Entry)> {
        let live = self.live.iter().filter(|(_, entry)| !entry.refused);
        live.map(|(&address, &entry)| (address, entry)).collect()
    }
}

impl<B> Faulty<B> {
    /// `base`, failing by `plan`.
    pub fn new(base: B, plan: Plan) -> Self {
        Self { base, ledger: Mutex::new(Ledger { plan, ..Ledger::default() }) }
    }

    /// Returns the base itself.
    pub fn base(&self) -> &B {
        &self.base
    }

    /// Starts to count calls from 0 again, with another plan.
    pub fn set_plan(&self, plan: Plan) {
        let mut ledger = self.ledger();
        ledger.plan = plan;
        ledger.calls = 0;
        ledger.failures = 0;
    }

    /// Returns the calls so far that could fail.
    pub fn calls(&self) -> usize {
        self.ledger().calls
    }

    /// Returns the calls that did.
    pub fn failures(&self) -> usize {
        self.ledger().failures
    }

    /// Returns the number of blocks or ranges given out.
    pub fn live_count(&self) -> usize {
        self.ledger().live.len()
    }

    /// Their bytes.
    pub fn live_bytes(&self) -> usize {
        self.ledger().live_bytes
    }

    /// Returns the most bytes that were given out at a time.
    pub fn peak_bytes(&self) -> usize {
        self.ledger().peak_bytes
    }

    /// Nothing is given out any more, but ranges whose return was refused.
    ///
    /// # Panics
    ///
    /// If something is.
    pub fn assert_all_released(&self) {
        let ledger = self.ledger();
        let owed = ledger.owed();
        assert!(
            owed.is_empty(),
            "leaked with {:?}, of {} calls: {owed:x?}",
            ledger.plan,
            ledger.calls
        );
    }

    /// Returns the books, even after a panic elsewhere: they are whole at every moment.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> fmt::Debug for Faulty<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faulty").field(&*self.ledger()).finish()
    }
}

impl Entry {
    fn of(layout: Layout, size: usize) -> Self {
        Self { align: layout.align(), asked: layout.size(), size, refused: false }
    }
}

/// The most calls that a scenario may make of its base.
const MAX_CALLS: usize = 10_000;

/// Runs `scenario` with a new base each time: first with the first call failing, then with the
/// second, and so on until no call is left to fail; and the same with every later call failing too.
/// After each run everything must have been given back.
///
/// Returns the number of calls that the scenario makes when none fails.
///
/// ```
/// use std::alloc::Layout;
/// use stratalloc_core::Allocator;
/// use stratalloc_testkit::{System, each_failure};
///
/// let calls = each_failure(|| System, |base| {
///     let layout = Layout::new::<u64>();
///     for _ in 0..3 {
///         let Ok(block) = base.allocate(layout) else { return };
///         // SAFETY: allocated just so.
///         unsafe { base.deallocate(block.cast(), layout) };
///     }
/// });
/// assert_eq!(calls, 3);
/// ```
///
/// # Panics
///
/// If something is leaked, if the scenario panics, or makes more than 10,000 calls.
pub fn each_failure<B>(make: impl Fn() -> B, scenario: impl Fn(&Faulty<B>)) -> usize {
    for k in 0..MAX_CALLS {
        let mut failed = false;
        for plan in [Plan::Once(k), Plan::From(k)] {
            let base = Faulty::new(make(), plan);
            scenario(&base);
            base.assert_all_released();
            failed |= base.failures() > 0;
        }
        if !failed {
            return k;
        }
    }
    panic!("the scenario makes more than {MAX_CALLS} calls of its base");
}

#[cfg(test)]
mod tests;
