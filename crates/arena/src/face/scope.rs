//! Scopes: a request's heap, which its containers find without being told of it.
//!
//! [`scope`] wraps a future. While that is polled, the thread is in the scope of the heap, and [`Scoped`], an allocator
//! without a field, allocates there. The thread leaves the scope as the poll returns or panics, so that the next poll
//! may be on another thread. A scope within a scope counts until it ends. [`run`] does the same for a closure.
//!
//! No runtime is needed, and nothing is known of one. A future that is spawned in a scope isn't in it: give it one of its
//! own.
//!
//! # Blocks that outlive the scope
//!
//! A block may go anywhere, and be freed by any thread at any time: its address tells its heap. As the scope ends, its
//! heap ends too if no block of it is live. Else the heap stays, in nobody's hands, until its last block is freed, and
//! ends then. A container that is forgotten, by `mem::forget` for one, keeps its heap for ever. So nothing here is unsafe
//! to call, and all blocks are freed one by one: where a heap is to be thrown away with what is live in it, pass an
//! [`ArenaHeap`] by reference and reset it.
//!
//! # What it costs
//!
//! - A poll: two writes to the thread's own memory when it begins, one when it ends.
//! - An allocation, and a free within the scope: some loads more than with an [`ArenaHeap`] at hand; no lock and no atomic
//!   operation.
//! - A free elsewhere: the lock of the block's heap.
//! - The end of a scope: O(segments in use), which is little where the blocks were freed.
//!
//! # Example
//!
//! ```
//! use core::{alloc::Layout, future, pin::pin, task::{Context, Poll, Waker}};
//! use stratalloc_arena::{ArenaHeap, scope::{self, Scoped}};
//! use stratalloc_core::{Allocator, Stats};
//!
//! async fn answer() -> usize {
//!     let block = Scoped.allocate(Layout::new::<[u8; 1000]>()).expect("the heap has no limit");
//!     future::ready(()).await;
//!     let in_use = scope::current(|heap| heap.stats().in_use);
//!     // SAFETY: just allocated.
//!     unsafe { Scoped.deallocate(block.cast(), Layout::new::<[u8; 1000]>()) };
//!     in_use.unwrap_or(0)
//! }
//!
//! let request = pin!(scope::scope(ArenaHeap::with_limit(1 << 20)?, answer()));
//! let polled = request.poll(&mut Context::from_waker(Waker::noop()));
//! assert_eq!(polled, Poll::Ready(1024));
//! assert!(scope::current(|_| ()).is_none());
//! # Ok::<(), stratalloc_core::AllocError>(())
//! ```

mod scoped;

use core::{
    pin::Pin,
    task::{Context, Poll},
};

use crate::face::{
    ArenaHeap, PooledHeap,
    arena_heap::scoped::{Here, Stay},
};

pub use scoped::Scoped;

/// A heap that a scope can have: an [`ArenaHeap`], or one of a [`HeapPool`](crate::HeapPool).
pub trait ScopeHeap: sealed::Sealed {}

impl ScopeHeap for ArenaHeap {}
impl ScopeHeap for PooledHeap<'_> {}

mod sealed {
    use super::ArenaHeap;

    /// What a scope does with a heap of either kind.
    pub trait Sealed {
        /// Frees all its blocks.
        fn reset(&mut self);

        /// The heap itself.
        fn heap(&self) -> &ArenaHeap;

        /// Ends the heap, or leaves it to its live blocks.
        fn let_go(self);
    }
}

impl sealed::Sealed for ArenaHeap {
    fn reset(&mut self) {
        self.reset();
    }

    fn heap(&self) -> &ArenaHeap {
        self
    }

    fn let_go(self) {
        self.let_go();
    }
}

impl sealed::Sealed for PooledHeap<'_> {
    fn reset(&mut self) {
        self.reset();
    }

    fn heap(&self) -> &ArenaHeap {
        self
    }

    fn let_go(self) {
        self.let_go();
    }
}

