//! The system calls of the arenas, on addresses that they own.

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

use stratalloc_core::ProviderError;
use stratalloc_pages::os;

/// Reserves address space exactly there.
pub(crate) fn reserve_at(address: usize, size: usize) -> Result<NonNull<u8>, ProviderError> {
    os::reserve_at(address, size)
}

/// Maps usable memory exactly there, over nothing.
pub(crate) fn map_at(address: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    os::map_at(address.addr().get(), size).map(drop)
}

/// Maps usable memory somewhere.
pub(crate) fn map(size: usize) -> Result<NonNull<u8>, ProviderError> {
    os::map(size.next_multiple_of(os::page_size()), os::page_size())
}

/// How many bytes are worth making usable at once.
///
/// As many as an arena of the smallest classes has, so that its memory is one mapping: with pieces of
/// arenas usable, a thousand threads come to more mappings than a process may have. Where the system
/// counts what is usable but not touched, that would soon be all there is; so little then.
pub(crate) fn commit_step() -> usize {
    static STEP: AtomicUsize = AtomicUsize::new(0);
    // `Relaxed`: who finds nothing asks for itself, and gets the same.
    match STEP.load(Ordering::Relaxed) {
        0 => {
            let step = if os::counts_untouched() { 256 << 10 } else { 4 << 20 };
            STEP.store(step, Ordering::Relaxed);
            step
        }
        step => step,
    }
}

/// Makes reserved memory usable.
pub(crate) fn commit(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    // SAFETY: the callers own the reserved bytes.
    unsafe { os::protect_rw(start, round_to_pages(size)) }
}

/// Asks for huge pages; whether they come is the system's choice.
pub(crate) fn prefer_huge(start: NonNull<u8>, size: usize) {
    // SAFETY: the callers own the bytes.
    let _ = unsafe { os::prefer_huge(start, size) };
}

/// Gives the memory behind `size` bytes back; they read as zero from then on. Says whether the
/// system did.
pub(crate) fn purge(start: *mut u8, size: usize) -> bool {
    let Some(start) = NonNull::new(start) else { return false };
    // SAFETY: the callers own the bytes, and nothing live lies in them.
    size == 0 || unsafe { os::purge(start, round_to_pages(size)) }.is_ok()
}

/// Zeroed by giving the memory back from this many bytes on. Much of so large a block may never have been
/// touched, and wouldn't have been for a long time.
const WORTH_PURGING_ZEROES: usize = 32 << 20;

/// Makes `size` bytes zero, from a page's start if they are many.
///
/// # Safety
///
/// The caller owns the bytes and the pages that they lie in.
pub(crate) unsafe fn zero(start: *mut u8, size: usize) {
    if size < WORTH_PURGING_ZEROES || !purge(start, size) {
        // SAFETY: the caller's promise.
        unsafe { start.write_bytes(0, size) };
    }
}

/// Makes memory unusable that was purged: reserved again, or `wholly` given back. Says whether the system
/// could.
pub(crate) fn decommit(start: NonNull<u8>, size: usize, wholly: bool) -> bool {
    // SAFETY: the callers own the bytes, nothing live lies in them, and they commit before the next use.
    unsafe { if wholly { os::unmap(start, size) } else { os::protect_none(start, size) }.is_ok() }
}

/// Gives address space back.
pub(crate) fn unmap(start: NonNull<u8>, size: usize) {
    // SAFETY: the callers own the bytes, and nothing live lies in them. Should the system refuse, the
    // address space is lost and the memory with it; nothing else can be done.
    let _ = unsafe { os::unmap(start, size) };
}

/// The next multiple of the system's page size.
pub(crate) fn round_to_pages(size: usize) -> usize {
    /// The size less one, once it was asked for: the C library looks for it each time.
    static MASK: AtomicUsize = AtomicUsize::new(0);

    let mut mask = MASK.load(Ordering::Relaxed);
    if mask == 0 {
        mask = os::page_size() - 1;
        MASK.store(mask, Ordering::Relaxed);
    }
    (size + mask) & !mask
}

/// Milliseconds of a clock that only goes forward, to a few of them.
pub(crate) fn milliseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is written to `now`; a clock that is unknown leaves it as it is.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    now.tv_sec.cast_unsigned() * 1000 + now.tv_nsec.cast_unsigned() / 1_000_000
}

/// The process's page faults so far, minor and major.
pub(crate) fn page_faults() -> (u64, u64) {
    // SAFETY: all zero is a `rusage`, which the system writes to.
    let usage = unsafe {
        let mut usage = core::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    (usage.ru_minflt.cast_unsigned(), usage.ru_majflt.cast_unsigned())
}

/// A number that differs from run to run.
pub(crate) fn random() -> usize {
    // SAFETY: AT_RANDOM is the address of 16 random bytes, or zero.
    unsafe {
        let bytes = libc::getauxval(libc::AT_RANDOM) as *const [u8; 8];
        if bytes.is_null() { 0 } else { usize::from_ne_bytes(*bytes) }
    }
}
