//! The one switch between loom's model types and the real ones.
//!
//! Build with `RUSTFLAGS="--cfg loom"` to let loom explore the interleavings of a `model`'s threads. Loom's
//! constructors aren't `const`: statics live only at the edges, behind `cfg(not(loom))`.
//!
//! Loom doesn't explore all of them: of each atomic it remembers each thread's last access only, so that
//! what another thread could do between a load and the compare-and-swap after it may never be tried from
//! the load on. Which of two threads it starts first makes a difference then; so a model runs in
//! both orders (`explore`), returns how many executions there were, and fails if they are fewer than they
//! used to be.

#[cfg(loom)]
pub use loom::{
    cell::UnsafeCell,
    hint::spin_loop,
    sync::{Arc, atomic},
    thread,
};

#[cfg(not(loom))]
pub use core::{hint::spin_loop, sync::atomic};

#[cfg(loom)]
pub use self::models::{explore, model, model_within};

#[cfg(loom)]
mod models {
    use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::{eprintln, sync};

    use super::{Arc, thread};

    /// Runs a model in as many executions as loom finds different, and returns how many those were.
    ///
    /// # Panics
    ///
    /// If the model does, or if there are fewer than `least`: a model that explores less than it did is
    /// no model any more.
    pub fn model(least: usize, run: impl Fn() + Send + Sync + 'static) {
        model_within(None, least, run);
    }

    /// The same, with no more than so many changes from one thread to another that could have gone on.
    ///
    /// # Panics
    ///
    /// As for [`model`].
    pub fn model_within(
        preemptions: Option<usize>,
        least: usize,
        run: impl Fn() + Send + Sync + 'static,
    ) {
        let executions = sync::Arc::new(AtomicUsize::new(0));
        let counted = sync::Arc::clone(&executions);
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = preemptions.or(builder.preemption_bound);
        builder.check(move || {
            counted.fetch_add(1, Relaxed);
            run();
        });
        let executions = executions.load(Relaxed);
        let test = std::thread::current();
        eprintln!("{}: {executions} executions", test.name().unwrap_or("model"));
        assert!(executions >= least, "only {executions} executions of {least}");
    }

    /// Runs two threads' work on a new state, the first thread first, and then the other one first; and
    /// lets both results and the state be checked at each end.
    ///
    /// # Panics
    ///
    /// As for [`model`], whose `least` holds for each of the orders.
    pub fn explore<S: 'static, R: 'static>(
        least: usize,
        start: impl Fn() -> S + Copy + Send + Sync + 'static,
        works: [fn(&S) -> R; 2],
        check: impl Fn(&S, [R; 2]) + Copy + Send + Sync + 'static,
    ) {
        for first in [0, 1] {
            model(least, move || {
                let state = Arc::new(start());
                let other = {
                    let state = Arc::clone(&state);
                    thread::spawn(move || works[1 - first](&state))
                };
                let mine = works[first](&state);
                let theirs = other.join().unwrap();
                check(&state, if first == 0 { [mine, theirs] } else { [theirs, mine] });
            });
        }
    }
}
