//! The book of a tag: its name, its heap, and what its program set for it.

use core::{
    ptr::{self, NonNull, null_mut},
    sync::atomic::{AtomicPtr, Ordering},
};

use crate::heap::Heap;

/// The most bytes of a name.
pub(crate) const MAX_NAME: usize = 64;

/// A tag, which stays as long as the process. All blocks that are allocated in it lie in a heap of its own.
pub(crate) struct TagBook {
    heap: &'static Heap,
    name: [u8; MAX_NAME],
    length: usize,
    /// The tag that was made before it.
    older: Option<&'static Self>,
    /// The hook, or null. `Release` where it is set pairs with `Acquire` where it is called.
    hook: AtomicPtr<()>,
}

impl TagBook {
    /// The book of a tag whose name has [`MAX_NAME`] bytes at most.
    pub(crate) fn new(heap: &'static Heap, name: &str, older: Option<&'static Self>) -> Self {
        let mut bytes = [0; MAX_NAME];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Self { heap, name: bytes, length: name.len(), older, hook: AtomicPtr::new(null_mut()) }
    }

    /// The heap in which its blocks lie. It never ends, and no cache has blocks of it.
    #[inline]
    pub(crate) fn heap(&self) -> &'static Heap {
        self.heap
    }

    pub(crate) fn name(&self) -> &str {
        // It was one before.
        core::str::from_utf8(&self.name[..self.length]).unwrap_or_default()
    }

    /// This tag and those that were made before it, newest first.
    pub(crate) fn with_older(&'static self) -> impl Iterator<Item = &'static Self> {
        core::iter::successors(Some(self), |tag| tag.older)
    }

    /// Sets the hook, or none.
    pub(crate) fn set_hook(&self, hook: Option<fn(wanted: usize) -> bool>) {
        self.hook.store(hook.map_or(null_mut(), |hook| hook as *mut ()), Ordering::Release);
    }

    /// The hook, if there is one.
    pub(crate) fn hook(&self) -> Option<fn(wanted: usize) -> bool> {
        let hook = self.hook.load(Ordering::Acquire);
        // SAFETY: null, or `set_hook` made the pointer of a function of this type.
        unsafe { core::mem::transmute::<*mut (), Option<fn(usize) -> bool>>(hook) }
    }
}

impl Heap {
    /// The tag whose blocks lie here, if it is a tag's heap.
    #[inline]
    pub(crate) fn tag(&self) -> Option<&'static TagBook> {
        // SAFETY: null, or the book that `set_tag` stored, which stays.
        unsafe { self.tag.load(Ordering::Acquire).cast::<TagBook>().as_ref() }
    }

    /// Makes it the heap of a tag, for ever.
    fn set_tag(&self, tag: &'static TagBook) {
        self.tag.store(ptr::from_ref(tag).cast_mut().cast(), Ordering::Release);
    }
}

/// All tags. They never end.
pub(crate) struct Tags {
    newest: Option<&'static TagBook>,
}

impl Tags {
    /// No tags.
    pub(crate) const NONE: Self = Self { newest: None };

    /// Every tag, newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static TagBook> + use<> {
        self.newest.into_iter().flat_map(TagBook::with_older)
    }

    /// The tag of a name.
    pub(crate) fn find(&self, name: &str) -> Option<&'static TagBook> {
        self.iter().find(|tag| tag.name() == name)
    }

    /// Makes a heap that of a new tag.
    ///
    /// # Safety
    ///
    /// `memory` is for a book alone, readable and writable, and stays as long as the process.
    pub(crate) unsafe fn add(
        &mut self,
        memory: NonNull<TagBook>,
        heap: &'static Heap,
        name: &str,
    ) -> &'static TagBook {
        // SAFETY: the memory is for this book alone, by this function's contract.
        let tag = unsafe {
            memory.write(TagBook::new(heap, name, self.newest));
            memory.as_ref()
        };
        heap.set_tag(tag);
        self.newest = Some(tag);
        tag
    }
}
