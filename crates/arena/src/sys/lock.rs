//! The lock over one heap's pools: taken on slow paths only. The lock of the arena heaps is the only one under which
//! it is taken.

pub(crate) use stratalloc_pages::lock::{Lock, LockGuard, Mark};

#[cfg(all(loom, test))]
mod tests {
    use loom::{
        cell::UnsafeCell,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
    };
    use stratalloc_core::sync::{explore, model};

    use super::*;

    /// A cache, and the list of idle ones: whether it is in it.
    type Idle = (UnsafeCell<usize>, Lock<bool>);

    /// A thread that ends leaves its cache to the next, which sees all that was done to it. The list of idle caches is a
    /// flag here, and the cache one value.
    #[test]
    fn loom_an_adopted_cache_is_seen_whole() {
        explore(
            130,
            || (UnsafeCell::new(0), Lock::new(false)),
            [
                |(cache, idle): &Idle| {
                    // SAFETY: the cache is this thread's until it is pushed.
                    cache.with_mut(|value| unsafe { *value = 7 });
                    *idle.lock(Mark::new(4)) = true;
                },
                |(cache, idle)| {
                    if core::mem::take(&mut *idle.lock(Mark::new(8))) {
                        // SAFETY: popped, so it is this thread's.
                        assert_eq!(cache.with(|value| unsafe { *value }), 7);
                    }
                },
            ],
            |_, _| {},
        );
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_finds_the_mutant_that_adopts_without_the_lock() {
        model(0, || {
            let cache = Arc::new(UnsafeCell::new(0));
            let idle = Arc::new(AtomicUsize::new(0));
            let ending = {
                let (cache, idle) = (Arc::clone(&cache), Arc::clone(&idle));
                thread::spawn(move || {
                    // SAFETY: the cache is this thread's until it is pushed.
                    cache.with_mut(|value| unsafe { *value = 7 });
                    idle.store(1, Ordering::Relaxed);
                })
            };
            if idle.swap(0, Ordering::Relaxed) == 1 {
                // SAFETY: that it isn't safe is what loom is to find.
                cache.with(|value| unsafe { *value });
            }
            ending.join().unwrap();
        });
    }
}
