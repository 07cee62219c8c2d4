//! Taking the profile of this process.

use std::str::FromStr;

use stratalloc_arena::profile;

use crate::{ParseError, Profile};

impl Profile {
    /// Returns what was sampled of this process until now: see `stratalloc_arena::profile::start`.
    ///
    /// # Errors
    ///
    /// If there is no memory for it.
    pub fn take() -> Result<Self, ParseError> {
        let snapshot = profile::snapshot().map_err(|_| ParseError::NoMemory)?;
        let mut text = String::new();
        snapshot.write(&mut text).map_err(|_| ParseError::NoMemory)?;
        Self::from_str(&text)
    }
}
