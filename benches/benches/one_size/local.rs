//! Stores for one thread.

use std::ptr;

use stratalloc_block::{BlockAllocator, BlockLayout, Blocks, Buffer};

use super::{Object, ROOM, Raw, Store};

/// A buffer for the rest of the process.
fn memory() -> &'static mut [std::mem::MaybeUninit<u8>] {
    Box::leak(Box::new_uninit_slice((ROOM + 1) * size_of::<Object>()))
}

/// The block allocator of this repository.
pub(crate) struct Block(BlockAllocator<Buffer<'static>>);

impl Default for Block {
    fn default() -> Self {
        let blocks = BlockLayout::of::<Object>();
        Self(BlockAllocator::from_buffer(memory(), blocks).expect("the buffer holds blocks"))
    }
}

impl Store for Block {
    const NAME: &'static str = "BlockAllocator";
    type Taken = Raw;

    #[inline]
    fn take(&mut self) -> Raw {
        Object::make_at(self.0.alloc_block().expect("one is free").as_ptr())
    }

    #[inline]
    fn put(&mut self, taken: Raw) {
        // SAFETY: `take` allocated it.
        unsafe { self.0.free_block(ptr::NonNull::new_unchecked(taken.address())) };
    }
}

/// What the measurement itself takes: the loop, and the write to the object.
#[derive(Default)]
pub(crate) struct Loop(u64);

impl Store for Loop {
    const NAME: &'static str = "(the loop alone)";
    type Taken = Raw;

    #[inline]
    fn take(&mut self) -> Raw {
        Object::make_at((&raw mut self.0).cast())
    }

    #[inline]
    fn put(&mut self, _: Raw) {}
}

/// A list of free objects that is chained through them, and nothing more: what a hand-written pool
/// does.
pub(crate) struct BareList(*mut u8);

impl Default for BareList {
    fn default() -> Self {
        let mut list = Self(ptr::null_mut());
        let start = memory().as_mut_ptr().cast::<u8>();
        let start = start.wrapping_add(start.align_offset(align_of::<Object>()));
        for number in 0..ROOM {
            list.push(start.wrapping_add(number * size_of::<Object>()));
        }
        list
    }
}

impl BareList {
    #[inline]
    fn push(&mut self, object: *mut u8) {
        // SAFETY: the object is nobody's, and has room for a pointer.
        unsafe { object.cast::<*mut u8>().write(self.0) };
        self.0 = object;
    }

    /// # Safety
    ///
    /// The list isn't empty.
    #[inline]
    unsafe fn pop(&mut self) -> *mut u8 {
        let object = self.0;
        // SAFETY: the caller's promise; `push` wrote the link.
        self.0 = unsafe { object.cast::<*mut u8>().read() };
        object
    }
}

impl Store for BareList {
    const NAME: &'static str = "bare list";
    type Taken = Raw;

    #[inline]
    fn take(&mut self) -> Raw {
        assert!(!self.0.is_null(), "one is free");
        // SAFETY: as just seen.
        Object::make_at(unsafe { self.pop() })
    }

    #[inline]
    fn put(&mut self, taken: Raw) {
        self.push(taken.address());
    }
}

/// The same for programs that never run out: it doesn't even look whether it is empty.
#[derive(Default)]
pub(crate) struct UncheckedList(BareList);

impl Store for UncheckedList {
    const NAME: &'static str = "bare list that is never empty";
    type Taken = Raw;

    #[inline]
    fn take(&mut self) -> Raw {
        // SAFETY: nothing here takes more than there are.
        Object::make_at(unsafe { self.0.pop() })
    }

    #[inline]
    fn put(&mut self, taken: Raw) {
        self.0.push(taken.address());
    }
}

/// The slab crate's.
pub(crate) struct Slab(slab::Slab<Object>);

impl Default for Slab {
    fn default() -> Self {
        Self(slab::Slab::with_capacity(ROOM))
    }
}

impl Store for Slab {
    const NAME: &'static str = "slab 0.4.12";
    type Taken = Raw;

    #[inline]
    fn take(&mut self) -> Raw {
        Raw(self.0.insert(Object::new()))
    }

    #[inline]
    fn put(&mut self, taken: Raw) {
        self.0.remove(taken.0);
    }
}

/// The pool for one thread of the crate `shared_arena`: an arena that reuses.
pub(crate) struct SharedArenaPool(shared_arena::Pool<Object>);

impl Default for SharedArenaPool {
    fn default() -> Self {
        Self(shared_arena::Pool::with_capacity(ROOM))
    }
}

impl Store for SharedArenaPool {
    const NAME: &'static str = "shared_arena::Pool 0.8.4";
    type Taken = shared_arena::PoolBox<Object>;

    #[inline]
    fn take(&mut self) -> Self::Taken {
        self.0.alloc(Object::new())
    }

    #[inline]
    fn put(&mut self, taken: Self::Taken) {
        drop(taken);
    }
}
