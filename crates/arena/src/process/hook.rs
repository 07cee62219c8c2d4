//! The hook: a function of the program's that is called before the limit refuses a request.

use core::{
    ptr::null_mut,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use crate::{cache::slot, policy::grant::ACCOUNT};

/// The hook that [`set`] stored, or null. `Release` in [`set`] pairs with `Acquire` in [`ask`].
static HOOK: AtomicPtr<()> = AtomicPtr::new(null_mut());
/// The mark of the thread that runs the hook, or zero: it isn't called by what it calls, nor by two threads at
/// once. `Acquire` where it is set pairs with `Release` where it is cleared.
static HOOK_RUNS_IN: AtomicUsize = AtomicUsize::new(0);

/// Sets the hook, or none.
pub(crate) fn set(hook: Option<fn(wanted: usize) -> bool>) {
    HOOK.store(hook.map_or(null_mut(), |hook| hook as *mut ()), Ordering::Release);
}

/// Asks the hook to make room for a request that the limit stands against; returns whether to try again.
pub(crate) fn ask(wanted: usize) -> bool {
    let hook = HOOK.load(Ordering::Acquire);
    let balance = ACCOUNT.balance();
    let stands_against = balance.limit().is_some() && !balance.leaves(wanted);
    if hook.is_null() || !stands_against || !start() {
        return false;
    }
    // SAFETY: it isn't null, so that `set` stored it.
    let again = unsafe { call(hook, wanted) };
    HOOK_RUNS_IN.store(0, Ordering::Release);
    again
}

fn start() -> bool {
    let (order, mark) = (Ordering::Acquire, slot::mark().get());
    HOOK_RUNS_IN.compare_exchange(0, mark, order, Ordering::Relaxed).is_ok()
}

/// Calls the hook. By C's rules, so that a panic ends here, and the process with it.
///
/// # Safety
///
/// The hook is from [`set`], and not null.
unsafe extern "C" fn call(hook: *mut (), wanted: usize) -> bool {
    // SAFETY: `set` made the pointer of a function of this type, by this function's contract.
    let hook = unsafe { core::mem::transmute::<*mut (), fn(usize) -> bool>(hook) };
    hook(wanted)
}

/// Forgets that a thread runs the hook which a forked process lacks. For that process's only thread.
pub(crate) fn forget_lost() {
    if HOOK_RUNS_IN.load(Ordering::Relaxed) != slot::mark().get() {
        HOOK_RUNS_IN.store(0, Ordering::Relaxed);
    }
}
