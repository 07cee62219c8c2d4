//! What a pool keeps books on, chosen by its type so that what is off costs nothing.

use core::{cell::Cell, fmt::Debug, marker::PhantomData};

use crate::Word;

/// The set of books a pool keeps: [`Bare`] and the wrappers around it, in any order. Sealed.
///
/// ```
/// use stratalloc_pool::{Bare, Checked, Counted, Pool, Spilling, Wide};
/// // 8, 10, 16, 18 bytes of state a pool, and twice as much in a heap of more than 64 KiB:
/// type Lean<'h> = Pool<'h, Bare>;
/// type Safe<'h> = Pool<'h, Checked>;
/// type Default<'h> = Pool<'h, Counted<Checked>>;
/// type Spills<'h> = Pool<'h, Spilling<Counted<Checked>>>;
/// type Large<'h> = Pool<'h, Wide<Counted<Checked>>>;
/// assert_eq!(
///     [Lean::STATE, Safe::STATE, Default::STATE, Spills::STATE, Large::STATE],
///     [8, 10, 16, 18, 32],
/// );
/// ```
pub trait Mode: Debug + sealed::Sealed + 'static {
    /// The width of offsets and counts.
    type Word: Word;
    /// What a live block is known by.
    type Guard<W: Word>: Guard<W>;
    /// What counts.
    type Tally<W: Word>: Tally<W>;
    /// What counts spills, where they are allowed.
    type Spill<W: Word>: Spill<W>;
}

/// A pool trusts what its mode says of the heap's layout, so nobody else may say it.
mod sealed {
    use super::{
        Bare, Checked, Counted, Counters, LiveBits, SpillCount, Spilling, Uncounted, Unguarded,
        Unspilled, Wide, Word,
    };

    pub trait Sealed {}
    impl Sealed for Bare {}
    impl<M> Sealed for Checked<M> {}
    impl<M> Sealed for Counted<M> {}
    impl<M> Sealed for Spilling<M> {}
    impl<M> Sealed for Wide<M> {}
    impl Sealed for Unguarded {}
    impl<W: Word> Sealed for LiveBits<W> {}
    impl Sealed for Uncounted {}
    impl<W: Word> Sealed for Counters<W> {}
    impl Sealed for Unspilled {}
    impl<W: Word> Sealed for SpillCount<W> {}
}

/// No checks, no counters, no spilling; heaps of up to 65,536 bytes.
#[derive(Debug)]
pub struct Bare;

/// One bit a block, set while the block is live: bad frees are found.
#[derive(Debug)]
pub struct Checked<M = Bare>(PhantomData<M>);

/// For each pool: blocks in use, their peak, and the requests that failed.
#[derive(Debug)]
pub struct Counted<M = Bare>(PhantomData<M>);

/// A request whose pool is full is served by the next larger one that has room.
#[derive(Debug)]
pub struct Spilling<M = Bare>(PhantomData<M>);

/// Heaps of up to 4 GiB, by 32-bit state.
#[derive(Debug)]
pub struct Wide<M = Bare>(PhantomData<M>);

/// The default: checked and counted.
pub type Full = Counted<Checked>;

impl Mode for Bare {
    type Word = u16;
    type Guard<W: Word> = Unguarded;
    type Tally<W: Word> = Uncounted;
    type Spill<W: Word> = Unspilled;
}

impl<M: Mode> Mode for Checked<M> {
    type Word = M::Word;
    type Guard<W: Word> = LiveBits<W>;
    type Tally<W: Word> = M::Tally<W>;
    type Spill<W: Word> = M::Spill<W>;
}

impl<M: Mode> Mode for Counted<M> {
    type Word = M::Word;
    type Guard<W: Word> = M::Guard<W>;
    type Tally<W: Word> = Counters<W>;
    type Spill<W: Word> = M::Spill<W>;
}

impl<M: Mode> Mode for Spilling<M> {
    type Word = M::Word;
    type Guard<W: Word> = M::Guard<W>;
    type Tally<W: Word> = M::Tally<W>;
    type Spill<W: Word> = SpillCount<W>;
}

impl<M: Mode> Mode for Wide<M> {
    type Word = u32;
    type Guard<W: Word> = M::Guard<W>;
    type Tally<W: Word> = M::Tally<W>;
    type Spill<W: Word> = M::Spill<W>;
}

/// The part of a record that the live bits need; [`Unguarded`] is its empty twin.
pub trait Guard<W: Word>: Copy + Debug + sealed::Sealed {
    /// Whether there are live bits.
    const ON: bool;
    /// For blocks of `size` bytes.
    fn new(size: W) -> Self;
    /// Returns the reciprocal of the size; anything where there are no bits.
    fn reciprocal(self) -> W;
}

/// No live bits.
#[derive(Clone, Copy, Debug)]
pub struct Unguarded;

