//! Both ways between our [`Allocator`](crate::Allocator) and the traits that the ecosystem uses.
//!
//! | trait | feature | of ours, theirs | of theirs, ours |
//! |---|---|---|---|
//! | `allocator_api2` 0.2 (hashbrown, bumpalo) | `allocator-api2-02` | [`ecosystem!`](crate::ecosystem!) | `api2_02::FromEcosystem` |
//! | `allocator_api2` 0.4 (talc) | `allocator-api2-04` | [`ecosystem!`](crate::ecosystem!) | `api2_04::FromEcosystem` |
//! | `core::alloc::Allocator` | `nightly` | [`ecosystem!`](crate::ecosystem!) | `nightly::FromEcosystem` |
//! | [`GlobalAlloc`](core::alloc::GlobalAlloc) | none needed | [`global_alloc!`](crate::global_alloc!) | [`FromGlobal`]; with `std`, the system's: `System` |
//!
//! Coherence forbids an implementation for all of our allocators at once, so each type has its own,
//! from one line. The methods have the same names, arguments and promises on both sides, and each
//! call passes straight through.

use core::ptr::{self, NonNull};

use crate::AllocError;

mod export;
mod from_global;
#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04", feature = "nightly"))]
mod import;

#[cfg(feature = "std")]
mod system;

pub use from_global::FromGlobal;
#[cfg(feature = "std")]
#[doc(hidden)]
pub use system::System;

/// Returns the address of a block, or null: how [`GlobalAlloc`](core::alloc::GlobalAlloc) answers.
#[doc(hidden)]
#[inline]
pub fn start_or_null(answer: Result<NonNull<[u8]>, AllocError>) -> *mut u8 {
    answer.map_or(ptr::null_mut(), |block| block.as_ptr().cast())
}

/// Calls an allocator from where nothing may unwind: a panic ends the process with one line.
#[doc(hidden)]
#[inline]
pub fn without_unwinding<T>(call: impl FnOnce() -> T) -> T {
    struct FatalOnDrop;

    impl Drop for FatalOnDrop {
        #[cold]
        fn drop(&mut self) {
            crate::diag::fatal(format_args!("a global allocator panicked"));
        }
    }

    let unwinding = FatalOnDrop;
    let answer = call();
    core::mem::forget(unwinding);
    answer
}

/// `allocator_api2` 0.2.
#[cfg(feature = "allocator-api2-02")]
pub mod api2_02 {
    pub use allocator_api2_02::alloc::{AllocError, Allocator};
    super::import::from_ecosystem!();
}

/// `allocator_api2` 0.4.
#[cfg(feature = "allocator-api2-04")]
pub mod api2_04 {
    pub use allocator_api2_04::alloc::{AllocError, Allocator};
    super::import::from_ecosystem!();
}

/// The standard library's own, which needs a nightly compiler.
#[cfg(feature = "nightly")]
pub mod nightly {
    pub use core::alloc::{AllocError, Allocator};
    super::import::from_ecosystem!();
}
