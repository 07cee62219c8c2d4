//! Blocks whose tags are known.

use stratalloc_arena::{
    global,
    tag::{self, Tag},
};

pub(crate) fn named(name: &str) -> Tag {
    Tag::named(name).expect("there is memory for a tag")
}

/// A block that is freed as this is dropped.
pub(crate) struct Content(pub(crate) usize);

#[allow(dead_code, reason = "a module of several tests")]
impl Content {
    pub(crate) fn new(size: usize) -> Self {
        Self::aligned(size, 8)
    }

    pub(crate) fn aligned(size: usize, align: usize) -> Self {
        let block = global::allocate(size, align);
        assert!(!block.is_null(), "no memory for {size} bytes");
        Self(block.expose_provenance())
    }

    pub(crate) fn block(&self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.0)
    }

    pub(crate) fn bytes(&self) -> usize {
        // SAFETY: it is live.
        unsafe { global::usable_size(self.block()) }
    }

    pub(crate) fn resize(&mut self, size: usize) {
        // SAFETY: it is live, and aligned to 8.
        let block = unsafe { global::reallocate(self.block(), size, 8) };
        assert!(!block.is_null(), "no memory for {size} bytes");
        self.0 = block.expose_provenance();
    }

    pub(crate) fn tag(&self) -> Option<Tag> {
        tag::of(self.block())
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        // SAFETY: it is live.
        unsafe { global::deallocate(self.block()) };
    }
}

/// Live bytes and blocks.
pub(crate) fn live(tag: Tag) -> (usize, usize) {
    let figures = tag.figures();
    (figures.live_bytes, figures.live_blocks)
}
