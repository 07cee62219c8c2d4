//! What the suite knows of an allocator: how to make one, its limits, and what else it can do.

use std::{alloc::Layout, fmt};

use stratalloc_core::{Allocator, FreeUnsized, Owns, ResizeInPlace, UsableSize};
use thiserror::Error;

use crate::{Action, Extensions, Program, Violation, Watched};

/// Checks an allocator against the contract of [`Allocator`] and of the extension traits named.
///
/// Each check works on an allocator of its own, made by the closure; one that stands on a local
/// buffer is given by reference, `Suite::new(|| &pool)`, and must then serve as well after all was
/// given back as it did when new.
///
/// What is checked: alignment, size and overlap of every block; zeroed memory over dirty; content
/// through growing and shrinking, to other alignments too; sizes at each edge of the size classes
/// with all alignments; empty layouts; sizes at the end of the address space; blocks given back in
/// several orders and with any layout that fits; and programs of random requests, cut down to the
/// shortest that fails. The same requests are made on every run, so a failure repeats.
///
/// ```
/// use stratalloc_testkit::{Suite, System};
/// Suite::new(|| System).max_size(100_000).run();
/// ```
pub struct Suite<'s, A> {
    pub(super) make: Box<dyn Fn() -> A + 's>,
    pub(super) limits: Limits,
    pub(super) serves: Box<dyn Fn(Layout) -> bool + 's>,
    pub(super) bounded: bool,
    pub(super) programs: u64,
    pub(super) extensions: Extensions<A>,
    pub(super) threads: Option<Check<'s, A>>,
}

/// What requests stay within.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) max_size: usize,
    pub(super) max_align: usize,
}

impl Limits {
    /// Returns a layout within the limits: of these if they are, else of others.
    pub(super) fn clip(self, size: usize, align: usize) -> Layout {
        let size = if size <= self.max_size { size } else { size % (self.max_size + 1) };
        let align = align.min(self.max_align);
        Layout::from_size_align(size, align).unwrap_or(Layout::new::<u8>())
    }
}

/// One of the suite's checks.
pub(super) type Check<'s, A> = fn(&Suite<'s, A>) -> Result<(), Violation>;

/// What the suite found.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{check}: {violation}{}", after(program))]
pub struct Failure {
    /// The check that found it.
    pub check: &'static str,
    /// What is wrong.
    pub violation: Violation,
    /// The shortest sequence of requests found that shows it, where the check has one.
    pub program: Program,
}

fn after(program: &[Action]) -> String {
    if program.is_empty() { String::new() } else { format!(", after {program:#?}") }
}

impl<'s, A: Allocator> Suite<'s, A> {
    /// For the allocators that `make` makes: of any size to 4 MiB with any alignment to 2 MiB, and
    /// no extension trait.
    pub fn new(make: impl Fn() -> A + 's) -> Self {
        Self {
            make: Box::new(make),
            limits: Limits { max_size: 4 << 20, max_align: 2 << 20 },
            serves: Box::new(|_| true),
            bounded: false,
            programs: if cfg!(miri) { 3 } else { 60 },
            extensions: Extensions::default(),
            threads: None,
        }
    }

    /// Returns the largest size, in bytes, that one block has to be served with when nothing is live.
    #[must_use]
    pub fn max_size(mut self, bytes: usize) -> Self {
        self.limits.max_size = bytes;
        self
    }

    /// Returns the largest alignment, in bytes.
    #[must_use]
    pub fn max_align(mut self, bytes: usize) -> Self {
        self.limits.max_align = bytes;
        self
    }

    /// Which of the layouts within these limits one block has to be served with when nothing is
    /// live: all, unless this says otherwise.
    #[must_use]
    pub fn serves(mut self, serves: impl Fn(Layout) -> bool + 's) -> Self {
        self.serves = Box::new(serves);
        self
    }

    /// Sets how many random programs run; 60 without this.
    #[must_use]
    pub fn programs(mut self, count: u64) -> Self {
        self.programs = count;
        self
    }

    /// Its memory is bounded (by less than 100,000 blocks of any size): fill it, and check that
    /// nothing is lost by that.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.bounded = true;
        self
    }

    /// It knows which addresses are its own.
    #[must_use]
    pub fn owns(mut self) -> Self
    where
        A: Owns,
    {
        self.extensions = self.extensions.owns();
        self
    }

    /// It knows how large a block is.
    #[must_use]
    pub fn usable_size(mut self) -> Self
    where
        A: UsableSize,
    {
        self.extensions = self.extensions.usable_size();
        self
    }

    /// It resizes blocks in place.
    #[must_use]
    pub fn resize_in_place(mut self) -> Self
    where
        A: ResizeInPlace,
    {
        self.extensions = self.extensions.resize_in_place();
        self
    }

    /// It takes blocks back without a layout.
    #[must_use]
    pub fn free_unsized(mut self) -> Self
    where
        A: FreeUnsized,
    {
        self.extensions = self.extensions.free_unsized();
        self
    }

    /// Returns whether a lone block of this layout has to be served.
    pub(super) fn must_serve(&self, layout: Layout) -> bool {
        let Limits { max_size, max_align } = self.limits;
        layout.size() <= max_size && layout.align() <= max_align && (self.serves)(layout)
    }

    /// Makes an allocator.
    pub(super) fn make(&self) -> A {
        (self.make)()
    }

    /// Watches it.
    pub(super) fn watch<'a>(&self, allocator: &'a A) -> Watched<'a, A> {
        Watched::with_extensions(allocator, self.extensions)
    }
}

impl<A> fmt::Debug for Suite<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("limits", &self.limits)
            .field("bounded", &self.bounded)
            .field("extensions", &self.extensions)
            .finish_non_exhaustive()
    }
}
