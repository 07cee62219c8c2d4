//! Allocators of objects of one size, each behind [`Store`].

#![allow(dead_code, unused_imports, reason = "each benchmark uses its part")]

use std::{hint::black_box, mem::MaybeUninit, ptr::NonNull};

mod local;
mod shared;

pub(crate) use local::{BareList, Block, Loop, SharedArenaPool, Slab, UncheckedList};
#[cfg(feature = "mimalloc")]
pub(crate) use shared::Mimalloc;
pub(crate) use shared::{
    Direct, Heapless, LinearPool, Locked, Magazined, ObjectPool, Objectpool, ShardedSlab, Shared,
    System,
};

/// The objects that one allocator is made for.
pub(crate) const ROOM: usize = 100_000;

/// An object of 64 bytes, of which its maker writes the first word.
#[repr(C)]
pub(crate) struct Object {
    first: u64,
    rest: MaybeUninit<[u64; 7]>,
}

impl Object {
    pub(crate) const fn new() -> Self {
        Self { first: 7, rest: MaybeUninit::uninit() }
    }

    /// Writes the first word, as a user of a block would: a link that stood there is gone.
    pub(crate) fn make_at(place: NonNull<u8>) -> Raw {
        // SAFETY: callers pass a block for an object.
        unsafe { place.cast::<u64>().write_volatile(7) };
        Raw(place.expose_provenance().get())
    }
}

/// What one thread takes objects from and returns them to.
pub(crate) trait Store {
    /// Its name in tables.
    const NAME: &'static str;

    /// What names an object.
    type Taken;

    /// Takes an object, and writes its first word.
    fn take(&mut self) -> Self::Taken;

    /// Returns one.
    fn put(&mut self, taken: Self::Taken);
}

/// An object by its address or key: what can be passed on to any thread.
pub(crate) struct Raw(pub(crate) usize);

impl Raw {
    /// # Safety
    ///
    /// It is an address.
    pub(crate) unsafe fn address(self) -> NonNull<u8> {
        // SAFETY: no object is at null.
        unsafe { NonNull::new_unchecked(std::ptr::with_exposed_provenance_mut(self.0)) }
    }
}

/// Takes and returns an object, again and again. The store is looked up in memory each time, as it is
/// where a program does other things in between.
#[inline(never)]
pub(crate) fn pairs<S: Store>(store: &mut S, count: usize) {
    for _ in 0..count {
        let store = black_box(&mut *store);
        let taken = black_box(store.take());
        store.put(taken);
    }
}

/// Takes as many objects as `row` has places for, then returns them, the first one first.
pub(crate) fn rows<S: Store>(store: &mut S, row: &mut Vec<S::Taken>, count: usize) {
    for _ in 0..count {
        row.extend((0..row.capacity()).map(|_| store.take()));
        for taken in row.drain(..) {
            store.put(taken);
        }
    }
}

/// Calls `work` with the type of each store for one thread.
#[macro_export]
macro_rules! for_each_store {
    ($work:ident($($argument:expr),*)) => {{
        $work::<one_size::Block>($($argument),*);
        $work::<one_size::Magazined>($($argument),*);
        $work::<one_size::Direct>($($argument),*);
        $work::<one_size::BareList>($($argument),*);
        $work::<one_size::UncheckedList>($($argument),*);
        $work::<one_size::Slab>($($argument),*);
        $work::<one_size::SharedArenaPool>($($argument),*);
        $work::<one_size::Heapless>($($argument),*);
        $work::<one_size::ShardedSlab>($($argument),*);
        $work::<one_size::LinearPool>($($argument),*);
        $work::<one_size::ObjectPool>($($argument),*);
        $work::<one_size::Objectpool>($($argument),*);
        #[cfg(feature = "mimalloc")]
        $work::<one_size::Mimalloc>($($argument),*);
        $work::<one_size::System>($($argument),*);
    }};
}
