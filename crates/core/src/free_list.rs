//! The intrusive free list: free blocks chained through their own first bytes.

use core::{fmt, ptr::NonNull};

use thiserror::Error;

/// What a free block holds: the next free block.
#[repr(transparent)]
struct Link(Option<NonNull<Link>>);

/// A last-in, first-out list of free blocks that needs no memory but theirs.
///
/// ```text
/// head ──▶ ┌──────┬─────────┐   ┌──────┬─────────┐   ┌──────┬─────────┐
///          │ next─┼─▶ …     │──▶│ next │ …       │──▶│ null │ …       │
///          └──────┴─────────┘   └──────┴─────────┘   └──────┴─────────┘
/// ```
///
/// The block freed last is handed out first, while it is still in the cache (temporal locality).
/// Both ends are a couple of pointer assignments. Dropping the list forgets its blocks.
///
/// # Invariants
///
/// - [FREE_LIST-1: owned] Every block in the list belongs to the list alone, from `push` to `pop`.
/// - [FREE_LIST-2: linkable] Every block is aligned to and at least as large as a pointer.
/// - [FREE_LIST-3: chained] A block's first bytes hold the next block of the list, or null in the last;
///   so the chain ends, and no block is in it twice.
///
/// # Example
///
/// ```
/// use core::ptr::NonNull;
/// use stratalloc_core::FreeList;
///
/// let mut blocks = [[0_usize; 4]; 2];
/// let [first, second] = blocks.each_mut().map(|block| NonNull::from(block).cast::<u8>());
/// let mut list = FreeList::new();
/// // SAFETY: both are large and aligned enough, and nothing else uses them from here on.
/// unsafe {
///     list.push(first);
///     list.push(second);
/// }
/// assert_eq!(list.pop(), Some(second));
/// assert_eq!(list.pop(), Some(first));
/// assert_eq!(list.pop(), None);
/// ```
pub struct FreeList {
    head: Option<NonNull<Link>>,
}

// SAFETY: the blocks are the list's own [FREE_LIST-1], and memory isn't bound to a thread.
unsafe impl Send for FreeList {}

impl FreeList {
    /// The smallest block, in bytes, that the list can hold.
    pub const MIN_BLOCK_SIZE: usize = size_of::<Link>();

    /// The least alignment, in bytes, of a block.
    pub const MIN_BLOCK_ALIGN: usize = align_of::<Link>();

    /// Returns an empty list.
    pub const fn new() -> Self {
        Self { head: None }
    }

    /// Returns whether there is no block.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Files a block.
    ///
    /// # Safety
    ///
    /// `block` is at least [`MIN_BLOCK_SIZE`](Self::MIN_BLOCK_SIZE) bytes of writable memory, aligned
    /// to [`MIN_BLOCK_ALIGN`](Self::MIN_BLOCK_ALIGN); it isn't in a list; and nobody touches it
    /// before it is popped.
    #[inline]
    pub const unsafe fn push(&mut self, block: NonNull<u8>) {
        let link = block.cast::<Link>();
        // SAFETY: the caller gives us the block for ourselves, large and aligned enough for a link,
        // which establishes [FREE_LIST-1] and [FREE_LIST-2] for it; what is written is [FREE_LIST-3].
        unsafe { link.write(Link(self.head)) };
        self.head = Some(link);
    }

    /// Takes the block that was filed last.
    #[inline]
    pub const fn pop(&mut self) -> Option<NonNull<u8>> {
        let Some(link) = self.head else { return None };
        // SAFETY: the block is ours [FREE_LIST-1], large and aligned enough [FREE_LIST-2], and holds a link [FREE_LIST-3].
        self.head = unsafe { link.read() }.0;
        Some(link.cast())
    }

