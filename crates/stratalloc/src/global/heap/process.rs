//! The heap of a process, which stands on the system's pages.

use stratalloc_heap::Heap;
use stratalloc_pages::{MemBlocks, Mmap, ProcessLock, ProcessWide};

use crate::Kind;

pub(crate) const KIND: Kind = Kind::Heap;

type Base = MemBlocks<Mmap>;

/// The heap of the process.
static HEAP: ProcessLock<Heap<Base>> = ProcessLock::new(Heap::new(MemBlocks::new(Mmap)));

/// Names [`HEAP`].
struct Global;

impl ProcessWide for Global {
    type Value = Heap<Base>;

    #[inline]
    fn lock() -> &'static ProcessLock<Heap<Base>> {
        &HEAP
    }
}

// Before there are threads that fork.
#[cfg(unix)]
stratalloc_pages::at_start!({ ProcessLock::watch::<Global>() });

/// Acts on the heap while nobody else can.
#[inline]
pub(super) fn with<T>(act: impl FnOnce(&Heap<Base>) -> T) -> T {
    ProcessLock::with::<Global, _>(act)
}
