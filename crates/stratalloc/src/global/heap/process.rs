//! The heap of a process, which stands on the system's pages or on WebAssembly's memory.

use stratalloc_heap::Heap;
use stratalloc_pages::{ProcessLock, ProcessWide};

use crate::Kind;

pub(crate) const KIND: Kind = Kind::Heap;

#[cfg(not(target_arch = "wasm32"))]
type Base = stratalloc_pages::MemBlocks<stratalloc_pages::Mmap>;
#[cfg(not(target_arch = "wasm32"))]
const BASE: Base = stratalloc_pages::MemBlocks::new(stratalloc_pages::Mmap);

#[cfg(target_arch = "wasm32")]
type Base = stratalloc_pages::LinearMemory;
#[cfg(target_arch = "wasm32")]
const BASE: Base = stratalloc_pages::LinearMemory::new();

/// The heap of the process.
static HEAP: ProcessLock<Heap<Base>> = ProcessLock::new(Heap::new(BASE));

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
