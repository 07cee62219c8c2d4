//! The hooks: functions of the program's that are called before a limit refuses a request.

use core::{
    ptr::null_mut,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use crate::{cache::slot, heap::tag::TagBook, policy::grant::ACCOUNT};

/// The hook that [`set`] stored, or null. `Release` in [`set`] pairs with `Acquire` in [`ask`].
static HOOK: AtomicPtr<()> = AtomicPtr::new(null_mut());
/// The mark of the thread that runs a hook, or zero: none is called by what one calls, nor by two threads at
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
    if hook.is_null() || !stands_against {
        return false;
    }
    // SAFETY: it isn't null, so that `set` stored it.
    run(unsafe { core::mem::transmute::<*mut (), fn(usize) -> bool>(hook) }, wanted)
}

/// Asks the hook of a tag, if it has one, to make room for a request that the tag's limit stands against; returns whether
/// to try again.
pub(crate) fn ask_of(tag: &TagBook, wanted: usize) -> bool {
    tag.hook().is_some_and(|hook| run(hook, wanted))
}

/// Runs a hook, unless one runs already.
fn run(hook: fn(usize) -> bool, wanted: usize) -> bool {
    if !start() {
        return false;
    }
    let again = call(hook, wanted);
    HOOK_RUNS_IN.store(0, Ordering::Release);
    again
}

fn start() -> bool {
    let (order, mark) = (Ordering::Acquire, slot::mark().get());
    HOOK_RUNS_IN.compare_exchange(0, mark, order, Ordering::Relaxed).is_ok()
}

/// Calls a hook. By C's rules, so that a panic ends here, and the process with it.
#[expect(improper_ctypes_definitions, reason = "no C code calls it")]
extern "C" fn call(hook: fn(usize) -> bool, wanted: usize) -> bool {
    hook(wanted)
}

/// Forgets that a thread runs the hook which a forked process lacks. For that process's only thread.
pub(crate) fn forget_lost() {
    if HOOK_RUNS_IN.load(Ordering::Relaxed) != slot::mark().get() {
        HOOK_RUNS_IN.store(0, Ordering::Relaxed);
    }
}
