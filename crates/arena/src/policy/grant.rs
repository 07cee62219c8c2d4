//! A heap's grant of the bytes that the process may hold, and the heap's own limit.

use core::num::NonZero;

use crate::policy::admission::{Account, GRANULE};

/// The account of the process.
pub(crate) static ACCOUNT: Account = Account::new();

/// The limit in bytes, if there is one.
pub(crate) fn limit() -> Option<usize> {
    ACCOUNT.balance().limit()
}

/// The bytes that the limit lets be kept beside those in use: half of what it leaves, so that the other half can be
/// allocated without giving memory back first.
pub(crate) fn left_for_keeping(used: usize) -> usize {
    limit().map_or(usize::MAX, |limit| limit.saturating_sub(used) / 2)
}

/// Bytes that a heap may hold: whole granules, as [`ACCOUNT`] counts them. All zero is nothing, and no limit.
///
/// It is changed under the heap's lock. A heap has its grant before it holds more, so that what the account has
/// granted is never less than what is held.
#[derive(Default)]
pub(crate) struct Grant {
    bytes: usize,
    /// The heap's own limit: the most granules.
    limit: Option<NonZero<usize>>,
}

impl Grant {
    /// The bytes granted.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The heap's own limit in bytes, if it has one.
    pub(crate) fn limit(&self) -> Option<usize> {
        self.limit.map(|granules| granules.get() * GRANULE)
    }

    /// Gives the heap a limit of its own, in bytes, or none. It counts in granules, rounded down, and is one at least.
    pub(crate) fn set_limit(&mut self, limit: Option<usize>) {
        let granules =
            |bytes: usize| NonZero::new(bytes / GRANULE).unwrap_or(NonZero::<usize>::MIN);
        self.limit = limit.map(granules);
    }

    /// Extends the grant to so many bytes; returns whether they are granted.
    #[inline]
    pub(crate) fn reach(&mut self, bytes: usize) -> bool {
        bytes <= self.bytes || self.extend(bytes)
    }

    #[cold]
    fn extend(&mut self, bytes: usize) -> bool {
        if self.limit().is_some_and(|limit| bytes > limit) {
            return false;
        }
        let reserved = ACCOUNT.reserve(bytes - self.bytes);
        reserved.map(|more| self.bytes += more.commit()).is_some()
    }

    /// Takes a grant for bytes that are held already, limit or not.
    pub(crate) fn force(&mut self, held: usize) {
        self.bytes += ACCOUNT.force(held.saturating_sub(self.bytes));
    }

    /// Gives back what is granted beyond the bytes held, except for what will be held again soon: a granule, and the rest
    /// of one.
    #[inline]
    pub(crate) fn shrink(&mut self, held: usize) {
        let spare = self.bytes.saturating_sub(held) / GRANULE;
        if spare > 1 {
            self.give_back((spare - 1) * GRANULE);
        }
    }

    /// Gives back all whole granules beyond the bytes held.
    pub(crate) fn shrink_wholly(&mut self, held: usize) {
        self.give_back(self.bytes.saturating_sub(held) / GRANULE * GRANULE);
    }

    #[cold]
    fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        ACCOUNT.give_back(bytes);
    }
}
