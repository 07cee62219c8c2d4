//! What a fault in the pool of fenced blocks does: a report, and then what the fault would have done without us.

use core::{
    ffi::{c_int, c_void},
    ptr::null_mut,
    sync::atomic::{AtomicPtr, Ordering},
};

use crate::{
    books::fenced::{self, Access},
    sys,
};

/// The action for the signal that was there before ours, in memory that stays; null while ours isn't there. `Release` where
/// it is set, before ours is, pairs with `Acquire` in the handler.
static BEFORE: AtomicPtr<libc::sigaction> = AtomicPtr::new(null_mut());

/// The signal of an access to memory that can't be used. (`SIGBUS` is that of files that are too short.)
const SIGNAL: c_int = libc::SIGSEGV;

/// Has faults in the pool reported, once. Where the system refuses, they end the process without words.
pub(crate) fn watch() {
    if !BEFORE.load(Ordering::Acquire).is_null() {
        return;
    }
    let Ok(memory) = sys::map(size_of::<libc::sigaction>()) else { return };
    let before = memory.cast::<libc::sigaction>().as_ptr();
    // SAFETY: all zero is an action, and so the fresh memory is one, which stays once it is found.
    unsafe {
        if libc::sigaction(SIGNAL, core::ptr::null(), before) != 0
            || BEFORE
                .compare_exchange(null_mut(), before, Ordering::Release, Ordering::Relaxed)
                .is_err()
        {
            sys::unmap(memory, size_of::<libc::sigaction>());
            return;
        }
        let mut action = *before;
        action.sa_sigaction = at_fault as *const () as usize;
        // The other flags and the mask are as the handler that was there wants them.
        action.sa_flags |= libc::SA_SIGINFO | libc::SA_ONSTACK;
        action.sa_flags &= !libc::SA_RESETHAND;
        libc::sigaction(SIGNAL, &raw const action, null_mut());
    }
}

/// Reports a fault in the pool, and then has it happen again without this handler; has others handled as before.
unsafe extern "C" fn at_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let before = BEFORE.load(Ordering::Acquire);
    // SAFETY: the system calls it with a description of the signal and the state of the thread; `watch` stored an action.
    unsafe {
        let is_fault = (*info).si_code > 0;
        let address = (*info).si_addr().cast::<u8>();
        if is_fault && fenced::contains(address) {
            sys::keeping_errno(|| fenced::fault(address, access(context)));
            libc::sigaction(SIGNAL, before, null_mut());
            return;
        }
        hand_on(*before, is_fault, signal, info, context);
    }
}

/// Does what was to be done with a signal before.
///
/// # Safety
///
/// The arguments but for the first two are those of a handler that the system called.
unsafe fn hand_on(
    before: libc::sigaction,
    is_fault: bool,
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    type Handler = unsafe extern "C" fn(c_int);

    // SAFETY: a handler that is neither of the two numbers is a function of the type that the flags say; it is called as the
    // system would call it.
    unsafe {
        match before.sa_sigaction {
            libc::SIG_IGN if !is_fault => {}
            libc::SIG_DFL | libc::SIG_IGN => {
                libc::sigaction(signal, &raw const before, null_mut());
                // A fault happens again, as the handler returns; what another sent has to be sent again.
                if !is_fault {
                    libc::raise(signal);
                }
            }
            handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
                let act: unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                    core::mem::transmute(handler);
                act(signal, info, context);
            }
            handler => core::mem::transmute::<usize, Handler>(handler)(signal),
        }
    }
}

/// What the state of the thread says of the access.
///
/// # Safety
///
/// `context` is what a handler got from the system.
#[cfg(target_arch = "x86_64")]
unsafe fn access(context: *mut c_void) -> Access {
    /// The bit of the processor's error code that says that it was a write.
    const WRITE: i64 = 2;
    // SAFETY: it points to the state of the thread, by this function's contract.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    Access {
        is_write: Some(registers[libc::REG_ERR as usize] & WRITE != 0),
        by: Some(usize::from_ne_bytes(registers[libc::REG_RIP as usize].to_ne_bytes())),
    }
}

/// The same where only the instruction is in a place that all systems agree on.
///
/// # Safety
///
/// As above.
#[cfg(target_arch = "aarch64")]
unsafe fn access(context: *mut c_void) -> Access {
    // SAFETY: it points to the state of the thread, by this function's contract.
    let by = unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.pc };
    Access { is_write: None, by: Some(by as usize) }
}

/// The same where nothing is known.
///
/// # Safety
///
/// None.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn access(_context: *mut c_void) -> Access {
    Access { is_write: None, by: None }
}
