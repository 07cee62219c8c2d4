//! Stores that threads share, each thread through a handle of its own.

use std::{
    alloc::{GlobalAlloc, Layout},
    mem::MaybeUninit,
    ptr::NonNull,
    sync::{Arc, Mutex},
};

use heapless::pool::boxed::{Box as PoolBox, BoxBlock};
use stratalloc_block::{
    BlockAllocator, BlockLayout, Blocks, Growth, Magazine, SyncBlockAllocator, System as Base,
};

use super::{Object, ROOM, Raw, Store};

/// A store that threads share.
pub(crate) trait Shared: Store + Send + Sized {
    /// One handle for each of so many threads, to the same store.
    fn handles(threads: usize) -> Vec<Self>;
}

const LAYOUT: BlockLayout = BlockLayout::of::<Object>();
const GROWTH: Growth = Growth::doubling(64, ROOM);

/// Blocks as a store's objects.
fn take(blocks: &impl Blocks) -> Raw {
    Object::make_at(blocks.alloc_block().expect("one is free"))
}

/// The other way.
fn put(blocks: &impl Blocks, taken: Raw) {
    // SAFETY: `take` allocated it.
    unsafe { blocks.free_block(taken.address()) };
}

fn sync_allocator() -> &'static SyncBlockAllocator<Base> {
    Box::leak(Box::new(SyncBlockAllocator::new_in(Base, LAYOUT, GROWTH)))
}

/// A store whose one handle is taken for a thread alone.
macro_rules! default_of_shared {
    ($($store:ty),*) => {
        $(impl Default for $store {
            fn default() -> Self {
                Self::handles(1).pop().expect("one handle")
            }
        })*
    };
}
default_of_shared!(Direct, Magazined, Heapless, ShardedSlab, LinearPool, ObjectPool, Objectpool);

