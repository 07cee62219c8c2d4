//! Values of one type in blocks: what people use a pool for.

use core::{
    fmt,
    marker::PhantomData,
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
    pin::Pin,
    ptr::NonNull,
};

use stratalloc_core::Allocator;
#[cfg(feature = "std")]
use stratalloc_core::System;

use crate::{BlockAllocator, BlockError, BlockLayout, Blocks, Buffer, Growth};

/// Blocks that each hold a `T`, over any [`Blocks`]: local, locked, lock-free, or a magazine.
///
/// ```
/// use core::mem::MaybeUninit;
/// use stratalloc_block::TypedBlocks;
///
/// struct Node { value: u32, next: Option<usize> }
///
/// let mut buffer = [MaybeUninit::uninit(); 1024];
/// let nodes = TypedBlocks::from_buffer(&mut buffer)?;
/// let mut node = nodes.alloc(Node { value: 1, next: None }).ok().expect("memory is left");
/// node.value += 1;
/// assert_eq!(node.value, 2);
/// drop(node); // drops the value and frees the block
/// # Ok::<(), stratalloc_block::BlockError>(())
/// ```
///
/// A pool of objects that threads share is one line: see [`SharedBlocks`].
#[derive(Debug)]
pub struct TypedBlocks<T, B> {
    blocks: B,
    values: PhantomData<fn(T) -> T>,
}

impl<'a, T> TypedBlocks<T, BlockAllocator<Buffer<'a>>> {
    /// As many values as fit a buffer, for one thread.
    ///
    /// # Errors
    ///
    /// [`BlockError::BufferTooSmall`] if not even one does.
    pub fn from_buffer(buffer: &'a mut [MaybeUninit<u8>]) -> Result<Self, BlockError> {
        let blocks = BlockAllocator::from_buffer(buffer, BlockLayout::of::<T>())?;
        Ok(Self { blocks, values: PhantomData })
    }
}

impl<T, A: Allocator> TypedBlocks<T, BlockAllocator<A>> {
    /// Values for one thread, in chunks that `base` gives as `growth` says.
    ///
    /// ```
    /// use stratalloc_block::{Growth, System, TypedBlocks};
    ///
    /// let words = TypedBlocks::new_in(System, Growth::doubling(16, 1024));
    /// let boxes: Vec<_> = (0..100_u64).map(|word| words.alloc(word).unwrap()).collect();
    /// assert_eq!(*boxes[99], 99);
    /// ```
    pub const fn new_in(base: A, growth: Growth) -> Self {
        let blocks = BlockAllocator::new_in(base, BlockLayout::of::<T>(), growth);
        Self { blocks, values: PhantomData }
    }
}

/// Values for one thread, in a growing allocator of their own.
#[cfg(feature = "std")]
pub type LocalBlocks<T, A = System> = TypedBlocks<T, BlockAllocator<A>>;

#[cfg(feature = "std")]
impl<T> TypedBlocks<T, BlockAllocator<System>> {
    /// Values for one thread, in memory of the system.
    ///
    /// ```
    /// let words = stratalloc_block::LocalBlocks::<u64>::new();
    /// assert_eq!(*words.alloc(7).unwrap(), 7);
    /// ```
    pub const fn new() -> Self {
        Self::new_in(System, Growth::for_blocks(BlockLayout::of::<T>()))
    }
}

#[cfg(feature = "std")]
impl<T> Default for TypedBlocks<T, BlockAllocator<System>> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, B: Blocks> TypedBlocks<T, B> {
    /// Values in whatever blocks there are: behind a lock, lock-free, or of a magazine. If they are
    /// too small for a value, or not aligned enough, they are given back.
    pub fn over(blocks: B) -> Result<Self, B> {
        let needed = BlockLayout::of::<T>();
        let given = blocks.block_layout();
        if given.size() >= needed.size() && given.align() >= needed.align() {
            Ok(Self { blocks, values: PhantomData })
        } else {
            Err(blocks)
        }
    }

    /// Moves a value into a block; gives it back if there is none.
    #[inline]
    pub fn alloc(&self, value: T) -> Result<BlockBox<'_, T, B>, T> {
        let Ok(block) = self.blocks.alloc_block() else { return Err(value) };
        let place = block.cast::<T>();
        // SAFETY: the block is ours, and large and aligned enough, as `over` found, or its own layout says.
        unsafe { place.write(value) };
        Ok(BlockBox { place, blocks: &self.blocks, owned: PhantomData })
    }

    /// Returns the allocator below.
    pub const fn blocks(&self) -> &B {
        &self.blocks
    }
}

/// Values that any thread allocates and any thread frees, without a lock: a pool of objects, in one line.
///
/// ```
/// use std::thread;
/// use stratalloc_block::{BlockBox, SharedBlocks};
///
/// struct Order { number: u32 }
///
/// static ORDERS: SharedBlocks<Order> = SharedBlocks::new();
///
/// let order = ORDERS.alloc(Order { number: 1 }).ok().expect("memory is left");
/// let worker = thread::spawn(move || order.number); // frees the block there
/// assert_eq!(worker.join().unwrap(), 1);
/// ```
///
/// A thread that allocates much takes a [`Magazine`](crate::Magazine) of the [blocks](TypedBlocks::blocks),
/// and values [`over`](TypedBlocks::over) that.
#[cfg(all(feature = "std", target_has_atomic = "64", not(loom)))]
pub type SharedBlocks<T, A = System> = TypedBlocks<T, crate::SyncBlockAllocator<A>>;

