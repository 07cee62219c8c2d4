//! What can go wrong, said in small `Copy` types.

use thiserror::Error;

/// The request can't be served: memory is out, or the allocator never serves such a layout.
///
/// The twin of [`core::alloc`]'s unstable type of the same name. The allocator is as it was
/// before the call.
#[derive(Clone, Copy, Debug, Default, Error, PartialEq, Eq)]
#[error("memory allocation failed")]
pub struct AllocError;

/// A [`PageProvider`](crate::PageProvider) could not do what was asked.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProviderError {
    /// No range of `size` bytes aligned to `align` bytes is left.
    #[error("no {size} bytes aligned to {align} are left")]
    OutOfMemory {
        /// Bytes asked for.
        size: usize,
        /// Alignment asked for, in bytes.
        align: usize,
    },
    /// A size, offset or alignment that isn't a multiple of the page size, zero, or out of range.
    #[error("{value} is not a positive multiple of the page size {page_size} within the range")]
    Misaligned {
        /// The offending number of bytes.
        value: usize,
        /// The provider's page size in bytes.
        page_size: usize,
    },
    /// Pages that aren't a power of two bytes long, or too short for the provider's books.
    #[error("a page of {page_size} bytes is not a power of two from {least} on")]
    PageSize {
        /// Bytes asked for.
        page_size: usize,
        /// The least that there can be.
        least: usize,
    },
    /// The operating system refused, with this error number.
    #[error("the system refused with error {errno}")]
    System {
        /// The system's error number (`errno`).
        errno: i32,
    },
}