    /// Walks the list, at most `limit` blocks of it, and counts them. `is_block` says of an address
    /// whether a block of this list can start there; only then it is read.
    ///
    /// O(blocks). For tests and checked builds: it finds the traces of a write after free and of a
    /// double free, which nothing can rule out.
    pub fn validate(
        &self,
        limit: usize,
        is_block: impl Fn(NonNull<u8>) -> bool,
    ) -> Result<usize, FreeListError> {
        let mut count = 0;
        let mut next = self.head;
        while let Some(link) = next {
            if !is_block(link.cast()) {
                return Err(FreeListError::Foreign { address: link.addr().get() });
            }
            if count == limit {
                return Err(FreeListError::Endless { limit });
            }
            count += 1;
            // SAFETY: as in `pop`; where an invariant is broken, `is_block` still says that a block
            // of ours starts there.
            next = unsafe { link.read() }.0;
        }
        Ok(count)
    }
}

impl Default for FreeList {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows the head alone: following the links is for [`FreeList::validate`].
impl fmt::Debug for FreeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreeList").field("head", &self.head).finish()
    }
}

/// How a [`FreeList`] is broken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FreeListError {
    /// A link leads to an address where no block starts: a write after free, most often.
    #[error("the free list leads to {address:#x}, where no block starts")]
    Foreign {
        /// Where the link leads.
        address: usize,
    },
    /// There are more blocks than there can be: the chain has a cycle, by a double free most often.
    #[error("the free list is longer than the {limit} blocks that there are")]
    Endless {
        /// The blocks that there can be.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    const BLOCKS: usize = 16;

    /// Blocks to play with, and their addresses.
    struct Blocks {
        storage: [[usize; 2]; BLOCKS],
    }

    impl Blocks {
        fn new() -> Self {
            Self { storage: [[0; 2]; BLOCKS] }
        }

        fn all(&mut self) -> [NonNull<u8>; BLOCKS] {
            self.storage.each_mut().map(|block| NonNull::from(block).cast())
        }
    }

    quickcheck! {
        /// A vector is the model: push and pop at random leave the same blocks in the same order.
        fn behaves_as_a_stack(pushes: Vec<bool>) -> bool {
            let mut blocks = Blocks::new();
            let all = blocks.all();
            let mut outside: Vec<_> = all.to_vec();
            let (mut list, mut model) = (FreeList::new(), Vec::new());
            pushes.into_iter().all(|push| {
                match outside.pop() {
                    Some(block) if push => {
                        // SAFETY: the block is large and aligned, outside, and ours.
                        unsafe { list.push(block) };
                        model.push(block);
                    }
                    unused => {
                        outside.extend(unused);
                        let popped = list.pop();
                        assert_eq!(popped, model.pop());
                        outside.extend(popped);
                    }
                }
                list.is_empty() == model.is_empty()
                    && list.validate(BLOCKS, |block| all.contains(&block)) == Ok(model.len())
            })
        }
    }

    #[test]
    fn a_double_free_is_a_cycle() {
        let mut blocks = Blocks::new();
        let [first, second, ..] = blocks.all();
        let mut list = FreeList::new();
        for block in [first, second, first] {
            // SAFETY: memory that is ours; the promise that is broken, [FREE_LIST-3], is what is tested, and
            // no block is popped after.
            unsafe { list.push(block) };
        }
        let error = FreeListError::Endless { limit: BLOCKS };
        assert_eq!(list.validate(BLOCKS, |_| true), Err(error));
    }

    #[test]
    fn a_write_after_free_is_a_foreign_link() {
        let mut blocks = Blocks::new();
        let all = blocks.all();
        let mut list = FreeList::new();
        // SAFETY: memory that is ours; the promise that is broken, [FREE_LIST-1], is what is tested.
        unsafe {
            list.push(all[0]);
            all[0].cast::<usize>().write(0x5a5a);
        }
        let error = FreeListError::Foreign { address: 0x5a5a };
        assert_eq!(list.validate(BLOCKS, |block| all.contains(&block)), Err(error));
    }

    #[test]
    fn a_limit_that_is_just_enough_is_enough() {
        let mut blocks = Blocks::new();
        let mut list = FreeList::new();
        for block in blocks.all() {
            // SAFETY: as above.
            unsafe { list.push(block) };
        }
        assert_eq!(list.validate(BLOCKS, |_| true), Ok(BLOCKS));
        assert!(list.validate(BLOCKS - 1, |_| true).is_err());
    }
}
