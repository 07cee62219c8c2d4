//! The system calls on anonymous memory, each one thin function. Linux.
//!
//! Every function is async-signal-safe, allocates nothing, doesn't touch `errno`, and may be called
//! before the C library is set up. Sizes and addresses are bytes; each must be a multiple of
//! [`page_size`], else the system refuses with `EINVAL`. A mapping is private, and reads as zero
//! where it was not written.
//!
//! # What a failed call leaves behind
//!
//! Not every system call that fails has changed nothing; each function says what may be left. In
//! general, of a range that is one mapping nothing is changed. Of several mappings, one after another is
//! changed, up to the one that fails. The kernel splits a mapping where a range begins and ends within
//! it, and leaves it split.
//!
//! With the feature `faults`, a test can make calls fail either way: see [`faults`].

pub mod faults;
mod moving;
mod wait;

use core::ptr::{self, NonNull};

use rustix::{
    io::{self, Errno},
    mm::{self, Advice, MapFlags, MprotectFlags, MremapFlags, ProtFlags},
};
use stratalloc_core::ProviderError;

use super::aligned::System;

pub use moving::{MoveError, move_pages};
#[cfg(all(test, not(loom)))]
pub(crate) use wait::refuse_to_wait;
pub use wait::{wait, wait_for, wake_one};

unsafe extern "C" {
    // Of the C library, which every hosted Rust program has. rustix reads the same value by
    // `prctl` or from `/proc`, and panics where an old kernel or a chroot has neither.
    safe fn getauxval(key: usize) -> usize;
}

/// `AT_PAGESZ` of Linux's auxiliary vector.
const AUXV_PAGE_SIZE: usize = 6;

/// Returns the size of the system's pages in bytes, a power of two, as the kernel told this process.
///
/// ```
/// assert!(stratalloc_pages::os::page_size().is_power_of_two());
/// ```
#[inline]
pub fn page_size() -> usize {
    getauxval(AUXV_PAGE_SIZE)
}

/// Reserves `size` bytes exactly at `address`: no access, no memory behind them.
///
/// Fails if anything is mapped there (`EEXIST`).
pub fn reserve_at(address: usize, size: usize) -> Result<NonNull<u8>, ProviderError> {
    map_fixed(address, size, ProtFlags::empty(), MapFlags::NORESERVE)
}

/// Maps `size` readable and writable bytes exactly at `address`.
///
/// Fails if anything is mapped there (`EEXIST`).
pub fn map_at(address: usize, size: usize) -> Result<NonNull<u8>, ProviderError> {
    map_fixed(address, size, READ_WRITE, MapFlags::empty())
}

/// Reserves `size` bytes somewhere, aligned to `align` (a power of two): no access, no memory
/// behind them.
pub fn reserve(size: usize, align: usize) -> Result<NonNull<u8>, ProviderError> {
    map_aligned(size, align, ProtFlags::empty(), MapFlags::NORESERVE)
}

/// Maps `size` readable and writable bytes somewhere, aligned to `align` (a power of two).
///
/// ```
/// use stratalloc_pages::os;
/// let block = os::map(1 << 16, 1 << 21)?;
/// assert_eq!(block.addr().get() % (1 << 21), 0);
/// // SAFETY: the mapping is ours, and nothing in it is used after.
/// unsafe { os::unmap(block, 1 << 16) }?;
/// # Ok::<(), stratalloc_core::ProviderError>(())
/// ```
pub fn map(size: usize, align: usize) -> Result<NonNull<u8>, ProviderError> {
    map_aligned(size, align, READ_WRITE, MapFlags::empty())
}

/// Gives `size` bytes from `start` back; the addresses may be anyone's next.
///
/// Splitting a mapping in the middle can fail where the process has all the mappings that
/// `vm.max_map_count` grants. All is mapped still after a failure, and has its content.
///
/// # Safety
///
/// The caller owns these bytes, from this module, and nothing live lies in them.
pub unsafe fn unmap(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    // SAFETY: the caller owns the bytes, and nothing refers to them.
    done(call(|| unsafe { mm::munmap(start.as_ptr().cast(), size) }), size)
}

/// Makes a mapping of `old` bytes one of `new` bytes, in place, or elsewhere if `may_move`; pages
/// move by page tables, not by copying.
///
/// The place moved to is aligned to the page size alone. After a failure all is as before.
///
/// # Safety
///
/// The caller owns the `old` bytes from `start`, which are one mapping of this module; nothing live
/// lies past `new` bytes; if it may move, nothing keeps an address in them.
pub unsafe fn remap(
    start: NonNull<u8>,
    old: usize,
    new: usize,
    may_move: bool,
) -> Result<NonNull<u8>, ProviderError> {
    let flags = if may_move { MremapFlags::MAYMOVE } else { MremapFlags::empty() };
    // SAFETY: the caller owns the bytes and allows for what happens to them.
    let moved = call(|| unsafe { mm::mremap(start.as_ptr().cast(), old, new, flags) });
    nonnull(moved.map_err(|errno| error(errno, new, page_size()))?)
}

/// Gives the memory behind `size` bytes from `start` back; they stay mapped, and read as zero.
///
/// After a failure some of them read as zero, and others have their content.
///
/// # Safety
///
/// The caller owns these bytes, from this module, and nothing live lies in them.
pub unsafe fn purge(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    // SAFETY: the caller owns the bytes, and no one minds that they become zero.
    change(start, size, |start, size| unsafe { mm::madvise(start, size, Advice::LinuxDontNeed) })
}

