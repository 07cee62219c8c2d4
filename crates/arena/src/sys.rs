//! The system calls of the arenas, on addresses that they own.

mod advice;
mod file;
mod huge_pages;
pub(crate) mod lock;
pub(crate) mod mappings;
pub(crate) mod maps;
pub(crate) mod mark;
pub(crate) mod modules;
pub(crate) mod moving;
pub(crate) mod paged;
pub(crate) mod probe;
pub(crate) mod shared_file;
pub(crate) mod space;
pub(crate) mod spares;
pub(crate) mod trace;

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

use stratalloc_core::ProviderError;
use stratalloc_pages::os;

pub(crate) use crate::sys::advice::{
    avoid_huge, fault_in, is_advice_allowed, prefer_huge, purge, set_advice,
};
pub(crate) use crate::sys::huge_pages::huge_pages_come_unasked;

use crate::{plan::geometry::AREA_SHIFT, thresholds::WORTH_PURGING_ZEROES};

/// Maps usable memory exactly there, over nothing.
pub(crate) fn map_at(address: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    os::map_at(address.addr().get(), size).map(drop)
}

/// Maps usable memory somewhere.
pub(crate) fn map(size: usize) -> Result<NonNull<u8>, ProviderError> {
    os::map(size.next_multiple_of(os::page_size()), os::page_size())
}

/// Reserves address space somewhere, at a page's start: it can't be used, and has no memory.
pub(crate) fn reserve(size: usize) -> Result<NonNull<u8>, ProviderError> {
    os::reserve(size, os::page_size())
}

/// Reserves address space exactly there, over nothing: it can't be used, and has no memory.
pub(crate) fn reserve_at(address: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    os::reserve_at(address.addr().get(), size).map(drop)
}

/// Maps usable memory exactly there, over nothing, behind usable memory of the caller's: mostly, one mapping
/// has both then.
///
/// # Safety
///
/// The page before is usable, and the caller's.
pub(crate) unsafe fn map_after(address: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    let mapped = map_at(address, size);
    let Err(ProviderError::OutOfMemory { .. }) = mapped else { return mapped };
    // A process that has all its mappings is refused another, but not a longer one.
    let page = os::page_size();
    let Some(last) = NonNull::new(address.as_ptr().wrapping_sub(page)) else { return mapped };
    // SAFETY: the page before is usable and the caller's, by this function's contract; it stays where and as it is.
    let longer = unsafe { os::remap(last, page, page + size, false) };
    if longer.is_ok() { Ok(()) } else { mapped }
}

/// Whether something stands where memory was to be mapped.
pub(crate) fn is_occupied(error: &ProviderError) -> bool {
    matches!(*error, ProviderError::System { errno } if errno == libc::EEXIST)
}

/// Makes `size` bytes zero: where they are many, from a page's start, by giving their memory back.
///
/// # Safety
///
/// The caller owns the bytes and the pages that they lie in.
pub(crate) unsafe fn zero(start: *mut u8, size: usize) {
    // SAFETY: the caller owns the bytes and their pages, by this function's contract; nothing needed lies in what is
    // to be zero.
    unsafe {
        let pages = size & !(round_to_pages(1) - 1);
        if size < WORTH_PURGING_ZEROES || !purge(start, pages) {
            start.write_bytes(0, size);
        } else {
            // The rest of the last page may be in use.
            start.add(pages).write_bytes(0, size - pages);
        }
    }
}

/// Gives address space back; returns whether the system took it. If it refuses, all is as it was.
///
/// # Safety
///
/// The bytes are the caller's, and nothing live lies in them. The caller doesn't touch them any more if they are taken.
pub(crate) unsafe fn unmap(start: NonNull<u8>, size: usize) -> bool {
    // SAFETY: the bytes are the caller's and nothing live lies in them, by this function's contract.
    unsafe { os::unmap(start, size) }.is_ok()
}

/// Makes every access to usable memory a fault, and keeps what is in it; returns whether the system did. If it refuses,
/// some of it may be as after a success.
///
/// # Safety
///
/// The pages are the caller's, and nobody touches them before [`unlock`], whatever it returns.
pub(crate) unsafe fn lock(start: NonNull<u8>, size: usize) -> bool {
    // SAFETY: the pages are the caller's, and nobody touches them from now on, by this function's contract.
    unsafe { os::protect_none(start, size) }.is_ok()
}

/// Makes memory usable again after [`lock`]; returns whether the system did.
///
/// # Safety
///
/// The pages are the caller's.
pub(crate) unsafe fn unlock(start: NonNull<u8>, size: usize) -> bool {
    // SAFETY: the pages are the caller's, by this function's contract.
    unsafe { os::protect_rw(start, size) }.is_ok()
}

