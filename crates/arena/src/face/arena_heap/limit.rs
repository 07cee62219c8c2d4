//! The limit of one arena heap.

use core::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator};

use crate::{
    cache::slot,
    face::{
        ArenaHeap,
        limit::{self, Exceeded, Refused},
    },
};

impl ArenaHeap {
    /// Creates an empty heap that never holds more than so many bytes. O(1), beside the memory that a dropped heap
    /// left and that is beyond the limit.
    ///
    /// What counts is what counts for the [process](crate::limit): blocks in use, free blocks at hand and memory kept for
    /// the next use, in granules of 64 KiB. So the limit is rounded down to these, and is one at least. A request beyond
    /// it first has memory of this heap given back that serves nothing, and is refused if that isn't enough. The heap goes
    /// on serving then, and [`reset`](Self::reset) makes room for all of it again. Kept memory that the system refuses
    /// to take back counts on.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    ///
    /// # Example
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use stratalloc_arena::{ArenaHeap, limit::Refused};
    ///
    /// let mut heap = ArenaHeap::with_limit(1 << 20)?;
    /// let layout = Layout::new::<[u8; 1000]>();
    /// let mut blocks = 0;
    /// let refused = loop {
    ///     match heap.try_allocate(layout) {
    ///         Ok(_) => blocks += 1,
    ///         Err(refused) => break refused,
    ///     }
    /// };
    /// assert!(matches!(refused, Refused::Heap(exceeded) if exceeded.limit == 1 << 20));
    /// assert!((900..1049).contains(&blocks));
    /// heap.reset();
    /// assert!(heap.try_allocate(layout).is_ok());
    /// # Ok::<(), stratalloc_core::AllocError>(())
    /// ```
    pub fn with_limit(bytes: usize) -> Result<Self, AllocError> {
        let heap = Self::new()?;
        heap.heap().limit_to(slot::mark(), bytes);
        Ok(heap)
    }

    /// The most bytes that the heap may hold, if it has a limit of its own. O(1), under the heap's lock.
    pub fn limit(&self) -> Option<usize> {
        self.heap().pools(slot::mark()).grant.limit()
    }

    /// As [`Allocator::allocate`], with an error that names the reason.
    pub fn try_allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, Refused> {
        self.allocate(layout).map_err(|AllocError| self.reason(layout))
    }

    /// What stood against a request.
    #[cold]
    fn reason(&self, layout: Layout) -> Refused {
        let wanted = layout.size();
        let counted = limit::counted(wanted, layout.align());
        match self.heap().pools(slot::mark()).stand_against(counted) {
            Some((held, limit)) => Refused::Heap(Exceeded { wanted, held, limit }),
            None => limit::stands_against(wanted).map_or(Refused::System, Refused::Limit),
        }
    }
}
