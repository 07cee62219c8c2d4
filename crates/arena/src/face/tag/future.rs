//! Futures in a tag.

use core::{
    pin::Pin,
    task::{Context, Poll},
};

use crate::face::tag::{Tag, run};

/// A future in a tag. Returned by [`tagged`].
///
/// # Invariants
///
/// - [TAGGED-1: pinned] `future` is pinned once this is: it is neither moved nor handed out after that, and dropped where
///   it stands.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Tagged<F> {
    /// `None` once it is complete. It is dropped in the tag.
    future: Option<F>,
    tag: Tag,
}

/// Puts a future in a tag: each thread that polls it is in the tag meanwhile, and while it is dropped.
///
/// ```
/// use core::{pin::pin, task::{Context, Poll, Waker}};
/// use stratalloc_arena::tag::{self, Tag};
///
/// let parsing = Tag::named("parsing")?;
/// let work = pin!(tag::tagged(parsing, async { tag::current() }));
/// let polled = work.poll(&mut Context::from_waker(Waker::noop()));
/// assert_eq!(polled, Poll::Ready(Some(parsing)));
/// # Ok::<(), tag::NoTag>(())
/// ```
pub fn tagged<F: Future>(tag: Tag, future: F) -> Tagged<F> {
    Tagged { future: Some(future), tag }
}

impl<F: Future> Future for Tagged<F> {
    type Output = F::Output;

    /// # Panics
    ///
    /// If the future does, or completed before.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let tag = self.tag;
        // SAFETY: [TAGGED-1: pinned] the future stays where it is.
        let mut future = unsafe { self.map_unchecked_mut(|this| &mut this.future) };
        run(tag, || {
            let running = future.as_mut().as_pin_mut().expect("the future hasn't completed");
            let polled = running.poll(context);
            if polled.is_ready() {
                future.set(None);
            }
            polled
        })
    }
}

impl<F> Drop for Tagged<F> {
    fn drop(&mut self) {
        // SAFETY: [TAGGED-1: pinned] the future is dropped where it stands.
        let mut future = unsafe { Pin::new_unchecked(&mut self.future) };
        if future.is_some() {
            run(self.tag, || future.set(None));
        }
    }
}