#[cfg(all(target_has_atomic = "64", not(loom)))]
impl<T, A: Allocator> TypedBlocks<T, crate::SyncBlockAllocator<A>> {
    /// Values that threads share, in chunks that `base` gives as `growth` says.
    pub const fn shared_in(base: A, growth: Growth) -> Self {
        let blocks = crate::SyncBlockAllocator::new_in(base, BlockLayout::of::<T>(), growth);
        Self { blocks, values: PhantomData }
    }
}

#[cfg(all(feature = "std", target_has_atomic = "64", not(loom)))]
impl<T> TypedBlocks<T, crate::SyncBlockAllocator<System>> {
    /// Values that threads share, in memory of the system.
    pub const fn new() -> Self {
        Self::shared_in(System, Growth::for_blocks(BlockLayout::of::<T>()))
    }
}

#[cfg(all(feature = "std", target_has_atomic = "64", not(loom)))]
impl<T> Default for TypedBlocks<T, crate::SyncBlockAllocator<System>> {
    fn default() -> Self {
        Self::new()
    }
}

/// A value in a block that goes back when the box is dropped.
///
/// # Invariants
///
/// - [BLOCK_BOX-1: owned] `place` is a live block of `blocks`, holds a valid `T`, and is the box's alone.
#[must_use = "a box that is dropped at once frees its block at once"]
pub struct BlockBox<'a, T, B: Blocks> {
    place: NonNull<T>,
    blocks: &'a B,
    owned: PhantomData<T>,
}

// SAFETY: the box owns its value, which may be sent; it frees the block from the thread that drops
// it, which the allocator's being `Sync` allows.
unsafe impl<T: Send, B: Blocks + Sync> Send for BlockBox<'_, T, B> {}
// SAFETY: a shared box gives out shared references to its value only.
unsafe impl<T: Sync, B: Blocks + Sync> Sync for BlockBox<'_, T, B> {}

impl<T, B: Blocks> BlockBox<'_, T, B> {
    /// Takes the value out and frees the block.
    #[inline]
    pub fn into_inner(this: Self) -> T {
        let this = core::mem::ManuallyDrop::new(this);
        // SAFETY: [BLOCK_BOX-1]; the box is not dropped, so the value is read once, and the block freed once.
        unsafe {
            let value = this.place.read();
            this.blocks.free_block(this.place.cast());
            value
        }
    }
}

impl<T, B: Blocks> BlockBox<'static, T, B> {
    /// Pins the box: its value stays where it is until it is dropped, since blocks don't move.
    ///
    /// Only where the allocator lives for ever. Else a box could be forgotten and the allocator
    /// dropped, and the value's memory would be used again though the value wasn't dropped:
    ///
    /// ```compile_fail,E0597
    /// # use core::mem::MaybeUninit;
    /// # use stratalloc_block::{BlockBox, TypedBlocks};
    /// let mut buffer = [MaybeUninit::uninit(); 1024];
    /// let pool = TypedBlocks::from_buffer(&mut buffer).unwrap();
    /// BlockBox::into_pin(pool.alloc(7_u64).unwrap());
    /// ```
    pub fn into_pin(this: Self) -> Pin<Self> {
        // SAFETY: the value is behind the pointer and stays there until it is dropped; since the
        // allocator is never dropped, the memory is reused only after.
        unsafe { Pin::new_unchecked(this) }
    }
}

/// Moving the box doesn't move the value.
impl<T, B: Blocks> Unpin for BlockBox<'_, T, B> {}

impl<T, B: Blocks> Deref for BlockBox<'_, T, B> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: [BLOCK_BOX-1]; the reference lives no longer than the borrow of the box.
        unsafe { self.place.as_ref() }
    }
}

impl<T, B: Blocks> DerefMut for BlockBox<'_, T, B> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: [BLOCK_BOX-1]; the box is borrowed alone.
        unsafe { self.place.as_mut() }
    }
}

impl<T, B: Blocks> Drop for BlockBox<'_, T, B> {
    #[inline]
    fn drop(&mut self) {
        let block = self.place.cast();
        let free = FreeOnDrop { block, blocks: self.blocks };
        // SAFETY: [BLOCK_BOX-1]; nobody sees the value after this.
        unsafe { self.place.drop_in_place() };
        drop(free);
    }
}

/// Frees the block even where the value's own drop unwinds.
struct FreeOnDrop<'a, B: Blocks> {
    block: NonNull<u8>,
    blocks: &'a B,
}

impl<B: Blocks> Drop for FreeOnDrop<'_, B> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the box that is being dropped owned the block [BLOCK_BOX-1].
        unsafe { self.blocks.free_block(self.block) };
    }
}

impl<T: fmt::Debug, B: Blocks> fmt::Debug for BlockBox<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
