//! Pages by `VirtualAlloc`, waiting by `WaitOnAddress`: Windows. Every function allocates nothing.
//!
//! A reservation is given back as a whole, from its first byte. There are no forks.

use core::{
    ffi::c_void,
    mem::MaybeUninit,
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use stratalloc_core::ProviderError;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn VirtualAlloc(place: *mut c_void, size: usize, kind: u32, access: u32) -> *mut c_void;
    fn VirtualFree(start: *mut c_void, size: usize, kind: u32) -> i32;
    fn GetSystemInfo(info: *mut MaybeUninit<SystemInfo>);
    safe fn GetLastError() -> u32;
    safe fn GetCurrentThreadId() -> u32;
}

#[link(name = "api-ms-win-core-synch-l1-2-0", kind = "raw-dylib")]
unsafe extern "system" {
    fn WaitOnAddress(
        word: *const c_void,
        value: *const c_void,
        size: usize,
        milliseconds: u32,
    ) -> i32;
    fn WakeByAddressSingle(word: *const c_void);
}

/// What `GetSystemInfo` tells.
#[repr(C)]
struct SystemInfo {
    processor: u32,
    page_size: u32,
    addresses: [*mut c_void; 2],
    processors: [usize; 1],
    kinds: [u32; 3],
    levels: [u16; 2],
}

const MEM_COMMIT: u32 = 0x1000;
const MEM_RESERVE: u32 = 0x2000;
const MEM_DECOMMIT: u32 = 0x4000;
const MEM_RELEASE: u32 = 0x8000;
const PAGE_NOACCESS: u32 = 1;
const PAGE_READWRITE: u32 = 4;

/// `ERROR_NOT_ENOUGH_MEMORY` and `ERROR_COMMITMENT_LIMIT`.
const OUT_OF_MEMORY: [u32; 2] = [8, 1455];

/// Returns the size of the system's pages in bytes, a power of two.
#[inline]
pub fn page_size() -> usize {
    /// The size, once it was asked for; it orders nothing.
    static SIZE: AtomicU32 = AtomicU32::new(0);

    let mut size = SIZE.load(Ordering::Relaxed);
    if size == 0 {
        let mut info = MaybeUninit::uninit();
        // SAFETY: the call fills all of it.
        size = unsafe {
            GetSystemInfo(&raw mut info);
            info.assume_init_ref().page_size
        };
        SIZE.store(size, Ordering::Relaxed);
    }
    size as usize
}

/// Reserves `size` bytes somewhere, aligned to `align` (a power of two): no access, no memory behind them.
pub fn reserve(size: usize, align: usize) -> Result<NonNull<u8>, ProviderError> {
    take_aligned(size, align, MEM_RESERVE, PAGE_NOACCESS)
}