/// The heap of a scope, which is let go of as this is dropped.
///
/// # Invariants
///
/// - [LEASE-1: sole] The heap is there until this is dropped, and only a thread with an exclusive reference to this uses
///   it: so one at a time.
struct Lease<H: ScopeHeap>(Option<H>);

impl<H: ScopeHeap> Lease<H> {
    /// What was allocated by way of the heap itself is freed.
    fn new(mut heap: H) -> Self {
        heap.reset();
        Self(Some(heap))
    }

    /// Does work in the scope of the heap.
    fn within<R>(&mut self, work: impl FnOnce() -> R) -> R {
        // SAFETY: [LEASE-1: sole] the heap stays while this is borrowed exclusively, and no other thread uses it.
        let _stay = self.0.as_ref().map(|heap| unsafe { Stay::begin(heap.heap()) });
        work()
    }
}

impl<H: ScopeHeap> Drop for Lease<H> {
    fn drop(&mut self) {
        if let Some(heap) = self.0.take() {
            heap.let_go();
        }
    }
}

/// A future in the scope of a heap. Returned by [`scope`].
///
/// # Invariants
///
/// - [SCOPE-1: pinned] `future` is pinned once this is: it is neither moved nor handed out after that, and dropped where
///   it stands.
#[must_use = "futures do nothing unless polled"]
pub struct Scope<F, H: ScopeHeap = ArenaHeap> {
    /// `None` once it is complete. It is dropped within the scope, before the heap is let go of.
    future: Option<F>,
    lease: Option<Lease<H>>,
}

/// Puts a future in the scope of a heap, whose live blocks are freed before.
///
/// The result is `Send` if the future is. As the future completes, or the result is dropped before that, the future is
/// dropped within the scope, and the scope ends.
pub fn scope<F: Future, H: ScopeHeap>(heap: H, future: F) -> Scope<F, H> {
    Scope { future: Some(future), lease: Some(Lease::new(heap)) }
}

/// Calls `work` in the scope of a heap, whose live blocks are freed before. The scope ends as `work` returns or panics.
///
/// ```
/// use stratalloc_arena::{ArenaHeap, scope};
/// use stratalloc_core::Stats;
///
/// let limit = scope::run(ArenaHeap::with_limit(1 << 20)?, || scope::current(|heap| heap.limit()));
/// assert_eq!(limit.flatten(), Some(1 << 20));
/// # Ok::<(), stratalloc_core::AllocError>(())
/// ```
pub fn run<R>(heap: impl ScopeHeap, work: impl FnOnce() -> R) -> R {
    Lease::new(heap).within(work)
}

/// Calls `look` with the heap in whose scope the thread is; `None` if it is in none.
pub fn current<R>(look: impl FnOnce(&ArenaHeap) -> R) -> Option<R> {
    Here::get().map(|heap| look(&heap))
}

impl<F: Future, H: ScopeHeap> Future for Scope<F, H> {
    type Output = F::Output;

    /// # Panics
    ///
    /// If the future does, or completed before.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: [SCOPE-1: pinned] the future stays where it is; what holds the heap isn't pinned.
        let (mut future, lease) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.future), &mut this.lease)
        };
        let within = lease.as_mut().expect("the future hasn't completed");
        let polled = within.within(|| {
            let running = future.as_mut().as_pin_mut().expect("it is there as long as its heap");
            let polled = running.poll(context);
            if polled.is_ready() {
                future.set(None);
            }
            polled
        });
        if polled.is_ready() {
            *lease = None;
        }
        polled
    }
}

impl<F, H: ScopeHeap> Drop for Scope<F, H> {
    fn drop(&mut self) {
        // SAFETY: [SCOPE-1: pinned] the future is dropped where it stands.
        let mut future = unsafe { Pin::new_unchecked(&mut self.future) };
        if let Some(lease) = &mut self.lease {
            lease.within(|| future.set(None));
        }
    }
}
