//! Fetching: the processor is told what will be looked at, so that it waits for several places of memory at a time.

/// Has the processor fetch what lies at an address, which may be any. Where that isn't an instruction, nothing happens.
#[inline(always)]
pub(crate) fn fetch<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: it is a hint, good at any address: it reads nothing into the program.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
