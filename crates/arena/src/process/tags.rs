//! The tags of the process, and the threads that are in them.
//!
//! A tag has a heap of its own, which several threads use under its lock, without caches: its books are the accounts, and
//! an address tells the tag of a block.

use thiserror::Error;

use crate::{
    cache::slot,
    heap::tag::{MAX_NAME, TagBook},
    policy::sampling::Rates,
    process::{arena_heaps, frees::see_to, thread, watching, whose::Kind},
    sys,
    thresholds::MAX_TAGS,
};

/// Why there is no such tag.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoTag {
    /// The name is empty, or longer than 64 bytes.
    #[error("a tag's name has 1 to {MAX_NAME} bytes")]
    Name,
    /// There are as many tags as there may be.
    #[error("there are {0} tags, and no more may be made")]
    TooMany(usize),
    /// The system has no memory for a tag, or the process as many arena heaps as it may have.
    #[error("there is no memory for a tag")]
    Memory,
}

/// The tag of this name, which is made if there is none. O(tags).
pub(crate) fn named(name: &str) -> Result<&'static TagBook, NoTag> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(NoTag::Name);
    }
    thread::watch_forks();
    let known = arena_heaps::with_tags(|tags| tags.find(name));
    known.map_or_else(|| make(name), Ok)
}

/// Makes a tag, unless another thread makes one of the name meanwhile.
fn make(name: &str) -> Result<&'static TagBook, NoTag> {
    let memory = sys::map(size_of::<TagBook>()).map_err(|_| NoTag::Memory)?;
    let Some(home) = arena_heaps::create() else {
        // SAFETY: mapped just now, and nobody else knows of it.
        unsafe { sys::unmap(memory, size_of::<TagBook>()) };
        return Err(NoTag::Memory);
    };
    // SAFETY: `create` made the home for this thread alone, and it stays until it is ended.
    let heap = unsafe { &(*home.as_ptr()).heap };
    let found = arena_heaps::with_tags(|tags| match tags.find(name) {
        Some(tag) => Ok(tag),
        None if tags.iter().count() >= MAX_TAGS => Err(NoTag::TooMany(MAX_TAGS)),
        // SAFETY: the memory was mapped for this, and stays if it becomes a book. The home stays with it.
        None => Ok(unsafe { tags.add(memory.cast(), heap, name) }),
    });
    if !matches!(found, Ok(tag) if core::ptr::eq(tag.heap(), heap)) {
        // SAFETY: the tag wasn't made: nobody else knows of the memory, and of the home, which is from `create`.
        unsafe {
            arena_heaps::end(home);
            sys::unmap(memory, size_of::<TagBook>());
        }
    }
    found
}

/// The tag that the calling thread is in.
#[inline]
pub(crate) fn of_thread() -> Option<&'static TagBook> {
    slot::cache().watch()?.tag()
}

/// The tag of the block at an address; `None` where nothing is known of the address, or it has no tag.
pub(crate) fn of_address(address: *mut u8) -> Option<&'static TagBook> {
    arena_heaps::tag_around(address)
}

/// Has the calling thread enter a tag; returns the one that it was in. It doesn't if its end was seen, or memory is out.
pub(crate) fn enter(tag: &'static TagBook) -> Option<&'static TagBook> {
    let cache = watching::current(thread::attached()?);
    let watch = cache.watch().or_else(|| watching::begin(cache, Rates::NONE))?;
    let (before, visit) = watch.enter(cache.mark(), tag);
    see_to(cache, visit);
    before
}

/// Has the calling thread leave a tag, for the one that it was in before. Nothing happens to a thread that couldn't enter
/// it: no watch stands in place of its cache, or that of a profile, in no tag.
pub(crate) fn leave(before: Option<&'static TagBook>) {
    let cache = slot::cache();
    if cache.watch().is_some_and(|watch| watch.leave(before)) {
        watching::leave(cache);
    }
}

/// Whether a large block must be moved to have `size` bytes, since it would count under another tag then, or under none.
#[inline]
pub(crate) fn must_move(kind: &Kind, old: usize, size: usize) -> bool {
    kind.heap_if_resized(old, size).is_some_and(|heap| !is_same(heap.tag(), of_thread()))
}

fn is_same(one: Option<&TagBook>, other: Option<&TagBook>) -> bool {
    one.map(core::ptr::from_ref) == other.map(core::ptr::from_ref)
}
