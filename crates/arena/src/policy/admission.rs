//! Admission: the bytes granted, and the limit on them.
//!
//! Both are in one word, so that each compare-and-swap sees both at the same moment: no more is granted than the limit,
//! except where it is [forced](Account::force); a refused request changes nothing; and a limit is set only if no more is
//! granted.
//!
//! A caller *reserves* bytes, and then *commits* them, or gives them back.
//!
//! This module knows nothing of heaps. It counts in granules.

use stratalloc_core::sync::atomic::{AtomicU64, Ordering};

/// The unit of counting, in bytes: small beside the memory of a thread, and so large that 32 bits of them are more than
/// all addresses.
pub(crate) const GRANULE: usize = 64 << 10;

/// The value for no limit.
const NONE: u32 = u32::MAX;

/// The most that is granted at once: all addresses of 47 bits.
const MOST: u32 = 1 << 31;

/// The granules that hold so many bytes.
fn granules(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(GRANULE)).unwrap_or(NONE)
}

/// Bytes of so many granules.
const fn bytes(granules: u32) -> usize {
    granules as usize * GRANULE
}

/// The granules granted, and the limit, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Balance {
    granted: u32,
    limit: u32,
}

impl Balance {
    const fn from_word(word: u64) -> Self {
        Self { granted: word as u32, limit: (word >> 32) as u32 }
    }

    const fn word(self) -> u64 {
        (self.limit as u64) << 32 | self.granted as u64
    }

    /// Bytes granted.
    pub(crate) const fn granted(self) -> usize {
        bytes(self.granted)
    }

    /// The limit in bytes, if there is one.
    pub(crate) fn limit(self) -> Option<usize> {
        (self.limit != NONE).then_some(bytes(self.limit))
    }

    /// Whether so many bytes more would be granted.
    pub(crate) fn leaves(self, wanted: usize) -> bool {
        self.with(granules(wanted)).is_some()
    }

    fn with(self, more: u32) -> Option<Self> {
        let granted = self.granted.checked_add(more)?;
        // Without a limit, all addresses are one.
        let fits = more <= MOST && granted <= self.limit.min(NONE - 1);
        fits.then_some(Self { granted, ..self })
    }
}

/// An account of the bytes granted, and of the limit.
pub(crate) struct Account {
    /// A [`Balance`]. `Relaxed` throughout: it guards no memory, and its own order is all that counts.
    word: AtomicU64,
}

impl Account {
    const START: u64 = Balance { granted: 0, limit: NONE }.word();

    /// An account with nothing granted and no limit.
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { word: AtomicU64::new(Self::START) }
    }

    /// Loom's atomics can't be made in constants.
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(Self::START) }
    }

    /// The balance at this moment.
    pub(crate) fn balance(&self) -> Balance {
        Balance::from_word(self.word.load(Ordering::Relaxed))
    }

    /// Replaces the balance by the result of `change`, if there is one; returns the balance before, as an error if nothing
    /// changed.
    fn change(&self, change: impl Fn(Balance) -> Option<Balance>) -> Result<Balance, Balance> {
        let change = |word| change(Balance::from_word(word)).map(Balance::word);
        let result = self.word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
        result.map(Balance::from_word).map_err(Balance::from_word)
    }

    /// Reserves so many bytes more, unless the limit stands against it.
    #[must_use = "what isn't committed is given back"]
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Reservation<'_>> {
        self.reserve_granules(granules(bytes))
    }

    /// Reserves the granules that a holding of `from` bytes lacks to become one of `to`.
    pub(crate) fn reserve_growth(&self, from: usize, to: usize) -> Option<Reservation<'_>> {
        self.reserve_granules(granules(to).saturating_sub(granules(from)))
    }

    fn reserve_granules(&self, more: u32) -> Option<Reservation<'_>> {
        let granted = more == 0 || self.change(|balance| balance.with(more)).is_ok();
        // Made only if granted: dropping a reservation gives its granules back.
        granted.then(|| Reservation { account: self, granules: more })
    }

    /// Grants bytes that are held already, beyond the limit if need be; returns how many were granted.
    pub(crate) fn force(&self, bytes: usize) -> usize {
        let more = granules(bytes);
        let add = |balance: Balance| {
            Some(Balance { granted: balance.granted.saturating_add(more), ..balance })
        };
        let _ = self.change(add);
        self::bytes(more)
    }

    /// Takes back the grant of a holding of so many bytes.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.give_back_granules(granules(bytes));
    }

    /// Takes back the granules that a holding of `from` bytes has beyond one of `to`.
    pub(crate) fn give_back_rest(&self, from: usize, to: usize) {
        self.give_back_granules(granules(from).saturating_sub(granules(to)));
    }

    fn give_back_granules(&self, less: u32) {
        if less != 0 {
            let subtract = |balance: Balance| {
                Some(Balance { granted: balance.granted.saturating_sub(less), ..balance })
            };
            let _ = self.change(subtract);
        }
    }

    /// Sets the limit in bytes, rounded down to granules, or none. Where more is granted already, it stays as it
    /// was, and the balance is returned.
    pub(crate) fn set_limit(&self, limit: Option<usize>) -> Result<(), Balance> {
        let limit = limit.map_or(NONE, |bytes| {
            u32::try_from(bytes / GRANULE).map_or(NONE, |limit| limit.min(NONE - 1))
        });
        let set =
            |balance: Balance| (balance.granted <= limit).then_some(Balance { limit, ..balance });
        self.change(set).map(drop)
    }

    /// Sets what is granted anew: for the only thread of a process.
    pub(crate) fn recount(&self, holdings: impl Iterator<Item = usize>) {
        let granted = holdings.map(granules).fold(0, u32::saturating_add);
        let _ = self.change(|balance| Some(Balance { granted, ..balance }));
    }
}

