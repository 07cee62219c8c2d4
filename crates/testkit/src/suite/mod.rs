//! The conformance suite: everything that the contract promises, tried on one allocator.

mod bounds;
mod edges;
mod programs;
mod resize;
mod subject;
mod threads;

use stratalloc_core::Allocator;

use subject::Check;
pub use subject::{Failure, Suite};

impl<'s, A: Allocator> Suite<'s, A> {
    /// Threads share it, and give back each other's blocks.
    #[must_use]
    pub fn threads(mut self) -> Self
    where
        A: Sync,
    {
        self.threads = Some(|suite| threads::edges(suite).and_then(|()| threads::exchange(suite)));
        self
    }

    /// Runs every check.
    ///
    /// # Panics
    ///
    /// With the first [`Failure`].
    pub fn run(&self) {
        if let Err(failure) = self.check() {
            panic!("{failure}");
        }
    }

    /// Runs every check, up to the first failure.
    pub fn check(&self) -> Result<(), Failure> {
        let checks: [(&str, Check<'s, A>); 9] = [
            ("every edge and alignment", edges::one_at_a_time),
            ("many blocks in several orders", edges::many_in_orders),
            ("zeroed over dirty", edges::zeroed_over_dirty),
            ("empty layouts", edges::empty),
            ("the end of the address space", bounds::absurd_sizes),
            ("nothing is lost when it is full", bounds::fill_up),
            ("growing and shrinking", resize::up_and_down),
            ("growing in place", resize::in_place),
            ("threads", |suite| suite.threads.map_or(Ok(()), |check| check(suite))),
        ];
        for (check, run) in checks {
            run(self).map_err(|violation| Failure { check, violation, program: Vec::new() })?;
        }
        programs::run(self)
    }
}

#[cfg(test)]
mod tests;
