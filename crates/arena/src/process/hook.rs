//! The hook that is asked before the limit refuses a request.

use core::{
    ptr::null_mut,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use crate::{cache::slot, policy::grant::ACCOUNT};

/// The hook, or null. `Release` in [`set`] pairs with `Acquire` in [`ask`].
static HOOK: AtomicPtr<()> = AtomicPtr::new(null_mut());
/// The mark of the thread that runs the hook, or zero: it isn't called by what it calls, nor by two threads at
/// once. `Acquire` where it is set pairs with `Release` where it is cleared.
static HOOK_RUNS_IN: AtomicUsize = AtomicUsize::new(0);

/// Sets what is asked, or nothing.
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
    // SAFETY: the pointer is from `set`.
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
    // SAFETY: the caller's promise: the pointer is of a function of this type.
    let hook = unsafe { core::mem::transmute::<*mut (), fn(usize) -> bool>(hook) };
    hook(wanted)
}

/// For the only thread of a forked process, which doesn't run another's hook.
pub(crate) fn forget_lost() {
    if HOOK_RUNS_IN.load(Ordering::Relaxed) != slot::mark().get() {
        HOOK_RUNS_IN.store(0, Ordering::Relaxed);
    }
}
