//! Tags: accounts of the memory that parts of a program hold.
//!
//! While a thread is in a tag, all that it allocates from the process's allocator counts there. A block counts until it is
//! freed, by whichever thread, in whichever tag or none: its address tells its tag, and nothing is noted in the block.
//!
//! - [`enter`] has the calling thread be in a tag until what it returns is dropped, and [`run`] for a call. A tag within a
//!   tag counts until it ends.
//! - [`tagged`] wraps a future: a thread is in the tag while it polls that. The result is `Send` if the future is, and no
//!   runtime is needed. A future that is spawned, or a closure that is handed to a thread pool, isn't in the tag of the one
//!   that does so: give it one of its own.
//! - [`Tag::figures`] and [`Tag::blocks`] show what a tag holds, [`of`] the tag of a block, and [`all`] every tag.
//!
//! # What counts
//!
//! Bytes are those that blocks hold: a size class's, or whole pages of 4096 bytes. The figures are exact at every moment. A
//! block that is given another size, by `realloc`, counts from then on under the tag that the thread is in which does that;
//! one that keeps its class, or its pages, counts as before. Blocks of [`ArenaHeap`](crate::ArenaHeap)s have no tag, and
//! neither have those of more than 32 GiB, which a tag with a limit refuses.
//!
//! # What it costs
//!
//! A tag that no thread is in costs nothing. Allocating in a tag, and freeing a block that has one, take the lock of the
//! tag's heap and its books instead of a thread's stock; `docs/SEE.md` has the figures. Each tag has the memory of a heap:
//! slabs for the classes that it uses, and the books.
//!
//! # Example
//!
//! ```
//! use stratalloc_arena::{global, tag::{self, Tag}};
//!
//! let rendering = Tag::named("rendering")?;
//! let block = tag::run(rendering, || global::allocate(1000, 8));
//! let other = global::allocate(1000, 8);
//! assert_eq!((tag::of(block), tag::of(other)), (Some(rendering), None));
//! let figures = rendering.figures();
//! assert_eq!((figures.live_blocks, figures.live_bytes), (1, 1024));
//! // SAFETY: just allocated.
//! unsafe {
//!     global::deallocate(block);
//!     global::deallocate(other);
//! }
//! assert_eq!((rendering.figures().live_bytes, rendering.figures().peak_bytes), (0, 1024));
//! # Ok::<(), stratalloc_arena::tag::NoTag>(())
//! ```

mod future;

use core::{ffi::c_void, fmt, marker::PhantomData, mem::ManuallyDrop, ptr::NonNull};

use crate::{
    cache::slot,
    face::limit::Exceeded,
    heap::tag::TagBook,
    process::{arena_heaps, tags},
};

pub use crate::inspect::blocks::Blocks;
pub use crate::process::tags::NoTag;
pub use future::{Tagged, tagged};

/// A tag, by its name. It stays as long as the process.
///
/// # Errors
///
/// There are at most 256 tags, and each is one of the 768 arena heaps that there may be: see [`NoTag`].
#[derive(Clone, Copy)]
pub struct Tag(&'static TagBook);

/// The figures of a tag at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Figures {
    /// Bytes of live blocks.
    pub live_bytes: usize,
    /// Live blocks.
    pub live_blocks: usize,
    /// The most bytes that were live.
    pub peak_bytes: usize,
    /// Bytes of all blocks that were ever allocated.
    pub allocated_bytes: u64,
    /// All blocks that were ever allocated.
    pub allocated_blocks: u64,
    /// Bytes that count for the limit: live blocks and memory kept for the next, in granules of 64 KiB.
    pub held: usize,
    /// The limit in bytes, if the tag has one.
    pub limit: Option<usize>,
}

impl Tag {
    /// The tag of this name, of 1 to 64 bytes, which is made if there is none. O(tags), under a lock: so keep it at hand.
    ///
    /// ```
    /// use stratalloc_arena::tag::{NoTag, Tag};
    ///
    /// assert_eq!(Tag::named("parsing")?, Tag::named("parsing")?);
    /// assert_eq!(Tag::named(""), Err(NoTag::Name));
    /// # Ok::<(), NoTag>(())
    /// ```
    pub fn named(name: &str) -> Result<Self, NoTag> {
        tags::named(name).map(Self)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// The tag as a pointer, for callers in C: the same for one tag always.
    pub fn to_ptr(self) -> NonNull<c_void> {
        NonNull::from(self.0).cast()
    }

    /// The tag that a pointer stands for.
    ///
    /// # Safety
    ///
    /// The pointer is from [`to_ptr`](Self::to_ptr).
    pub unsafe fn from_ptr(tag: NonNull<c_void>) -> Self {
        // SAFETY: a book stands there, which stays as long as the process, by this function's contract.
        Self(unsafe { tag.cast().as_ref() })
    }

    /// Its figures. O(1), under the lock of its heap.
    pub fn figures(&self) -> Figures {
        let pools = self.0.heap().pools(slot::mark());
        Figures {
            live_bytes: pools.figures.used(),
            live_blocks: pools.tallies.blocks(),
            peak_bytes: pools.figures.peak(),
            allocated_bytes: pools.figures.allocated,
            allocated_blocks: pools.tallies.taken,
            held: pools.grant.bytes(),
            limit: pools.grant.limit(),
        }
    }

    /// Its live blocks, at most O(segments in use) each.
    ///
    /// No lock is held between them, so that they may be freed meanwhile. Blocks that are live all the time are among
    /// them once; those that come or go meanwhile may be.
    ///
    /// ```
    /// use stratalloc_arena::{global, tag::{self, Tag}};
    ///
    /// let parsing = Tag::named("parsing")?;
    /// let block = tag::run(parsing, || global::allocate(100, 8));
    /// assert!(parsing.blocks().any(|live| live.start == block.addr() && live.size == 104));
    /// # // SAFETY: just allocated.
    /// # unsafe { global::deallocate(block) };
    /// # Ok::<(), stratalloc_arena::tag::NoTag>(())
    /// ```
    pub fn blocks(&self) -> Blocks {
        Blocks::of(self.0.heap())
    }

    /// Sets the most bytes that the tag may hold, or none.
    ///
    /// What counts is what counts for the [process](crate::limit), in granules of 64 KiB: so the limit is rounded down to
    /// these, and is one at least. A request beyond it first has memory of this tag given back that serves nothing, then
    /// calls the tag's [hook](Self::set_hook), and then fails: null, `AllocError`, `ENOMEM`.
    /// [`limit::allocate`](crate::limit::allocate) returns a typed error. Nothing changes for others.
    ///
    /// # Errors
    ///
    /// [`Exceeded`], with zero `wanted`, if the tag holds more already in live blocks; the limit stays as it was.
    ///
    /// ```
    /// use stratalloc_arena::{limit::{self, Refused}, tag::{self, Tag}};
    ///
    /// let tenant = Tag::named("tenant 7")?;
    /// tenant.set_limit(Some(1 << 20))?;
    /// let refused = tag::run(tenant, || limit::allocate(2 << 20, 8));
    /// assert!(matches!(refused, Err(Refused::Tag(exceeded)) if exceeded.limit == 1 << 20));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_limit(&self, bytes: Option<usize>) -> Result<(), Exceeded> {
        let mut pools = self.0.heap().pools(slot::mark());
        let held = pools.figures.used();
        match bytes {
            Some(limit) if held > limit => Err(Exceeded { wanted: 0, held, limit }),
            Some(limit) => {
                pools.limit_to(limit);
                Ok(())
            }
            None => {
                pools.grant.set_limit(None);
                Ok(())
            }
        }
    }