/// Live bits; a block's number is found through this reciprocal.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct LiveBits<W: Word>(W);

impl<W: Word> Guard<W> for Unguarded {
    const ON: bool = false;
    fn new(_: W) -> Self {
        Self
    }
    fn reciprocal(self) -> W {
        W::wrap(0)
    }
}

impl<W: Word> Guard<W> for LiveBits<W> {
    const ON: bool = true;
    fn new(size: W) -> Self {
        Self(size.reciprocal_of())
    }
    #[inline(always)]
    fn reciprocal(self) -> W {
        self.0
    }
}

/// The counters of one pool; [`Uncounted`] is their empty twin.
pub trait Tally<W: Word>: Debug + sealed::Sealed {
    /// Returns counters that are all zero.
    fn new() -> Self;
    /// A block was allocated.
    fn allocated(&self);
    /// A block was deallocated.
    fn deallocated(&self);
    /// A request failed.
    fn failed(&self);
    /// Blocks in use, their peak and failed requests, where they are counted.
    fn read(&self) -> Option<[usize; 3]>;
    /// Starts the peak again from the blocks in use.
    fn reset_peak(&self);
}

/// No counters.
#[derive(Debug)]
pub struct Uncounted;

/// Counters; `failed` stops at the largest value of the word.
///
/// Blocks in use are counted by how many fewer they are than at the peak: then an allocation below
/// it, which is nearly every one, changes one number and looks at no other.
#[derive(Debug)]
#[repr(C)]
pub struct Counters<W: Word> {
    below_peak: Cell<W>,
    peak: Cell<W>,
    failed: Cell<W>,
}

impl<W: Word> Tally<W> for Uncounted {
    fn new() -> Self {
        Self
    }
    fn allocated(&self) {}
    fn deallocated(&self) {}
    fn failed(&self) {}
    fn read(&self) -> Option<[usize; 3]> {
        None
    }
    fn reset_peak(&self) {}
}

impl<W: Word> Counters<W> {
    /// More blocks are live than ever before. A pool has fewer than the word has values: this can't wrap.
    #[cold]
    fn rises(&self) {
        self.below_peak.set(W::wrap(0));
        self.peak.set(W::wrap(self.peak.get().get() + 1));
    }
}

impl<W: Word> Tally<W> for Counters<W> {
    fn new() -> Self {
        let zero = || Cell::new(W::wrap(0));
        Self { below_peak: zero(), peak: zero(), failed: zero() }
    }

    #[inline(always)]
    fn allocated(&self) {
        let below = self.below_peak.get().get();
        self.below_peak.set(W::wrap(below.wrapping_sub(1)));
        if below == 0 {
            self.rises();
        }
    }

    #[inline(always)]
    fn deallocated(&self) {
        self.below_peak.set(W::wrap(self.below_peak.get().get().wrapping_add(1)));
    }

    fn failed(&self) {
        saturating_increment(&self.failed);
    }

    fn read(&self) -> Option<[usize; 3]> {
        let [below, peak, failed] =
            [&self.below_peak, &self.peak, &self.failed].map(|counter| counter.get().get());
        // More are below the peak than it has only where blocks were freed twice, unchecked.
        Some([peak.saturating_sub(below), peak, failed])
    }

    fn reset_peak(&self) {
        let used = self.peak.get().get().saturating_sub(self.below_peak.get().get());
        self.peak.set(W::wrap(used));
        self.below_peak.set(W::wrap(0));
    }
}

/// The count of requests that a pool passed on; [`Unspilled`] is its empty twin.
pub trait Spill<W: Word>: Debug + sealed::Sealed {
    /// Whether requests are passed on.
    const ON: bool;
    /// Zero.
    fn new() -> Self;
    /// A request was served by a larger pool.
    fn spilled(&self);
    /// Returns how many there were.
    fn read(&self) -> usize;
}

/// No spilling.
#[derive(Debug)]
pub struct Unspilled;

/// Spilled requests; stops at the largest value of the word.
#[derive(Debug)]
#[repr(transparent)]
pub struct SpillCount<W: Word>(Cell<W>);

impl<W: Word> Spill<W> for Unspilled {
    const ON: bool = false;
    fn new() -> Self {
        Self
    }
    fn spilled(&self) {}
    fn read(&self) -> usize {
        0
    }
}

impl<W: Word> Spill<W> for SpillCount<W> {
    const ON: bool = true;
    fn new() -> Self {
        Self(Cell::new(W::wrap(0)))
    }
    fn spilled(&self) {
        saturating_increment(&self.0);
    }
    fn read(&self) -> usize {
        self.0.get().get()
    }
}

fn saturating_increment<W: Word>(counter: &Cell<W>) {
    let value = counter.get().get();
    if value < W::MAX {
        counter.set(W::wrap(value + 1));
    }
}
