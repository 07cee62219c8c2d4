//! Checks that the allocator's own state is sound.

use crate::{
    books::{broken::Broken, windows},
    cache::slot,
    process::{arena_heaps, heaps, samples},
};

/// Checks the invariants of the table of windows, of every heap, one after another under its lock, of the samples, and of
/// the calling thread's cache.
///
/// For tests of programs that may write out of bounds, and of the allocator itself. Other threads wait for their heap's
/// turn at most. O(memory of all heaps).
///
/// ```
/// let block = stratalloc_arena::global::allocate(100, 8);
/// assert_eq!(stratalloc_arena::validate(), Ok(()));
/// # unsafe { stratalloc_arena::global::deallocate(block) };
/// ```
///
/// # Errors
///
/// The first invariant that is found broken.
pub fn validate() -> Result<(), Broken> {
    let mark = slot::mark();
    // No arena heap ends meanwhile.
    let values = arena_heaps::lock().lock(mark);
    windows::validate()?;
    drop(values);
    heaps::of_threads(0).try_for_each(|heap| heap.validate(mark))?;
    let mut result = Ok(());
    arena_heaps::each(mark, |heap| {
        if result.is_ok() {
            result = heap.validate(mark);
        }
    });
    result?;
    samples::validate()?;
    slot::cache().validate()
}
