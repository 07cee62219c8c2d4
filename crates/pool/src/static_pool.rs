//! A pool and its heap as one `static`, behind a lock: a program's global allocator.

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    fmt,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

use stratalloc_core::{Allocator, ResizeInPlace};

use crate::{
    Config, Exclusion, FreeError, Full, Mode, Pool,
    exclusion::Excluded,
    message::Message,
    state::{Shape, State},
};

/// The alignment of the heap in a [`StaticPool`], and so the largest of its blocks.
const HEAP_ALIGN: usize = 64;

#[repr(C, align(64))]
struct Heap<const BYTES: usize>([MaybeUninit<u8>; BYTES]);

const _: () = assert!(align_of::<Heap<1>>() == HEAP_ALIGN);

/// A [`Pool`] with its heap of `BYTES` bytes, for a `static`; the lock `R` is the user's choice, any
/// [`Exclusion`].
///
/// The configuration is checked when the program is compiled. The heap isn't part of the program's
/// image (it lies in `.bss`): its state is written at the first request, in `O(N)`.
///
/// Blocks are valid only while the value stays where it is, as a `static` does.
///
/// ```
/// use stratalloc_pool::{Config, StaticPool};
/// # use core::sync::atomic::{AtomicBool, Ordering};
/// # pub struct Spin(AtomicBool);
/// # unsafe impl lock_api::RawMutex for Spin {
/// #     const INIT: Self = Self(AtomicBool::new(false));
/// #     type GuardMarker = lock_api::GuardNoSend;
/// #     fn lock(&self) { while !self.try_lock() { core::hint::spin_loop() } }
/// #     fn try_lock(&self) -> bool { !self.0.swap(true, Ordering::Acquire) }
/// #     unsafe fn unlock(&self) { self.0.store(false, Ordering::Release) }
/// # }
///
/// #[global_allocator]
/// static POOL: StaticPool<Spin, 65_536> =
///     StaticPool::new(Config::new(&[16, 32, 64, 128, 256, 1024, 4096]).align(16));
///
/// let text = String::from("in the pool");
/// let address = core::ptr::NonNull::from(text.as_bytes()).cast();
/// assert_eq!(POOL.with(|pool| pool.usable_size(address)), Some(16));
/// ```
pub struct StaticPool<R, const BYTES: usize, M: Mode = Full> {
    shape: Excluded<R, Option<Shape>>,
    heap: UnsafeCell<Heap<BYTES>>,
    config: Config<'static>,
    mode: core::marker::PhantomData<M>,
}

// SAFETY: the heap is only touched by the thread that holds the lock; nothing in it belongs to a thread.
unsafe impl<R: Exclusion + Sync, const BYTES: usize, M: Mode> Sync for StaticPool<R, BYTES, M> {}

impl<R: Exclusion, const BYTES: usize, M: Mode> StaticPool<R, BYTES, M> {
    /// Returns a pool whose heap is divided at the first request.
    ///
    /// # Panics
    ///
    /// If the configuration doesn't suit the heap, or asks for an alignment of more than 64: in a
    /// `static`, that fails the build with the reason, sizes and all.
    #[must_use]
    pub const fn new(config: Config<'static>) -> Self {
        if config.align_of_blocks() > HEAP_ALIGN {
            let words =
                Message::new().text("pool: a static heap is aligned to ").number(HEAP_ALIGN);
            let words = words.text(", its blocks to ").number(config.align_of_blocks());
            panic!("{}", words.as_str());
        }
        Self {
            shape: Excluded::new(None),
            heap: UnsafeCell::new(Heap([const { MaybeUninit::uninit() }; BYTES])),
            config: config.for_heap::<M>(BYTES),
            mode: core::marker::PhantomData,
        }
    }

    /// Runs `work` on the pool under the lock: for statistics and the heap checker.
    ///
    /// `work` must not ask the same pool for memory; a lock that isn't re-entrant waits for ever.
    pub fn with<T>(&self, work: impl FnOnce(&Pool<'_, M>) -> T) -> T {
        self.shape.with(|shape| {
            if shape.is_none() {
                // SAFETY: nobody else touches the heap while we hold the lock.
                let heap = unsafe { &mut (*self.heap.get()).0 };
                // It can't fail: `new` has checked it, and the heap is aligned.
                *shape = Pool::<M>::new(heap, &self.config).map(|pool| pool.state().shape()).ok();
            }
            let shape = shape.unwrap_or_else(unreachable_shape);
            let heap = NonNull::from(&self.heap).cast::<u8>();
            // SAFETY: the state of this shape was written to this heap, which is ours under the lock.
            work(&Pool::from_state(unsafe { State::attach(heap, shape) }))
        })
    }

    /// [`Pool::malloc`], under the lock.
    #[inline]
    pub fn malloc(&self, size: usize) -> Option<NonNull<u8>> {
        self.with(|pool| pool.malloc(size))
    }

    /// [`Pool::free`], under the lock.
    ///
    /// # Errors
    ///
    /// As for [`Pool::free`].
    ///
    /// # Safety
    ///
    /// As for [`Pool::free`].
    #[inline]
    pub unsafe fn free(&self, block: NonNull<u8>) -> Result<(), FreeError> {
        // SAFETY: a live block isn't used any more.
        self.with(|pool| unsafe { pool.free(block) })
    }
}

/// Without the lock: it can be shown while the pool is in use.
impl<R, const BYTES: usize, M: Mode> fmt::Debug for StaticPool<R, BYTES, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StaticPool")
            .field("size", &BYTES)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[cold]
fn unreachable_shape() -> Shape {
    stratalloc_core::diag::fatal(format_args!("pool: a configuration that was checked failed"))
}

// SAFETY: the pool keeps the contract of `Allocator`, which asks for no less; its heap stays where
// it is, as every global allocator does.
unsafe impl<R: Exclusion, const BYTES: usize, M: Mode> GlobalAlloc for StaticPool<R, BYTES, M> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.with(|pool| match pool.allocate(layout) {
            Ok(block) => block.cast().as_ptr(),
            Err(_) => ptr::null_mut(),
        })
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the block is live, and the layout is its own.
            self.with(|pool| unsafe { pool.deallocate(block, layout) });
        }
    }

    unsafe fn realloc(&self, block: *mut u8, old: Layout, size: usize) -> *mut u8 {
        let (Some(live), Ok(new)) =
            (NonNull::new(block), Layout::from_size_align(size, old.align()))
        else {
            return ptr::null_mut();
        };
        self.with(|pool| {
            // SAFETY: the block is live with this layout, and the new size isn't zero.
            let moved = unsafe {
                if pool.resize_in_place(live, old, new).is_ok() {
                    return block;
                } else if new.size() >= old.size() {
                    pool.grow(live, old, new)
                } else {
                    pool.shrink(live, old, new)
                }
            };
            moved.map_or(ptr::null_mut(), |block| block.cast().as_ptr())
        })
    }
}
