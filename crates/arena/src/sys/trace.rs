//! Traces: the return addresses of the calls that the calling thread is in.

/// The most calls of a trace.
pub(crate) const DEEPEST: usize = 128;

/// Loads what the system's unwinder needs, which allocates; `capture` allocates nothing from then on.
pub(crate) fn prepare() {
    capture(&mut [0; DEEPEST]);
}

/// Writes the return addresses of the calls that lead here, innermost first, as many as there is room for and [`DEEPEST`] at
/// most; returns how many. Zero where they can't be found.
///
/// It reads the tables that compilers write for every function, since few programs keep frame pointers. The caller holds
/// no lock.
#[cfg(all(target_env = "gnu", not(miri)))]
pub(crate) fn capture(trace: &mut [usize]) -> usize {
    unsafe extern "C" {
        fn backtrace(trace: *mut usize, most: core::ffi::c_int) -> core::ffi::c_int;
    }
    let most = trace.len().min(DEEPEST);
    // SAFETY: the slice has room for so many addresses.
    let depth = unsafe { backtrace(trace.as_mut_ptr(), core::ffi::c_int::from(most as u8)) };
    // Where the unwinder ends before `main`'s caller, its last address may be null.
    let depth = usize::try_from(depth).unwrap_or(0);
    trace[..depth].iter().rposition(|&address| address != 0).map_or(0, |last| last + 1)
}

/// Where the C library has no unwinder.
#[cfg(not(all(target_env = "gnu", not(miri))))]
pub(crate) fn capture(_trace: &mut [usize]) -> usize {
    0
}

#[cfg(all(test, target_env = "gnu", not(miri)))]
mod tests {
    use super::*;

    #[inline(never)]
    fn deeper(levels: usize, trace: &mut [usize; DEEPEST]) -> usize {
        let depth = if levels == 0 { capture(trace) } else { deeper(levels - 1, trace) };
        std::hint::black_box(depth)
    }

    #[test]
    fn each_call_adds_one_and_what_is_deeper_is_cut() {
        let mut trace = [0; DEEPEST];
        let few = deeper(3, &mut trace);
        assert_eq!(deeper(13, &mut trace), few + 10);
        assert!(trace[..few].iter().all(|&address| address != 0));
        assert_eq!(deeper(1000, &mut trace), DEEPEST);
    }
}
