//! The allocator of the process, as a value: over the best that the target can have.

#[cfg_attr(kind = "arenas", path = "global/arenas.rs")]
#[cfg_attr(any(kind = "heap", kind = "given"), path = "global/heap.rs")]
#[cfg_attr(kind = "system", path = "global/system.rs")]
mod imp;

#[cfg(all(kind = "arenas", feature = "announce"))]
mod announced;

/// What [`Stratalloc`] stands on, which the target decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The thread-partitioned arenas: Linux with 64 bits on x86-64, aarch64 and riscv64.
    Arenas,
    /// One heap: a [`Heap`](crate::heap::Heap) behind a lock over the system's pages (Windows, macOS, the BSDs,
    /// Android, other Linux), or a [`HeaderHeap`](crate::heap::HeaderHeap) over WebAssembly's memory.
    Heap,
    /// One heap in the memory that it is given, within critical sections: machines without a system.
    Given,
    /// The system's own allocator, where nothing else is known to work.
    System,
}

/// The process's allocator: `#[global_allocator]`, or an [`Allocator`](crate::core::Allocator) to pass about.
///
/// It has no state of its own: all values of it are the same allocator, [`KIND`](Self::KIND) says of which kind.
/// A block may be freed by any thread, also after the one that allocated it has ended.
///
/// With arenas, each thread is at home in an area of them; allocating and freeing there takes no lock and no
/// atomic operation. Memory is given back to the system late; [`Trim`](crate::core::Trim) gives it back now.
/// With a heap, each call takes its lock, but on WebAssembly without threads.
/// On a machine without a system, `Stratalloc::add_slice` gives it its memory first, and it needs the feature
/// `critical-section`.
///
/// A layout of size zero gets a block of its own, as if of one byte (but for the system's allocator).
///
/// # Errors
///
/// Null, or [`AllocError`](crate::core::AllocError), when the system has no more memory; all blocks stay as they
/// were.
///
/// # Example
///
/// ```
/// use core::alloc::Layout;
/// use stratalloc::{Stratalloc, core::Allocator};
///
/// let layout = Layout::new::<[u64; 100]>();
/// let block = Stratalloc.allocate(layout)?;
/// assert!(block.len() >= 800);
/// // SAFETY: just allocated, with this layout.
/// unsafe { Stratalloc.deallocate(block.cast(), layout) };
/// # Ok::<(), stratalloc::core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stratalloc;

impl Stratalloc {
    /// What it stands on here.
    ///
    /// ```
    /// use stratalloc::{Kind, Stratalloc};
    /// assert_eq!(Stratalloc::KIND == Kind::Arenas, cfg!(all(
    ///     target_os = "linux",
    ///     target_pointer_width = "64",
    ///     any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"),
    /// )));
    /// ```
    pub const KIND: Kind = imp::KIND;
}

stratalloc_core::ecosystem!(impl[] for Stratalloc);
