//! What a scope does with its arena heap.

use core::{mem::ManuallyDrop, ops::Deref, ptr::NonNull};

use crate::{
    cache::{Cache, slot},
    face::ArenaHeap,
    process::thread,
};

impl ArenaHeap {
    /// Whether an address lies in the heap's first area. If not, it may lie in another one.
    #[inline(always)]
    pub(in crate::face) fn is_home_of(&self, block: NonNull<u8>) -> bool {
        self.cache().is_home_of(block.as_ptr())
    }

    /// Ends the heap, or leaves it to its live blocks: it ends with the last of them then.
    ///
    /// Unlike dropping it, that is sound while blocks are live which don't borrow it.
    pub(in crate::face) fn let_go(self) {
        self.flush();
        if self.heap().abandon(slot::mark()) {
            core::mem::forget(self);
        }
    }
}

/// The heap in whose scope the calling thread is. It must not outlive that.
pub(in crate::face) struct Here(ManuallyDrop<ArenaHeap>);

impl Here {
    #[inline(always)]
    pub(in crate::face) fn get() -> Option<Self> {
        let cache = slot::cache().own().scope.get()?;
        Some(Self(ManuallyDrop::new(ArenaHeap { home: cache.cast() })))
    }
}

impl Deref for Here {
    type Target = ArenaHeap;

    #[inline(always)]
    fn deref(&self) -> &ArenaHeap {
        &self.0
    }
}

/// A thread's stay in the scope of a heap; as it is dropped, the thread is in the scope in which it was before.
pub(in crate::face) struct Stay {
    /// The thread's own cache; `None` if its end was seen, or memory is out. Then it is in no scope.
    cache: Option<&'static Cache>,
    before: Option<NonNull<Cache>>,
}

impl Stay {
    /// Has the calling thread enter the scope of a heap.
    ///
    /// # Safety
    ///
    /// Until the stay is dropped, by this thread, the heap lives, and no other thread uses it.
    pub(in crate::face) unsafe fn begin(heap: &ArenaHeap) -> Self {
        let cache = thread::attached().map(Cache::own);
        let before = cache.and_then(|cache| cache.scope.replace(Some(heap.home.cast())));
        Self { cache, before }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if let Some(cache) = self.cache {
            cache.scope.set(self.before);
        }
    }
}
