//! Models of the account, and mutants that loom finds.
//!
//! They show that its word alone is right: what is granted, set and given back at the same time. They have two threads
//! that change it and one that looks, not the heaps that hold what is granted.

use loom::{sync::Arc, thread};
use stratalloc_core::sync::{explore, model};

use crate::policy::admission::*;

/// How a mutant or the account itself reserves.
type Reserve = fn(&Account, usize) -> bool;

fn reserve(account: &Account, bytes: usize) -> bool {
    account.reserve(bytes).map(Reservation::commit).is_some()
}

/// Two threads reserve so many granules each while a third looks; returns how many succeeded. Never is more
/// granted than the limit.
fn race(limit: usize, wanted: [usize; 2], reserve: Reserve, check: fn([bool; 2])) {
    model(9, move || {
        let account = Arc::new(Account::new());
        account.set_limit(Some(limit * GRANULE)).unwrap();
        let [first, second] = wanted.map(|wanted| {
            let account = Arc::clone(&account);
            thread::spawn(move || reserve(&account, wanted * GRANULE))
        });
        let seen = account.balance();
        assert!(seen.granted <= seen.limit, "more is granted than may be");
        let served = [first.join().unwrap(), second.join().unwrap()];
        let end = account.balance();
        assert!(end.granted <= end.limit, "more is granted than may be");
        let held: usize = served
            .iter()
            .zip(wanted)
            .map(|(&served, wanted)| if served { wanted } else { 0 })
            .sum();
        assert_eq!(account.balance().granted(), held * GRANULE, "more is granted than may be");
        check(served);
    });
}

#[test]
fn loom_what_fits_is_granted_and_no_more() {
    race(3, [2, 2], reserve, |served| assert!(served[0] != served[1]));
    race(4, [2, 2], reserve, |served| assert_eq!(served, [true, true]));
}

#[test]
fn loom_who_is_refused_makes_nobody_fail() {
    race(3, [5, 2], reserve, |served| assert_eq!(served, [false, true]));
    race(3, [2, 5], reserve, |served| assert_eq!(served, [true, false]));
}

/// Adds, looks, and takes back what is too much.
fn add_first(account: &Account, bytes: usize) -> bool {
    let added = account.force(bytes);
    let balance = account.balance();
    let fits = balance.granted <= balance.limit;
    if !fits {
        account.give_back(added);
    }
    fits
}

#[test]
#[should_panic(expected = "assertion")]
fn loom_finds_the_mutant_whose_refused_requests_count() {
    model(0, || {
        let account = Arc::new(Account::new());
        account.set_limit(Some(3 * GRANULE)).unwrap();
        let greedy = {
            let account = Arc::clone(&account);
            thread::spawn(move || add_first(&account, 5 * GRANULE))
        };
        assert!(add_first(&account, 2 * GRANULE));
        assert!(!greedy.join().unwrap());
    });
}

#[test]
#[should_panic(expected = "more is granted than may be")]
fn loom_finds_the_mutant_that_looks_and_then_adds() {
    let look_first = |account: &Account, bytes: usize| {
        let fits = account.balance().leaves(bytes);
        if fits {
            account.force(bytes);
        }
        fits
    };
    race(3, [2, 2], look_first, |_| {});
}

/// A limit is set while a request comes in: one of them is refused if both don't fit.
fn set_while_reserved(set: fn(&Account) -> bool) {
    explore(
        7,
        Account::new,
        [|account| reserve(account, 2 * GRANULE), set],
        |account, [served, is_set]| {
            let balance = account.balance();
            assert!(balance.granted <= balance.limit);
            assert!(is_set != served);
        },
    );
}

#[test]
fn loom_a_limit_and_a_request_never_both_win() {
    set_while_reserved(|account| account.set_limit(Some(GRANULE)).is_ok());
}

#[test]
#[should_panic(expected = "assertion")]
fn loom_finds_the_mutant_that_looks_and_then_sets() {
    set_while_reserved(|account| {
        let fits = account.balance().granted() <= GRANULE;
        if fits {
            let _ = account.change(|balance| Some(Balance { limit: 1, ..balance }));
        }
        fits
    });
}

/// A reservation that ends uncommitted is as if it never was, for the limit that comes and goes besides.
#[test]
fn loom_what_is_given_back_is_there_again() {
    explore(
        130,
        || {
            let account = Account::new();
            account.reserve(GRANULE).unwrap().commit();
            account
        },
        [
            |account: &Account| {
                account.set_limit(Some(2 * GRANULE)).unwrap();
                account.give_back(GRANULE);
            },
            |account| drop(account.reserve(GRANULE)),
        ],
        |account, _| assert_eq!(account.balance().granted(), 0),
    );
}