/// The next multiple of the system's page size.
pub(crate) fn round_to_pages(size: usize) -> usize {
    /// The page size less one; zero before it is known. `os::page_size` asks the C library each time.
    static MASK: AtomicUsize = AtomicUsize::new(0);

    let mut mask = MASK.load(Ordering::Relaxed);
    if mask == 0 {
        mask = os::page_size() - 1;
        MASK.store(mask, Ordering::Relaxed);
    }
    (size + mask) & !mask
}

/// The milliseconds of a clock that never goes back, exact to a few milliseconds.
pub(crate) fn milliseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is written to `now`; a clock that is unknown leaves it as it is.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    now.tv_sec.unsigned_abs() * 1000 + now.tv_nsec.unsigned_abs() / 1_000_000
}

/// The process's page faults so far, minor and major.
pub(crate) fn page_faults() -> (u64, u64) {
    // SAFETY: all zero is a `rusage`, which the system writes to.
    let usage = unsafe {
        let mut usage = core::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    (usage.ru_minflt.unsigned_abs(), usage.ru_majflt.unsigned_abs())
}

/// The bits of the addresses that the process may use, `most` at most.
///
/// The kernel puts the first stack at their end. Emulators don't: where the stack lies lower, the system is asked.
pub(crate) fn address_bits(most: u32) -> u32 {
    // SAFETY: the call has no preconditions.
    let on_stack = unsafe { libc::getauxval(libc::AT_RANDOM) } as usize;
    let exist = |&bits: &u32| on_stack >> (bits - 1) != 0 || has_upper_half_of(bits);
    (AREA_SHIFT + 1..=most).rev().find(exist).unwrap_or(AREA_SHIFT)
}

/// Whether the system has addresses for this process of which the highest of so many bits is set.
///
/// An occupied place proves nothing: an emulator, or a kernel before 4.17, takes an address that doesn't exist for a
/// wish, and maps elsewhere.
fn has_upper_half_of(bits: u32) -> bool {
    let half = 1 << (bits - 1);
    (0..PLACES).any(|place| may_map_at(half + half / PLACES * place))
}

/// The places of such a half that are tried before it counts as missing.
const PLACES: usize = 4;

/// Whether a page can be mapped there.
fn may_map_at(address: usize) -> bool {
    let size = os::page_size();
    // SAFETY: just mapped.
    os::reserve_at(address, size).is_ok_and(|start| unsafe { unmap(start, size) })
}

/// Has the calling thread sleep for a second, or until a signal comes.
pub(crate) fn sleep_a_second() {
    let second = libc::timespec { tv_sec: 1, tv_nsec: 0 };
    // By number: the C library's `nanosleep` is a point at which threads are cancelled.
    // SAFETY: the time is readable.
    unsafe { libc::syscall(libc::SYS_nanosleep, &raw const second, core::ptr::null::<u8>()) };
}

/// Calls `act`, which may change `errno`, and restores `errno`.
pub(crate) fn keeping_errno<T>(act: impl FnOnce() -> T) -> T {
    // SAFETY: the place is the calling thread's own, and stays as long as the thread.
    unsafe {
        let place = libc::__errno_location();
        let before = place.read();
        let done = act();
        place.write(before);
        done
    }
}

/// The number of the calling thread.
pub(crate) fn thread() -> usize {
    // SAFETY: the call has no preconditions. By number, since the C library before 2.30 has no name for it.
    unsafe { libc::syscall(libc::SYS_gettid) }.unsigned_abs() as usize
}

/// The number of this process.
pub(crate) fn process() -> i32 {
    // SAFETY: `getpid` has no preconditions.
    unsafe { libc::getpid() }
}

/// A number that nobody can guess, where the system has one; else one that differs from run to run.
pub(crate) fn entropy() -> u64 {
    let mut word = 0_u64;
    // By number: the C library's `getrandom` is a point at which threads are cancelled.
    // SAFETY: the word may be written.
    let got = unsafe {
        let place = &raw mut word;
        libc::syscall(libc::SYS_getrandom, place, size_of::<u64>(), libc::GRND_NONBLOCK)
    };
    match usize::try_from(got) {
        Ok(8) => word,
        _ => random() as u64 ^ milliseconds(),
    }
}

/// A number that differs from run to run.
pub(crate) fn random() -> usize {
    // SAFETY: AT_RANDOM is the address of 16 random bytes, or zero.
    unsafe {
        let bytes = libc::getauxval(libc::AT_RANDOM) as *const [u8; 8];
        if bytes.is_null() { 0 } else { usize::from_ne_bytes(*bytes) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_taken_for_a_wish_is_not_there() {
        let page = map(1).unwrap();
        assert!(!may_map_at(page.addr().get()));
        // SAFETY: just mapped.
        assert!(unsafe { unmap(page, os::page_size()) });
        assert!(may_map_at(page.addr().get()));
        assert!(!has_upper_half_of(63));
    }
}
