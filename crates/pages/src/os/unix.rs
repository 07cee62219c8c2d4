//! Pages by POSIX's calls: macOS, the BSDs, and other Unix. Every function allocates nothing.
//!
//! A mapping is private. What is decommitted is mapped anew, without access: that gives the memory back and
//! reads as zero later on every system, where `madvise` means something else on each.

use core::{
    ptr::{self, NonNull},
    sync::atomic::AtomicUsize,
};

use rustix::{
    io::{self, Errno},
    mm::{self, MapFlags, MprotectFlags, ProtFlags},
    thread::{NanosleepRelativeResult, Timespec, nanosleep, sched_yield},
};
use stratalloc_core::ProviderError;

use super::aligned::System;

/// Returns the size of the system's pages in bytes, a power of two.
#[inline]
pub fn page_size() -> usize {
    rustix::param::page_size()
}

/// Reserves `size` bytes somewhere, aligned to `align` (a power of two): no access, no memory behind them.
pub fn reserve(size: usize, align: usize) -> Result<NonNull<u8>, ProviderError> {
    map_aligned(size, align, ProtFlags::empty())
}

/// Maps `size` readable and writable bytes somewhere, aligned to `align` (a power of two).
pub fn map(size: usize, align: usize) -> Result<NonNull<u8>, ProviderError> {
    map_aligned(size, align, ProtFlags::READ | ProtFlags::WRITE)
}

/// Makes `size` bytes from `start` readable and writable. Content stays.
///
/// # Safety
///
/// The caller owns these bytes, from this module.
pub unsafe fn commit(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    let flags = MprotectFlags::READ | MprotectFlags::WRITE;
    // SAFETY: the caller owns the bytes; nothing is taken from them.
    done(unsafe { mm::mprotect(start.as_ptr().cast(), size, flags) }, size)
}

/// Gives the memory of `size` bytes from `start` back: no access until [`commit`], and zero after it.
///
/// # Safety
///
/// The caller owns these bytes, from this module, and nothing live lies in them.
pub unsafe fn decommit(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    let flags = MapFlags::PRIVATE | MapFlags::FIXED;
    let place = start.as_ptr().cast();
    // SAFETY: over bytes of the caller's, in which nothing lives.
    done(unsafe { mm::mmap_anonymous(place, size, ProtFlags::empty(), flags) }.map(drop), size)
}

/// Gives `size` bytes from `start` back; the addresses may be anyone's next.
///
/// # Safety
///
/// The caller owns these bytes, from this module, and nothing live lies in them.
pub unsafe fn unmap(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    // SAFETY: the caller owns the bytes, and nothing refers to them.
    done(unsafe { mm::munmap(start.as_ptr().cast(), size) }, size)
}

/// How long a thread sleeps before it looks again.
const NAP: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000 };

/// Sleeps for a short while: these systems have no public call to wait by.
pub fn wait(_: &AtomicUsize, _: usize) {
    if let NanosleepRelativeResult::Err(_) = nanosleep(&NAP) {
        sched_yield();
    }
}

/// Does nothing: who waits looks again by itself.
pub fn wake_one(_: &AtomicUsize) {}

/// Maps `size` bytes aligned to `align`.
fn map_aligned(size: usize, align: usize, access: ProtFlags) -> Result<NonNull<u8>, ProviderError> {
    let system = System { page_size: page_size(), unmap };
    system.map_aligned(size, align, |size, _| map_anywhere(size, access))
}

fn map_anywhere(size: usize, access: ProtFlags) -> Result<NonNull<u8>, ProviderError> {
    // SAFETY: no place is named, so no memory in use is changed.
    let start = unsafe { mm::mmap_anonymous(ptr::null_mut(), size, access, MapFlags::PRIVATE) };
    let start = start.map_err(|errno| error(errno, size))?;
    // A mapping at address zero counts as refused.
    NonNull::new(start.cast()).ok_or_else(|| error(Errno::INVAL, size))
}

fn done(result: io::Result<()>, size: usize) -> Result<(), ProviderError> {
    result.map_err(|errno| error(errno, size))
}

fn error(errno: Errno, size: usize) -> ProviderError {
    match errno {
        Errno::NOMEM => ProviderError::OutOfMemory { size, align: page_size() },
        other => ProviderError::System { errno: other.raw_os_error() },
    }
}
