//! The seed's three functions, for C, on a heap of 65,536 bytes that is part of the library.
//!
//! `include/pool_alloc.h` declares and describes them (S0.2). Calls may come from interrupts and
//! threads: each is a critical section.

use core::{cell::UnsafeCell, mem::MaybeUninit, ptr::NonNull, slice};

use crate::{
    Checked, Config, CriticalSectionLock, FreeError, Pool,
    exclusion::Excluded,
    state::{Shape, State},
};

/// The size of the heap in bytes.
pub const HEAP_SIZE: usize = 65_536;

#[repr(C, align(64))]
struct Heap(UnsafeCell<[MaybeUninit<u8>; HEAP_SIZE]>);

// SAFETY: it is only touched under the lock of `SHAPE`.
unsafe impl Sync for Heap {}

static HEAP: Heap = Heap(UnsafeCell::new([MaybeUninit::uninit(); HEAP_SIZE]));

/// Where things are in the heap, if it is divided.
static SHAPE: Excluded<CriticalSectionLock, Option<Shape>> = Excluded::new(None);

fn with<T>(work: impl FnOnce(&Pool<'_, Checked>) -> T) -> Option<T> {
    SHAPE.with(|shape| {
        let heap = NonNull::from(&HEAP.0).cast();
        // SAFETY: this shape's state was written to the heap, which is ours under the lock.
        shape.map(|shape| work(&Pool::from_state(unsafe { State::attach(heap, shape) })))
    })
}

/// # Safety
///
/// `sizes` is null, or leads to `count` sizes.
unsafe fn init(sizes: *const usize, count: usize, align: usize) -> bool {
    // More than can be valid may be more than there is: nothing but the number is looked at.
    let sizes = if sizes.is_null() || count > crate::MAX_SIZES {
        &[]
    } else {
        // SAFETY: the pointer leads to `count` sizes.
        unsafe { slice::from_raw_parts(sizes, count) }
    };
    SHAPE.with(|shape| {
        // SAFETY: nobody else touches the heap meanwhile.
        let heap = unsafe { &mut *HEAP.0.get() };
        let pool = Pool::<Checked>::new(heap, &Config::new(sizes).align(align));
        *shape = pool.map(|pool| pool.state().shape()).ok();
        shape.is_some()
    })
}

/// Divides the heap among block sizes, aligned to 8 bytes.
///
/// # Safety
///
/// `block_sizes` is null, or leads to `block_size_count` sizes. No block is in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_init(block_sizes: *const usize, block_size_count: usize) -> bool {
    // SAFETY: `block_sizes` is null, or leads to as many sizes as `block_size_count` says.
    unsafe { init(block_sizes, block_size_count, 8) }
}

/// Divides the heap among block sizes without alignment.
///
/// # Safety
///
/// As for [`pool_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_init_packed(
    block_sizes: *const usize,
    block_size_count: usize,
) -> bool {
    // SAFETY: `block_sizes` is null, or leads to as many sizes as `block_size_count` says.
    unsafe { init(block_sizes, block_size_count, 1) }
}

/// Returns a block of the smallest size that holds `n` bytes, or null.
#[unsafe(no_mangle)]
pub extern "C" fn pool_malloc(n: usize) -> *mut u8 {
    let block = with(|pool| pool.malloc(n)).flatten();
    block.map_or(core::ptr::null_mut(), NonNull::as_ptr)
}

/// Takes a block back; ignores what isn't a live one.
///
/// # Safety
///
/// If `ptr` is a live block, it isn't used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_free(ptr: *mut u8) {
    // SAFETY: a live block isn't used any more.
    unsafe { pool_try_free(ptr) };
}

/// Takes a block back: 0, or what is wrong with the pointer.
///
/// # Safety
///
/// As for [`pool_free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_try_free(ptr: *mut u8) -> core::ffi::c_int {
    let Some(block) = NonNull::new(ptr) else { return code(FreeError::Foreign) };
    // SAFETY: a live block isn't used any more.
    match with(|pool| unsafe { pool.free(block) }).unwrap_or(Err(FreeError::Foreign)) {
        Ok(()) => 0,
        Err(error) => code(error),
    }
}

fn code(error: FreeError) -> core::ffi::c_int {
    match error {
        FreeError::Foreign => 1,
        FreeError::Interior => 2,
        FreeError::NotInUse => 3,
    }
}

/// Returns the size of the live block at `ptr`, or zero.
#[unsafe(no_mangle)]
pub extern "C" fn pool_usable_size(ptr: *mut u8) -> usize {
    NonNull::new(ptr).and_then(|block| with(|pool| pool.usable_size(block))?).unwrap_or_default()
}

/// Returns the bytes of the heap that are no blocks.
#[unsafe(no_mangle)]
#[expect(clippy::redundant_closure_for_method_calls, reason = "lifetimes differ")]
pub extern "C" fn pool_overhead() -> usize {
    with(|pool| pool.overhead()).unwrap_or(HEAP_SIZE)
}

/// No path leads here, but a library must say what a panic does.
#[cfg(all(target_os = "none", not(test)))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    stratalloc_core::diag::fatal(format_args!("pool: panic"))
}
