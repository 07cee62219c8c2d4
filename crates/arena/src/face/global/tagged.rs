//! Allocation in a tag: each block comes from the heap of the tag, under its lock.

use core::ptr::{NonNull, null_mut};

use crate::{
    cache::slot,
    face::{
        arena_heap::{MAX_ALIGN, MAX_SIZE},
        global::large::{place_in, place_large},
    },
    heap::{
        large::{PAGE, Request},
        pools::Admission,
        tag::TagBook,
    },
    plan::bins::{Bin, bin_for},
    process::{hook, relief::with_relief, sampling},
};

/// Allocates a block of one byte or more for a thread that is in a tag; null if memory is out, or the tag's limit stands
/// against it.
#[cold]
#[inline(never)]
pub(super) fn allocate(tag: &'static TagBook, request: Request) -> *mut u8 {
    let block = match bin_for(request.size, request.align) {
        Some(bin) => allocate_small(tag, bin),
        None => allocate_large(tag, request),
    };
    block.map_or(null_mut(), NonNull::as_ptr)
}

fn allocate_small(tag: &TagBook, bin: Bin) -> Option<NonNull<u8>> {
    let size = bin.shape().block_size as usize;
    let block =
        with_room(tag, size, || NonNull::new(tag.heap().allocate_alone(slot::mark(), bin)))?;
    sampling::tagged(bin, block.as_ptr());
    Some(block)
}

fn allocate_large(tag: &TagBook, request: Request) -> Option<NonNull<u8>> {
    let Request { size, align, .. } = request;
    if size > MAX_SIZE || align > MAX_ALIGN {
        // No heap has it, so that no tag counts it.
        let may = tag.heap().pools(slot::mark()).grant.limit().is_none();
        return may.then(|| place_large(request, None)).flatten().and_then(NonNull::new);
    }
    let is_due = sampling::heap_if_due(size).is_some();
    let attempt = || place_in(tag.heap(), slot::mark(), request).and_then(NonNull::new);
    let block = with_room(tag, size.next_multiple_of(PAGE), attempt)?;
    if is_due {
        sampling::note_large(block.as_ptr());
    }
    Some(block)
}

/// Attempts an allocation of so many bytes, and again after making room: below the tag's own limit where that stands in the
/// way, else in the process.
fn with_room<T>(tag: &TagBook, size: usize, attempt: impl Fn() -> Option<T>) -> Option<T> {
    let first = attempt();
    if first.is_some() { first } else { try_again(tag, size, attempt) }
}

#[cold]
fn try_again<T>(tag: &TagBook, size: usize, attempt: impl Fn() -> Option<T>) -> Option<T> {
    let is_refused = || tag.heap().admit(slot::mark(), size) == Admission::Refused;
    if is_refused() && (!hook::ask_of(tag, size) || is_refused()) {
        return None;
    }
    with_relief(size, attempt)
}