/// Granted bytes, which are given back as this is dropped, unless they are committed.
pub(crate) struct Reservation<'a> {
    account: &'a Account,
    granules: u32,
}

impl Reservation<'_> {
    /// Keeps the bytes granted; returns how many they are.
    pub(crate) fn commit(self) -> usize {
        let granted = bytes(self.granules);
        core::mem::forget(self);
        granted
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.account.give_back_granules(self.granules);
    }
}

#[cfg(all(loom, test))]
mod models;

#[cfg(all(not(loom), test))]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_counts_until_it_is_given_back() {
        let account = Account::new();
        account.set_limit(Some(10 * GRANULE + 1)).unwrap();
        let reserved = account.reserve(3 * GRANULE + 1).unwrap();
        assert_eq!(account.balance().granted(), 4 * GRANULE);
        assert!(
            account.balance().leaves(6 * GRANULE) && !account.balance().leaves(6 * GRANULE + 1)
        );
        assert!(account.reserve(7 * GRANULE).is_none());
        assert_eq!(reserved.commit(), 4 * GRANULE);
        drop(account.reserve(6 * GRANULE).unwrap());
        assert_eq!(account.balance().granted(), 4 * GRANULE);
        account.reserve_growth(4 * GRANULE, 5 * GRANULE - 1).unwrap().commit();
        account.give_back_rest(5 * GRANULE - 1, 1);
        account.give_back(1);
        assert_eq!(account.balance().granted(), 0);
    }

    #[test]
    fn a_limit_is_set_if_no_more_is_granted() {
        let account = Account::new();
        account.reserve(5 * GRANULE).unwrap().commit();
        let refused = account.set_limit(Some(5 * GRANULE - 1)).unwrap_err();
        assert_eq!((refused.granted(), refused.limit()), (5 * GRANULE, None));
        account.set_limit(Some(5 * GRANULE)).unwrap();
        assert_eq!(account.balance().limit(), Some(5 * GRANULE));
        assert_eq!(account.force(1), GRANULE);
        assert_eq!(account.balance().granted(), 6 * GRANULE);
        assert!(account.reserve(0).is_some() && account.reserve(1).is_none());
        account.recount([GRANULE, 1].into_iter());
        assert_eq!(account.balance().granted(), 2 * GRANULE);
        account.set_limit(None).unwrap();
        assert_eq!(account.balance().limit(), None);
    }

    #[test]
    fn no_size_is_too_large_to_refuse() {
        let account = Account::new();
        assert!(
            account.reserve(usize::MAX).is_none() && account.reserve(bytes(MOST) + 1).is_none()
        );
        account.set_limit(Some(usize::MAX)).unwrap();
        assert!(account.reserve(usize::MAX).is_none());
        let _ = account.force(usize::MAX);
        let _ = account.force(usize::MAX);
        account.give_back(usize::MAX);
        assert_eq!(account.balance().granted(), 0);
    }
}