/// Asks for huge pages (of 2 MiB, mostly) behind `size` bytes from `start`, where the system gives them to
/// who asks. Content stays.
///
/// A hint that may well fail: a kernel may know no huge pages. After a failure it may hold for some of the
/// bytes.
///
/// # Safety
///
/// The caller owns these bytes, from this module.
pub unsafe fn prefer_huge(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    // SAFETY: the caller owns the bytes; their content isn't changed.
    change(start, size, |start, size| unsafe { mm::madvise(start, size, Advice::LinuxHugepage) })
}

/// Takes back that huge pages were [asked for](prefer_huge) behind `size` bytes from `start`: further pages there are small.
/// Content stays, and so do huge pages that are there.
///
/// A hint that may well fail, as that is.
///
/// # Safety
///
/// The caller owns these bytes, from this module.
pub unsafe fn avoid_huge(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    // SAFETY: the caller owns the bytes; their content isn't changed.
    change(start, size, |start, size| unsafe { mm::madvise(start, size, Advice::LinuxNoHugepage) })
}

/// Makes `size` bytes from `start` readable and writable. Content stays.
///
/// After a failure some of them may be, and others not.
///
/// # Safety
///
/// The caller owns these bytes, from this module.
pub unsafe fn protect_rw(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    let flags = MprotectFlags::READ | MprotectFlags::WRITE;
    // SAFETY: the caller owns the bytes; nothing is taken from them.
    change(start, size, |start, size| unsafe { mm::mprotect(start, size, flags) })
}

/// Makes every access to `size` bytes from `start` a fault. Content stays.
///
/// After a failure, access to some of them may be one: [`protect_rw`] comes before the next use, as after a
/// success.
///
/// # Safety
///
/// The caller owns these bytes, from this module, and no one reads or writes them until
/// [`protect_rw`].
pub unsafe fn protect_none(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    let flags = MprotectFlags::empty();
    // SAFETY: the caller owns the bytes, and sees to it that no one uses them.
    change(start, size, |start, size| unsafe { mm::mprotect(start, size, flags) })
}

const READ_WRITE: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

/// Maps exactly at `address`, over nothing.
fn map_fixed(
    address: usize,
    size: usize,
    access: ProtFlags,
    extra: MapFlags,
) -> Result<NonNull<u8>, ProviderError> {
    let place = ptr::without_provenance_mut(address);
    let start = map_anywhere(place, size, access, extra | MapFlags::FIXED_NOREPLACE)?;
    if start.addr().get() == address {
        return Ok(start);
    }
    // Linux before 4.17 doesn't know the flag and takes the address as a wish.
    // SAFETY: the mapping is new, so no one else knows it.
    unsafe { unmap(start, size) }?;
    Err(ProviderError::System { errno: Errno::EXIST.raw_os_error() })
}

/// Maps `size` bytes aligned to `align`.
fn map_aligned(
    size: usize,
    align: usize,
    access: ProtFlags,
    extra: MapFlags,
) -> Result<NonNull<u8>, ProviderError> {
    let system = System { page_size: page_size(), unmap };
    system.map_aligned(size, align, |size, is_larger| {
        // Padding isn't counted against what the system has: it isn't kept.
        let extra = if is_larger { extra | MapFlags::NORESERVE } else { extra };
        map_anywhere(ptr::null_mut(), size, access, extra)
    })
}

fn map_anywhere(
    place: *mut core::ffi::c_void,
    size: usize,
    access: ProtFlags,
    extra: MapFlags,
) -> Result<NonNull<u8>, ProviderError> {
    let flags = MapFlags::PRIVATE | extra;
    // SAFETY: the place is null or "over nothing", so no memory in use is changed.
    let start = call(|| unsafe { mm::mmap_anonymous(place, size, access, flags) });
    nonnull(start.map_err(|errno| error(errno, size, page_size()))?)
}

/// Makes a system call that changes a range mapping by mapping.
fn change(
    start: NonNull<u8>,
    size: usize,
    system: impl Fn(*mut core::ffi::c_void, usize) -> io::Result<()>,
) -> Result<(), ProviderError> {
    let start = start.as_ptr().cast();
    // As if the range were two mappings, and the call failed at the second.
    let halfway = || {
        let _ = system(start, size / 2 / page_size() * page_size());
    };
    done(call_or(halfway, || system(start, size)), size)
}

/// Makes a system call that does all or nothing.
#[inline(always)]
fn call<T>(system: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    call_or(|| (), system)
}

/// Makes a system call, or what it may leave behind when it fails `halfway`, if a test says so. Every
/// system call of this module goes through here.
#[inline(always)]
fn call_or<T>(halfway: impl FnOnce(), system: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    faults::admit(halfway)?;
    system()
}

fn done(result: io::Result<()>, size: usize) -> Result<(), ProviderError> {
    result.map_err(|errno| error(errno, size, page_size()))
}

fn error(errno: Errno, size: usize, align: usize) -> ProviderError {
    match errno {
        Errno::NOMEM => ProviderError::OutOfMemory { size, align },
        other => ProviderError::System { errno: other.raw_os_error() },
    }
}

/// A mapping at address zero (which only a privileged caller can ask for) counts as refused.
fn nonnull(start: *mut core::ffi::c_void) -> Result<NonNull<u8>, ProviderError> {
    NonNull::new(start.cast()).ok_or(ProviderError::System { errno: Errno::INVAL.raw_os_error() })
}

#[cfg(test)]
mod tests;