    /// Sets the hook, or none: it is called where the tag's limit stands against a request of so many bytes and no memory
    /// of the tag can be given back. It may free blocks, and returns whether to try once more.
    ///
    /// It runs on the thread that allocates, as the [process's](crate::limit::set_hook) does, in the tag, and not while
    /// any other hook runs.
    pub fn set_hook(&self, asked: Option<fn(wanted: usize) -> bool>) {
        self.0.set_hook(asked);
    }
}

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self.0, other.0)
    }
}

impl Eq for Tag {}

impl fmt::Debug for Tag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Tag").field(&self.name()).finish()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// A thread's stay in a tag, which ends as this is dropped. Returned by [`enter`].
#[must_use = "the thread leaves the tag as this is dropped"]
pub struct Entered {
    before: Option<&'static TagBook>,
    /// It is the thread's.
    thread: PhantomData<*mut ()>,
}

impl Entered {
    /// Leaves the thread in the tag, and returns the one that it was in before: for callers in C, which have no scopes.
    /// They [end](Self::from_before) the stay later.
    pub fn into_before(self) -> Option<Tag> {
        ManuallyDrop::new(self).before.map(Tag)
    }

    /// The calling thread's stay in a tag, which it entered while it was in this one, or in none.
    ///
    /// ```
    /// use stratalloc_arena::tag::{self, Entered, Tag};
    ///
    /// let parsing = Tag::named("parsing")?;
    /// let before = tag::enter(parsing).into_before();
    /// assert_eq!(tag::current(), Some(parsing));
    /// drop(Entered::from_before(before));
    /// assert_eq!(tag::current(), None);
    /// # Ok::<(), tag::NoTag>(())
    /// ```
    pub fn from_before(before: Option<Tag>) -> Self {
        Self { before: before.map(|tag| tag.0), thread: PhantomData }
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Entered").finish_non_exhaustive()
    }
}

/// Has the calling thread be in a tag until what is returned is dropped; then it is in the one again in which it was.
///
/// What is returned can't go to another thread, so that a future which holds it isn't `Send`: see [`tagged`]. If several
/// are dropped in another order than the reverse one, the thread may be in any of their tags until the last is dropped, and
/// is in none then. A thread that has ended, by the C library's account, enters no tag, and neither does one for which the
/// system has no memory; [`current`] tells.
///
/// A few writes to the thread's own memory. As allocating, it isn't for signal handlers.
///
/// ```
/// use stratalloc_arena::tag::{self, Tag};
///
/// let rendering = Tag::named("rendering")?;
/// {
///     let _scope = tag::enter(rendering);
///     assert_eq!(tag::current(), Some(rendering));
/// }
/// assert_eq!(tag::current(), None);
/// # Ok::<(), stratalloc_arena::tag::NoTag>(())
/// ```
pub fn enter(tag: Tag) -> Entered {
    Entered { before: tags::enter(tag.0), thread: PhantomData }
}

impl Drop for Entered {
    fn drop(&mut self) {
        tags::leave(self.before);
    }
}

/// Calls `work` in a tag. The thread leaves it as `work` returns or panics.
pub fn run<R>(tag: Tag, work: impl FnOnce() -> R) -> R {
    let _entered = enter(tag);
    work()
}

/// The tag that the calling thread is in.
pub fn current() -> Option<Tag> {
    tags::of_thread().map(Tag)
}

/// The tag of the block that an address lies in; `None` if it has none, or the address is none of this allocator's. O(1),
/// under a lock.
pub fn of(block: *const u8) -> Option<Tag> {
    tags::of_address(block.cast_mut()).map(Tag)
}

/// Every tag, newest first.
pub fn all() -> impl Iterator<Item = Tag> {
    arena_heaps::with_tags(|tags| tags.iter()).map(Tag)
}