/// The lock-free allocator of this repository, without magazines.
pub(crate) struct Direct(&'static SyncBlockAllocator<Base>);

impl Shared for Direct {
    fn handles(threads: usize) -> Vec<Self> {
        let all = sync_allocator();
        (0..threads).map(|_| Self(all)).collect()
    }
}

impl Store for Direct {
    const NAME: &'static str = "SyncBlockAllocator";
    type Taken = Raw;

    #[inline]
    fn take(&mut self) -> Raw {
        take(self.0)
    }

    #[inline]
    fn put(&mut self, taken: Raw) {
        put(self.0, taken);
    }
}

/// The lock-free allocator of this repository, through a magazine for each thread.
pub(crate) struct Magazined(Magazine<'static, Base>);

impl Shared for Magazined {
    fn handles(threads: usize) -> Vec<Self> {
        let all = sync_allocator();
        (0..threads).map(|_| Self(all.magazine())).collect()
    }
}

impl Store for Magazined {
    const NAME: &'static str = "SyncBlockAllocator, magazine";
    type Taken = Raw;

    #[inline]
    fn take(&mut self) -> Raw {
        take(&self.0)
    }

    #[inline]
    fn put(&mut self, taken: Raw) {
        put(&self.0, taken);
    }
}

/// The local allocator behind std's mutex.
pub(crate) struct Locked(Arc<Mutex<BlockAllocator<Base>>>);

impl Shared for Locked {
    fn handles(threads: usize) -> Vec<Self> {
        let blocks = BlockAllocator::new_in(Base, LAYOUT, GROWTH);
        let all = Arc::new(Mutex::new(blocks));
        (0..threads).map(|_| Self(Arc::clone(&all))).collect()
    }
}

impl Store for Locked {
    const NAME: &'static str = "Mutex<BlockAllocator>";
    type Taken = Raw;

    #[inline]
    fn take(&mut self) -> Raw {
        take(&*self.0.lock().expect("nobody panics"))
    }

    #[inline]
    fn put(&mut self, taken: Raw) {
        put(&*self.0.lock().expect("nobody panics"), taken);
    }
}

type HeaplessBlock = MaybeUninit<[u64; 8]>;
heapless::box_pool!(BLOCKS: HeaplessBlock);

/// heapless's pool, which there is one of.
pub(crate) struct Heapless(());

impl Shared for Heapless {
    fn handles(threads: usize) -> Vec<Self> {
        static FILLED: std::sync::Once = std::sync::Once::new();
        FILLED.call_once(|| {
            for _ in 0..ROOM {
                BLOCKS.manage(Box::leak(Box::new(BoxBlock::new())));
            }
        });
        (0..threads).map(|_| Self(())).collect()
    }
}

impl Store for Heapless {
    const NAME: &'static str = "heapless::pool 0.9.3";
    type Taken = PoolBox<BLOCKS>;

    #[inline]
    fn take(&mut self) -> Self::Taken {
        let Ok(mut block) = BLOCKS.alloc(MaybeUninit::uninit()) else { panic!("one is free") };
        Object::make_at(NonNull::from(&mut *block).cast());
        block
    }

    /// By its own drop: by way of a raw pointer it would lose the tag that stands against the ABA.
    #[inline]
    fn put(&mut self, taken: Self::Taken) {
        drop(taken);
    }
}

/// The sharded-slab crate's.
pub(crate) struct ShardedSlab(Arc<sharded_slab::Slab<Object>>);

impl Shared for ShardedSlab {
    fn handles(threads: usize) -> Vec<Self> {
        let all = Arc::new(sharded_slab::Slab::new());
        (0..threads).map(|_| Self(Arc::clone(&all))).collect()
    }
}

impl Store for ShardedSlab {
    const NAME: &'static str = "sharded-slab 0.1.7";
    type Taken = Raw;

    #[inline]
    fn take(&mut self) -> Raw {
        Raw(self.0.insert(Object::new()).expect("one is free"))
    }

    #[inline]
    fn put(&mut self, taken: Raw) {
        self.0.remove(taken.0);
    }
}

/// Pools that reset objects and hand them out again, through guards that return them when dropped.
macro_rules! object_pool {
    ($(#[$doc:meta])* $store:ident, $name:literal, $pool:ty, $guard:ty, $new:expr, $pull:expr) => {
        $(#[$doc])*
        pub(crate) struct $store(&'static $pool);

        impl Shared for $store {
            fn handles(threads: usize) -> Vec<Self> {
                let all: &'static $pool = Box::leak(Box::new($new));
                (0..threads).map(|_| Self(all)).collect()
            }
        }

        impl Store for $store {
            const NAME: &'static str = $name;
            type Taken = $guard;

            #[inline]
            fn take(&mut self) -> Self::Taken {
                let mut guard: $guard = $pull(self.0);
                guard.first = 7;
                guard
            }

            #[inline]
            fn put(&mut self, taken: Self::Taken) {
                drop(taken);
            }
        }
    };
}

object_pool!(
    /// lockfree-object-pool's linear one.
    LinearPool, "lockfree-object-pool 0.1.6",
    lockfree_object_pool::LinearObjectPool<Object>,
    lockfree_object_pool::LinearReusable<'static, Object>,
    lockfree_object_pool::LinearObjectPool::new(Object::new, |_| ()),
    lockfree_object_pool::LinearObjectPool::pull
);
object_pool!(
    /// The object-pool crate's.
    ObjectPool, "object-pool 0.6.0",
    object_pool::Pool<Object>,
    object_pool::Reusable<'static, Object>,
    object_pool::Pool::new(1000, Object::new),
    |pool: &'static object_pool::Pool<Object>| pool.pull(Object::new)
);
object_pool!(
    /// The objectpool crate's.
    Objectpool, "objectpool 0.1.0",
    objectpool::Pool<Object>,
    objectpool::ReusableObjectRef<'static, Object>,
    objectpool::Pool::unbounded(Object::new, |_| ()),
    objectpool::Pool::get
);

/// An allocator for all sizes.
macro_rules! global {
    ($(#[$doc:meta])* $store:ident, $name:literal, $allocator:expr) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $store;

        impl Shared for $store {
            fn handles(threads: usize) -> Vec<Self> {
                (0..threads).map(|_| Self).collect()
            }
        }

        impl Store for $store {
            const NAME: &'static str = $name;
            type Taken = Raw;

            #[inline]
            fn take(&mut self) -> Raw {
                // SAFETY: an object's size isn't zero.
                let start = unsafe { $allocator.alloc(Layout::new::<Object>()) };
                Object::make_at(NonNull::new(start).expect("memory"))
            }

            #[inline]
            fn put(&mut self, taken: Raw) {
                // SAFETY: `take` allocated it with this layout.
                unsafe { $allocator.dealloc(taken.address().as_ptr(), Layout::new::<Object>()) };
            }
        }
    };
}

global!(
    /// The C library's.
    System, "system (glibc)", std::alloc::System
);
#[cfg(feature = "mimalloc")]
global!(
    /// mimalloc.
    Mimalloc, "mimalloc 3", mimalloc::MiMalloc
);
