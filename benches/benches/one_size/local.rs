//! Stores for one thread.

use std::ptr::NonNull;

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
        Object::make_at(self.0.alloc_block().expect("one is free"))
    }

    #[inline]
    fn put(&mut self, taken: Raw) {
        // SAFETY: `take` allocated it.
        unsafe { self.0.free_block(taken.address()) };
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
        Object::make_at(NonNull::from(&mut self.0).cast())
    }

    #[inline]
    fn put(&mut self, _: Raw) {}
}

/// A list of free objects that is chained through them, and nothing more: what a hand-written pool
/// does.
pub(crate) struct BareList(Option<NonNull<u8>>);

impl Default for BareList {
    fn default() -> Self {
        let mut list = Self(None);
        let memory = memory();
        let start = memory.as_ptr().align_offset(align_of::<Object>());
        let objects = memory[start..].chunks_exact_mut(size_of::<Object>());
        for object in objects.take(ROOM) {
            list.push(NonNull::from(object).cast());
        }
        list
    }
}

impl BareList {
    #[inline]
    fn push(&mut self, object: NonNull<u8>) {
        // SAFETY: the object is nobody's, and has room for a pointer.
        unsafe { object.cast().write(self.0) };
        self.0 = Some(object);
    }

    #[inline]
    fn pop(&mut self) -> Option<NonNull<u8>> {
        let object = self.0?;
        // SAFETY: the object is in the list, so `push` wrote the link.
        self.0 = unsafe { object.cast().read() };
        Some(object)
    }
}

impl Store for BareList {
    const NAME: &'static str = "bare list";
    type Taken = Raw;

    #[inline]
    fn take(&mut self) -> Raw {
        Object::make_at(self.pop().expect("one is free"))
    }

    #[inline]
    fn put(&mut self, taken: Raw) {
        // SAFETY: `take` made it of an address.
        self.push(unsafe { taken.address() });
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
        // SAFETY: nothing here takes more than there are, and `push` wrote each link.
        unsafe {
            let object = self.0.0.unwrap_unchecked();
            self.0.0 = object.cast().read();
            Object::make_at(object)
        }
    }

    #[inline]
    fn put(&mut self, taken: Raw) {
        self.0.put(taken);
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
