//! Marks for `AddressSanitizer` which blocks are free, in builds with `--cfg asan`; else empty.
//!
//! The sanitizer can't know which part of an allocator's memory is live. With free blocks *poisoned*, a use after
//! free or past a block into a free neighbour is reported where it happens. Build with
//! `RUSTFLAGS="-Zsanitizer=address --cfg asan"`.

#[cfg(asan)]
use core::ffi::c_int;
use core::ptr::NonNull;

#[cfg(asan)]
unsafe extern "C" {
    fn __asan_poison_memory_region(start: *const u8, size: usize);
    fn __asan_unpoison_memory_region(start: *const u8, size: usize);
    fn __asan_address_is_poisoned(address: *const u8) -> c_int;
}

/// From here on, touching these bytes is an error.
#[inline(always)]
#[cfg_attr(not(asan), expect(unused_variables, reason = "the twin without the sanitizer"))]
pub fn poison(start: NonNull<u8>, size: usize) {
    #[cfg(asan)]
    // SAFETY: it writes the sanitizer's shadow memory only.
    unsafe {
        __asan_poison_memory_region(start.as_ptr(), size);
    }
}

/// These bytes may be used again.
#[inline(always)]
#[cfg_attr(not(asan), expect(unused_variables, reason = "the twin without the sanitizer"))]
pub fn unpoison(start: NonNull<u8>, size: usize) {
    #[cfg(asan)]
    // SAFETY: it writes the sanitizer's shadow memory only.
    unsafe {
        __asan_unpoison_memory_region(start.as_ptr(), size);
    }
}

/// Calls `act`, which touches the word of 8 bytes that starts here though it may be free; then it is as it was before.
#[inline(always)]
#[cfg_attr(not(asan), expect(unused_variables, reason = "the twin without the sanitizer"))]
pub fn with_word<T>(start: NonNull<u8>, act: impl FnOnce() -> T) -> T {
    #[cfg(asan)]
    {
        // SAFETY: it reads the sanitizer's shadow memory only.
        let was = unsafe { __asan_address_is_poisoned(start.as_ptr()) } != 0;
        unpoison(start, size_of::<u64>());
        let done = act();
        if was {
            poison(start, size_of::<u64>());
        }
        done
    }
    #[cfg(not(asan))]
    act()
}
