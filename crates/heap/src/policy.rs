//! What may be chosen about a heap, each choice measured in `docs/HEAP.md`.

/// The choices of a heap, as a type: `Heap<B, Compact>`.
///
/// Implement it for a type of your own to choose otherwise; the constants are checked when the
/// heap is compiled.
///
/// ```
/// use stratalloc_heap::{Fit, Policy};
///
/// /// Eight-byte granules, for a program that asks for no more alignment.
/// struct Packed;
///
/// impl Policy for Packed {
///     const GRANULE: usize = 8;
/// }
/// ```
pub trait Policy: 'static {
    /// Bytes of a granule: the unit of sizes and the least alignment of blocks; 8 or 16.
    const GRANULE: usize = 16;

    /// Requests of this many bytes or more take the far end of the free block that they split, so
    /// that short-lived small blocks don't come to lie between large ones.
    const FAR_END_FROM: usize = 96;

    /// Requests of this many bytes or more take the near end of a hole all the same, and the far end
    /// only of the top: they live long, and so they fill holes one after the other from the same side.
    const NEAR_END_FROM: usize = 4096;

    /// Which block of a bin of many sizes is taken.
    const FIT: Fit = Fit::Bounded(4);

    /// Where a freed block enters its bin.
    const ORDER: Order = Order::Lifo;

    /// Whether requests of at most 16 bytes share slabs, at one bit each.
    const CELLS: bool = true;

    /// Whether every call takes a bounded number of steps, but for copying a block that moves, for the
    /// base's part, and for adding memory, which then is opened at once: at most [`MOST_WAITING`]
    /// blocks wait in quick lists. Needs a bounded [`FIT`](Self::FIT) and [`Order::Lifo`].
    const BOUNDED: bool = false;
}

/// How many freed blocks wait at most in a heap whose calls are [bounded](Policy::BOUNDED).
pub const MOST_WAITING: usize = 16;

/// Which block of a bin is taken, in the bins that hold many sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The first that is large enough.
    First,
    /// The smallest that is large enough.
    Best,
    /// The first that is large enough among this many, so that the search is bounded.
    Bounded(u32),
    /// The largest.
    Worst,
}

/// Where a freed block enters its bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In front: the last freed is used first, while it is still in the caches.
    Lifo,
    /// By address: linear in the bin's length.
    Address,
}

/// The default: space and speed together.
#[derive(Clone, Copy, Debug)]
pub struct Compact;

impl Policy for Compact {}

/// Granules of 8 bytes: for programs that never need more than 8-byte alignment unless they ask.
#[derive(Clone, Copy, Debug)]
pub struct Granule8;

impl Policy for Granule8 {
    const GRANULE: usize = 8;
}

/// For programs with deadlines: as [`Compact`], but that each call has a bound that doesn't depend on
/// how many blocks there are, nor on how long they are.
///
/// ```
/// use stratalloc_heap::{Bounded, Heap, NoBase};
///
/// let heap: Heap<NoBase, Bounded> = Heap::from_slice(vec![0; 65_536].leak());
/// assert!(!heap.malloc(100).is_null());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Bounded;

impl Policy for Bounded {
    const BOUNDED: bool = true;
}
