//! Tags: the functions of `stratalloc.h` for accounts of what parts of a program hold.

use core::{
    ffi::{CStr, c_char, c_int, c_void},
    fmt::Write as _,
    ptr::{NonNull, null_mut},
};

use stratalloc_arena::tag::{self, Entered, Figures, NoTag, Tag};

use crate::{
    errno::{EINVAL, ENOMEM, fail, set},
    out::Buffer,
};

/// `struct stratalloc_tag`, which C knows by its address alone.
type Handle = *mut c_void;

/// The limit of a tag without one.
const NO_LIMIT: usize = usize::MAX;

fn handle(tag: Option<Tag>) -> Handle {
    tag.map_or(null_mut(), |tag| tag.to_ptr().as_ptr())
}

/// # Safety
///
/// The handle is null, or a tag's.
unsafe fn tag_of(handle: Handle) -> Option<Tag> {
    // SAFETY: the handle is from `handle`, by this function's contract.
    NonNull::new(handle).map(|tag| unsafe { Tag::from_ptr(tag) })
}

/// `stratalloc_tag_named`: the tag of a name, which is made if there is none; null with `EINVAL` if the name is null, empty
/// or no UTF-8, or has more than 64 bytes, and with `ENOMEM` if there are as many tags as there may be, or memory is out.
///
/// # Safety
///
/// `name` is null, or a string.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_tag_named(name: *const c_char) -> Handle {
    if name.is_null() {
        return fail(EINVAL).cast();
    }
    // SAFETY: the name isn't null, so that it is a string of C, by this function's contract.
    let name = unsafe { CStr::from_ptr(name) }.to_str().map_err(|_| NoTag::Name);
    match name.and_then(Tag::named) {
        Ok(tag) => handle(Some(tag)),
        Err(NoTag::Name) => fail(EINVAL).cast(),
        Err(_) => fail(ENOMEM).cast(),
    }
}

/// `stratalloc_tag_name`: the bytes of a tag's name; as many of these are written as leave room for the null at their end.
///
/// # Safety
///
/// The handle is a tag's, and `size` bytes can be written at `text`.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_tag_name(
    handle: Handle,
    text: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: this function's contract is the same.
    let (tag, mut name) = unsafe { (tag_of(handle), Buffer::new(text, size)) };
    // A buffer takes any text.
    let _ = name.write_str(tag.map_or("", |tag| tag.name()));
    name.end()
}

/// `stratalloc_tag_enter`: has the calling thread be in a tag; returns the one that it was in, or null.
///
/// # Safety
///
/// The handle is a tag's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_tag_enter(tag: Handle) -> Handle {
    // SAFETY: this function's contract is the same.
    let entered = unsafe { tag_of(tag) }.map(tag::enter);
    handle(entered.and_then(Entered::into_before))
}

/// `stratalloc_tag_leave`: has the calling thread be in the tag again in which it was before it entered another.
///
/// # Safety
///
/// The handle is null, or a tag's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_tag_leave(before: Handle) {
    // SAFETY: this function's contract is the same.
    drop(Entered::from_before(unsafe { tag_of(before) }));
}

/// `stratalloc_tag_current`: the tag that the calling thread is in, or null.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn stratalloc_tag_current() -> Handle {
    handle(tag::current())
}

/// `stratalloc_tag_of`: the tag of the block that an address lies in, or null.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn stratalloc_tag_of(address: *const c_void) -> Handle {
    handle(tag::of(address.cast()))
}

/// `struct stratalloc_tag_figures`.
#[repr(C)]
pub(crate) struct TagFigures {
    live_bytes: usize,
    live_blocks: usize,
    peak_bytes: usize,
    held: usize,
    limit: usize,
    allocated_bytes: u64,
    allocated_blocks: u64,
}

/// `stratalloc_tag_figures`: the figures of a tag at this moment.
///
/// # Safety
///
/// The handle is a tag's, and `figures` can be written.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_tag_figures(handle: Handle, figures: *mut TagFigures) {
    // SAFETY: this function's contract is the same.
    let now = unsafe { tag_of(handle) }.map_or(Figures::default(), |tag| tag.figures());
    let found = TagFigures {
        live_bytes: now.live_bytes,
        live_blocks: now.live_blocks,
        peak_bytes: now.peak_bytes,
        held: now.held,
        limit: now.limit.unwrap_or(NO_LIMIT),
        allocated_bytes: now.allocated_bytes,
        allocated_blocks: now.allocated_blocks,
    };
    // SAFETY: `figures` can be written, by this function's contract.
    unsafe { figures.write(found) };
}

/// `stratalloc_tag_set_limit`: sets the most bytes that a tag may hold, `SIZE_MAX` for none; returns 0, or -1 with `ENOMEM`
/// if it holds more already.
///
/// # Safety
///
/// The handle is a tag's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_tag_set_limit(handle: Handle, bytes: usize) -> c_int {
    let limit = (bytes != NO_LIMIT).then_some(bytes);
    // SAFETY: this function's contract is the same.
    let is_set = unsafe { tag_of(handle) }.is_some_and(|tag| tag.set_limit(limit).is_ok());
    if is_set {
        return 0;
    }
    set(ENOMEM);
    -1
}
