//! What a configuration needs of a heap, asked before there is one.

use crate::{
    Config, ConfigError, Mode,
    geometry::Geometry,
    plan::{self, Plan},
};

impl Config<'_> {
    /// Returns whether a heap of `heap_size` bytes can be divided so, and if not, why.
    ///
    /// # Errors
    ///
    /// As [`Pool::new`](crate::Pool::new), but for the heap's alignment.
    pub const fn check<M: Mode>(&self, heap_size: usize) -> Result<(), ConfigError> {
        match Plan::new(self, heap_size, Geometry::of::<M>()) {
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns the same configuration, known to suit a heap of `heap_size` bytes.
    ///
    /// # Panics
    ///
    /// If it doesn't: in a `const`, that fails the build with the reason, sizes and all.
    #[must_use]
    pub const fn for_heap<M: Mode>(self, heap_size: usize) -> Self {
        match self.check::<M>(heap_size) {
            Ok(()) => self,
            Err(error) => panic!("{}", error.message("pool: ").as_str()),
        }
    }

    /// Returns the smallest heap, in bytes, for [`Split::Counts`](crate::Split::Counts); the smallest for one block
    /// of each size with any other split (which may need more to give each pool a share of a block).
    ///
    /// ```
    /// use stratalloc_pool::{Bare, Config, Split};
    /// let config = Config::new(&[8, 32]).split(Split::Counts(&[100, 10]));
    /// let size = config.heap_size::<Bare>();
    /// assert_eq!(size, 1_144); // 1,120 of blocks, 18 of state, 4 of table, 2 of alignment
    /// assert!(config.check::<Bare>(size).is_ok());
    /// assert!(config.check::<Bare>(size - 1).is_err());
    /// ```
    pub const fn heap_size<M: Mode>(&self) -> usize {
        plan::heap_size_of(self, &Geometry::of::<M>())
    }
}

#[cfg(test)]
mod tests {
    use std::{panic, string::String};

    use super::*;
    use crate::Full;

    #[test]
    fn a_configuration_that_does_not_suit_is_named_with_its_sizes() {
        let words = |config: Config<'static>, heap| {
            let reason = panic::catch_unwind(|| config.for_heap::<Full>(heap)).unwrap_err();
            *reason.downcast::<String>().unwrap()
        };
        assert_eq!(
            words(Config::new(&[64, 16]), 4096),
            "pool: block size 1 is 16, after 64: sizes must ascend",
        );
        assert_eq!(
            words(Config::new(&[16, 4096]), 4096),
            "pool: a block of 4096 bytes doesn't fit its pool's share of 2015",
        );
    }
}
