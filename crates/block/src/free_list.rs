//! The list of free blocks, threaded through the blocks themselves.
//!
//! A free block's first word is its [`Link`]. With [`CHECKED`] on, the word is mangled with its own
//! address and a constant: then a live block whose first word unmangles to a link of ours is almost
//! surely free, and a free block whose word doesn't was written to. Off, it is the plain address.
//! (That, the sorting and the shared reference are why it isn't core's `FreeList`.)

use core::{cell::Cell, ptr::NonNull};

use crate::poison;

/// Whether frees and links are checked: in debug builds, and in others with feature `checked`.
pub(crate) const CHECKED: bool = cfg!(any(debug_assertions, feature = "checked"));

/// Any odd number does, so long as ordinary data seldom holds it: this is 2^64 over the golden ratio.
const MANGLE: usize = if CHECKED { 0x9e37_79b9_7f4a_7c15_u64 as usize } else { 0 };

/// The address of the next block in the list, or null, as it stands in a free block.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Link(*mut u8);

impl Link {
    /// Writes the link `next` into the block `at`.
    ///
    /// # Safety
    ///
    /// `at` is a block that the caller may write to, aligned as a link at least.
    #[inline]
    pub(crate) unsafe fn write(at: NonNull<u8>, next: Option<NonNull<u8>>) {
        let next = next.map_or(core::ptr::null_mut(), NonNull::as_ptr);
        let link = if CHECKED { next.map_addr(|address| mangle(address, at)) } else { next };
        // SAFETY: the caller may write to the block, which is aligned for a link.
        unsafe { at.cast().write(Self(link)) };
    }

    /// Reads the link in the block `at`.
    ///
    /// # Safety
    ///
    /// `at` is aligned as a link at least, and its first word is initialised.
    #[inline]
    pub(crate) unsafe fn read(at: NonNull<u8>) -> Option<NonNull<u8>> {
        // SAFETY: the place is aligned, and its first word is initialised.
        let Self(link) = unsafe { at.cast().read() };
        NonNull::new(if CHECKED { link.map_addr(|address| mangle(address, at)) } else { link })
    }
}

/// Its own inverse.
#[inline]
fn mangle(address: usize, at: NonNull<u8>) -> usize {
    address ^ at.addr().get() ^ MANGLE
}

/// A stack of free blocks: the last one freed is the first one reused, while it is still in cache.
///
/// # Invariants
///
/// - [BLOCK_FREE_LIST-1: links] The head, and what each link in turn names, is null or a block that the list alone
///   holds, and whose first word is its link.
/// - [BLOCK_FREE_LIST-2: once] No block is in the list twice; so it ends.
#[derive(Debug)]
pub(crate) struct FreeList {
    head: Cell<Option<NonNull<u8>>>,
}

impl FreeList {
    pub(crate) const fn new() -> Self {
        Self { head: Cell::new(None) }
    }

    /// Returns the block that `pop` would return.
    #[inline]
    pub(crate) fn head(&self) -> Option<NonNull<u8>> {
        self.head.get()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }

    /// # Safety
    ///
    /// The caller gives the block up; it has room for a link and is aligned for one.
    #[inline]
    pub(crate) unsafe fn push(&self, block: NonNull<u8>) {
        // SAFETY: the block is given up, and has room for a link. Nobody else has it, so it may be the head
        // [BLOCK_FREE_LIST-1, BLOCK_FREE_LIST-2].
        unsafe { Link::write(block, self.head.get()) };
        self.head.set(Some(block));
    }

    #[inline]
    pub(crate) fn pop(&self) -> Option<NonNull<u8>> {
        let block = self.head.get()?;
        poison::unpoison(block, size_of::<Link>());
        // SAFETY: [BLOCK_FREE_LIST-1] for the head.
        self.head.set(unsafe { Link::read(block) });
        Some(block)
    }

    /// Returns all blocks, the next one to be popped first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = NonNull<u8>> {
        // SAFETY: [BLOCK_FREE_LIST-1] for the head, and then for each block that a link named.
        core::iter::successors(self.head.get(), |&block| unsafe { peek(block) })
    }

    /// Orders the list by address: from the next pop on, blocks come in the order of memory.
    ///
    /// A merge sort in place, bottom up: `runs[k]` is null or a sorted run of 2^k blocks, so `n`
    /// blocks take n·log2(n) steps and no memory but an array.
    pub(crate) fn sort(&self) {
        let mut runs = [const { Self::new() }; usize::BITS as usize];
        while let Some(block) = self.pop() {
            let carry = Self::new();
            // SAFETY: the block was just popped, so it is nobody's.
            unsafe { carry.push(block) };
            for run in &mut runs {
                if run.head().is_none() {
                    run.head.swap(&carry.head);
                    break;
                }
                carry.merge(run);
            }
        }
        for run in &runs {
            self.merge(run);
        }
        if cfg!(asan) {
            // Looking at a link poisons it again.
            self.iter().for_each(drop);
        }
    }

    /// Moves all blocks of `other`, sorted as this list is, to their places here.
    fn merge(&self, other: &Self) {
        let merged = Self::new();
        let mut last = None;
        while let Some(block) = self.lower_of(other).pop() {
            // SAFETY: `last` and `block` were popped, so they are nobody's but ours; `merged` reaches
            // them by links written here, each with null as its end: [BLOCK_FREE_LIST-1], [BLOCK_FREE_LIST-2].
            unsafe {
                Link::write(block, None);
                match last.replace(block) {
                    Some(last) => Link::write(last, Some(block)),
                    None => merged.head.set(Some(block)),
                }
            }
        }
        self.head.swap(&merged.head);
    }

    /// That of both lists whose head has the lower address.
    fn lower_of<'a>(&'a self, other: &'a Self) -> &'a Self {
        match (self.head(), other.head()) {
            (Some(here), Some(there)) if here < there => self,
            (Some(_), None) => self,
            _ => other,
        }
    }
}

/// Reads the link of a free block, which stays poisoned.
///
/// # Safety
///
/// As for [`Link::read`].
#[inline]
pub(crate) unsafe fn peek(block: NonNull<u8>) -> Option<NonNull<u8>> {
    poison::unpoison(block, size_of::<Link>());
    // SAFETY: the block is aligned, and its first word is initialised.
    let next = unsafe { Link::read(block) };
    poison::poison(block, size_of::<Link>());
    next
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn blocks(words: &mut [usize]) -> Vec<NonNull<u8>> {
        words.iter_mut().map(|word| NonNull::from(word).cast()).collect()
    }

    #[test]
    fn the_last_freed_comes_first() {
        let mut words = [0; 5];
        let list = FreeList::new();
        let blocks = blocks(&mut words);
        for &block in &blocks {
            // SAFETY: each block is a word of ours, aligned for a link.
            unsafe { list.push(block) };
        }
        assert!(list.iter().eq(blocks.iter().rev().copied()));
        assert!(core::iter::from_fn(|| list.pop()).eq(blocks.iter().rev().copied()));
        assert_eq!(list.pop(), None);
    }

    #[test]
    fn sorting_keeps_every_block_and_orders_them() {
        for count in 0..70 {
            let mut words = std::vec![0; count];
            let list = FreeList::new();
            let mut blocks = blocks(&mut words);
            for step in 0..count {
                let block = blocks[(step * 71 + 3) % count.max(1)];
                // SAFETY: a word of ours; 71 is prime and above `count`, so each comes once.
                unsafe { list.push(block) };
            }
            list.sort();
            blocks.sort_unstable();
            assert!(list.iter().eq(blocks.iter().copied()), "{count} blocks");
        }
    }
}
