//! A growing array in pages of its own, for code that may not allocate.

use core::ptr::NonNull;

use crate::sys;

/// Elements in memory from the system; none is ever removed.
///
/// # Invariants
///
/// - [PAGED-1: own] `start` is a mapping of the array's own with room for `capacity` elements, or dangles where
///   that is zero.
/// - [PAGED-2: filled] The first `len` elements, `capacity` at most, were written.
pub(crate) struct PagedVec<T> {
    start: NonNull<T>,
    len: usize,
    capacity: usize,
}

// SAFETY: [PAGED-1] the memory is the array's own.
unsafe impl<T: Send> Send for PagedVec<T> {}
// SAFETY: a shared array is only read: [PAGED-1: own] its memory changes through `&mut` alone.
unsafe impl<T: Sync> Sync for PagedVec<T> {}

impl<T: Copy> PagedVec<T> {
    /// An array without elements, and without memory.
    pub(crate) const fn new() -> Self {
        Self { start: NonNull::dangling(), len: 0, capacity: 0 }
    }

    /// An array of copies; `None` if memory is out.
    pub(crate) fn copy_of(elements: &[T]) -> Option<Self> {
        let mut copy = Self::new();
        copy.extend(elements).then_some(copy)
    }

    /// An array of zeroes; `None` if memory is out.
    ///
    /// # Safety
    ///
    /// All zero is an element.
    pub(crate) unsafe fn zeroed(len: usize) -> Option<Self> {
        let mut zeroes = Self::new();
        zeroes.reserve(len).then(|| {
            // [PAGED-2: filled] fresh memory is zero, and all zero is an element by this function's contract.
            zeroes.len = len;
            zeroes
        })
    }

    /// Adds elements, all or none; returns whether it could. Amortized O(1) each.
    pub(crate) fn extend(&mut self, elements: &[T]) -> bool {
        if !self.reserve(elements.len()) {
            return false;
        }
        // SAFETY: [PAGED-1] there is room for so many more; what is given lies elsewhere, since this is borrowed
        // mutably.
        unsafe {
            let end = self.start.add(self.len);
            end.copy_from_nonoverlapping(NonNull::from(elements).cast(), elements.len());
        }
        self.len += elements.len();
        true
    }

    /// Makes room for so many more elements; returns whether it could.
    fn reserve(&mut self, more: usize) -> bool {
        let wanted = self.len + more;
        if wanted <= self.capacity {
            return true;
        }
        let bytes = wanted.max(self.capacity * 2) * size_of::<T>();
        let bytes = sys::round_to_pages(bytes);
        let Ok(fresh) = sys::map(bytes) else { return false };
        // SAFETY: [PAGED-2] so many elements are there; the mapping is new, and has room for them.
        unsafe { fresh.cast().copy_from_nonoverlapping(self.start, self.len) };
        self.release();
        (self.start, self.capacity) = (fresh.cast(), bytes / size_of::<T>());
        true
    }
}

impl<T> PagedVec<T> {
    /// Gives the mapping back, if there is one.
    fn release(&mut self) {
        let bytes = sys::round_to_pages(self.capacity * size_of::<T>());
        if bytes != 0 {
            // SAFETY: [PAGED-1] it is the array's own, and nobody has a reference into it.
            unsafe { sys::unmap(self.start.cast(), bytes) };
        }
    }
}

impl<T> core::ops::Deref for PagedVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: [PAGED-2: filled] so many elements were written, in memory that stays while this is borrowed.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T> core::ops::DerefMut for PagedVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: [PAGED-2: filled] so many elements were written; the mutable borrow keeps others out.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T> Drop for PagedVec<T> {
    fn drop(&mut self) {
        self.release();
    }
}

const _: () = assert!(align_of::<u128>() <= 4096, "pages are aligned for every element");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_there_after_it_grew() {
        let mut numbers = PagedVec::<u64>::new();
        for number in 0..5000_u64 {
            assert!(numbers.extend(&[number, !number]));
        }
        assert_eq!(numbers.len(), 10_000);
        assert!(numbers.chunks(2).zip(0..).all(|(pair, number)| pair == [number, !number]));
        let copy = PagedVec::copy_of(&numbers).unwrap();
        drop(numbers);
        assert_eq!(copy[9998..], [4999, !4999]);
    }

    #[test]
    fn zeroes_are_zero_and_too_many_are_refused() {
        // SAFETY: zero is a number.
        unsafe {
            assert!(PagedVec::<u64>::zeroed(1000).unwrap().iter().all(|&number| number == 0));
            assert!(PagedVec::<u64>::zeroed(1 << 50).is_none());
        }
    }
}
