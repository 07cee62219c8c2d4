//! The C library's functions that inspect the allocator, or set its parameters.

use core::ffi::c_int;

use stratalloc_arena::global;

/// `malloc_usable_size`: the bytes of a block that its owner may use, all of them; 0 for null.
///
/// # Safety
///
/// `block` is null, or live.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn malloc_usable_size(block: *const u8) -> usize {
    if block.is_null() {
        return 0;
    }
    // SAFETY: the block is live, by this function's contract.
    unsafe { global::usable_size(block.cast_mut()) }
}

/// `malloc_trim`: gives memory back to the system that serves nothing; returns 1 if there was any, else 0. The padding,
/// memory to keep at the heap's top, has no meaning here.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn malloc_trim(_pad: usize) -> c_int {
    c_int::from(global::trim() > 0)
}

/// `mallopt`: accepts the parameters of the GNU C library, none of which has a meaning here; returns 1 for one of them,
/// 0 for others.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn mallopt(parameter: c_int, _value: c_int) -> c_int {
    // M_MXFAST; M_TRIM_THRESHOLD (-1) to M_ARENA_MAX (-8).
    c_int::from(parameter == 1 || (-8..=-1).contains(&parameter))
}

/// `struct mallinfo2`, and with `c_int` the older `struct mallinfo`. Bytes but where said.
#[repr(C)]
#[derive(Default)]
pub(crate) struct MallInfo<T> {
    /// Bytes of the areas with memory behind them, without huge blocks.
    arena: T,
    /// Free chunks: not counted, 0.
    ordblks: T,
    /// The GNU C library's fast bins: none, 0.
    smblks: T,
    /// The number of huge blocks, which have mappings of their own.
    hblks: T,
    /// Bytes of huge blocks.
    hblkhd: T,
    /// Unused in the GNU C library too: 0.
    usmblks: T,
    /// Bytes in the GNU C library's fast bins: none, 0.
    fsmblks: T,
    /// Bytes of blocks handed out, to the program or to a thread's stock, without huge blocks.
    uordblks: T,
    /// The other bytes of `arena`.
    fordblks: T,
    /// Bytes that a trim gives back.
    keepcost: T,
}

/// `mallinfo2`: counts the memory that the allocator holds at this moment.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn mallinfo2() -> MallInfo<usize> {
    let stats = global::stats();
    MallInfo {
        arena: stats.touched,
        hblks: stats.huge_blocks,
        hblkhd: stats.huge,
        uordblks: stats.in_use,
        fordblks: stats.touched.saturating_sub(stats.in_use),
        keepcost: stats.trimmable,
        ..MallInfo::default()
    }
}

/// `mallinfo`: the same in `int`s; a larger figure becomes the largest `int`.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn mallinfo() -> MallInfo<c_int> {
    let int = |value: usize| c_int::try_from(value).unwrap_or(c_int::MAX);
    let info = mallinfo2();
    MallInfo {
        arena: int(info.arena),
        hblks: int(info.hblks),
        hblkhd: int(info.hblkhd),
        uordblks: int(info.uordblks),
        fordblks: int(info.fordblks),
        keepcost: int(info.keepcost),
        ..MallInfo::default()
    }
}