/// Maps `size` readable and writable bytes somewhere, aligned to `align` (a power of two).
pub fn map(size: usize, align: usize) -> Result<NonNull<u8>, ProviderError> {
    take_aligned(size, align, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
}

/// Makes `size` bytes from `start` readable and writable, and counts them against what the system has.
/// Content stays.
///
/// # Safety
///
/// The caller owns these bytes, of one reservation of this module.
pub unsafe fn commit(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    // SAFETY: the caller owns the bytes; nothing is taken from them.
    take(start.as_ptr(), size, MEM_COMMIT, PAGE_READWRITE).map(drop)
}

/// Gives the memory of `size` bytes from `start` back: no access until [`commit`], and zero after it.
///
/// # Safety
///
/// The caller owns these bytes, of one reservation of this module, and nothing live lies in them.
pub unsafe fn decommit(start: NonNull<u8>, size: usize) -> Result<(), ProviderError> {
    // SAFETY: the bytes are the caller's, and nothing lives in them.
    give(unsafe { VirtualFree(start.as_ptr().cast(), size, MEM_DECOMMIT) })
}

/// Gives a reservation back, which is `size` bytes from `start`; the addresses may be anyone's next.
///
/// # Safety
///
/// The caller owns the reservation, from this module, and nothing live lies in it.
pub unsafe fn unmap(start: NonNull<u8>, _size: usize) -> Result<(), ProviderError> {
    // SAFETY: the reservation is the caller's, and nothing lives in it. The system knows how long a reservation is.
    give(unsafe { VirtualFree(start.as_ptr().cast(), 0, MEM_RELEASE) })
}

/// How long a thread waits at most before it looks again, in milliseconds.
const PATIENCE: u32 = 10;

/// Sleeps while `word` is `value`, until a [`wake_one`] on it, or for a while. The caller looks again.
pub fn wait(word: &AtomicUsize, value: usize) {
    let (word, value) = (ptr::from_ref(word).cast(), (&raw const value).cast());
    // SAFETY: both lie in memory that lives through the call.
    unsafe { WaitOnAddress(word, value, size_of::<usize>(), PATIENCE) };
}

/// Wakes one of the threads that wait on `word`.
pub fn wake_one(word: &AtomicUsize) {
    // SAFETY: an address, which is only compared.
    unsafe { WakeByAddressSingle(ptr::from_ref(word).cast()) };
}

/// Returns the number of the calling thread, above the two low bits.
pub(crate) fn this_thread() -> usize {
    // Numbers are multiples of four, but that isn't promised.
    (GetCurrentThreadId() as usize) << 2
}

/// There are no forks.
pub(crate) fn watch_forks(_: unsafe extern "C" fn(), _: unsafe extern "C" fn()) {}

/// How often a place is looked for that another thread may take before us.
const ATTEMPTS: usize = 16;

/// Takes bytes aligned to `align`: as they come if that fits, else at an aligned place of what is free.
fn take_aligned(
    size: usize,
    align: usize,
    kind: u32,
    access: u32,
) -> Result<NonNull<u8>, ProviderError> {
    let start = take(ptr::null_mut(), size, kind, access)?;
    if start.addr().get() & (align - 1) == 0 {
        return Ok(start);
    }
    // SAFETY: new, so no one else knows it.
    unsafe { unmap(start, size) }?;
    take_free(size, align, |place| take(place, size, kind, access))
}

/// Has `size` bytes taken at an aligned place of what was free a moment ago. A reservation can't be trimmed, so that
/// it is given back before that, and another thread may come between: then the next place is looked for.
fn take_free(
    size: usize,
    align: usize,
    mut take_at: impl FnMut(*mut u8) -> Result<NonNull<u8>, ProviderError>,
) -> Result<NonNull<u8>, ProviderError> {
    let out_of_memory = ProviderError::OutOfMemory { size, align };
    let padded = size.checked_add(align).ok_or(out_of_memory)?;
    for _ in 0..ATTEMPTS {
        let wide = take(ptr::null_mut(), padded, MEM_RESERVE, PAGE_NOACCESS)?;
        let head = wide.addr().get().wrapping_neg() & (align - 1);
        let place = wide.as_ptr().wrapping_add(head);
        // SAFETY: new, so no one else knows it.
        unsafe { unmap(wide, padded) }?;
        if let Ok(start) = take_at(place) {
            return Ok(start);
        }
    }
    Err(out_of_memory)
}

/// Takes bytes at `place`, or anywhere if that is null. What is in use there is refused, unless it is
/// reserved and only to be committed.
fn take(place: *mut u8, size: usize, kind: u32, access: u32) -> Result<NonNull<u8>, ProviderError> {
    // SAFETY: the system takes nothing from anyone; committing twice changes nothing.
    let start = unsafe { VirtualAlloc(place.cast(), size, kind, access) };
    NonNull::new(start.cast()).ok_or_else(|| match GetLastError() {
        error if OUT_OF_MEMORY.contains(&error) => {
            ProviderError::OutOfMemory { size, align: page_size() }
        }
        error => system(error),
    })
}

fn give(done: i32) -> Result<(), ProviderError> {
    if done == 0 {
        return Err(system(GetLastError()));
    }
    Ok(())
}

fn system(error: u32) -> ProviderError {
    ProviderError::System { errno: i32::from_ne_bytes(error.to_ne_bytes()) }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::vec::Vec;

    use super::*;

    const SIZE: usize = 1 << 20;

    /// Takes an aligned place where another is there first the first `times` times; and how often it came too late.
    fn take_after(times: usize) -> (Result<NonNull<u8>, ProviderError>, usize) {
        let mut theirs = Vec::new();
        let answer = take_free(SIZE, SIZE, |place| {
            if theirs.len() < times {
                theirs.push(take(place, SIZE, MEM_RESERVE, PAGE_NOACCESS).unwrap());
            }
            take(place, SIZE, MEM_RESERVE, PAGE_NOACCESS)
        });
        for &start in &theirs {
            // SAFETY: reserved above, and known to nobody else.
            unsafe { unmap(start, SIZE) }.unwrap();
        }
        (answer, theirs.len())
    }

    #[test]
    fn a_place_that_another_takes_first_is_not_the_last() {
        let (answer, late) = take_after(ATTEMPTS / 2);
        let start = answer.unwrap();
        assert_eq!((start.addr().get() % SIZE, late), (0, ATTEMPTS / 2));
        assert_ne!(late, 0);
        // SAFETY: reserved above, and known to nobody else.
        unsafe { unmap(start, SIZE) }.unwrap();
    }

    #[test]
    fn who_is_always_too_late_gives_up() {
        let (answer, late) = take_after(usize::MAX);
        assert_eq!(answer, Err(ProviderError::OutOfMemory { size: SIZE, align: SIZE }));
        assert_eq!(late, ATTEMPTS);
    }
}
