//! A thread of the allocator's own, where one is [wanted](crate::Config::background): it gives memory back in time while
//! the program's threads sleep.
//!
//! It allocates nothing, holds a lock only while it looks at a heap that no other thread works on, and takes no signals.
//! A child of a fork starts its own with its first look.

use core::{
    ffi::c_void,
    ptr::null_mut,
    sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering},
    time::Duration,
};

use stratalloc_pages::os;

use crate::{
    cache::{ENDED_THREAD, slot},
    process::{decay, gauges},
    sys::{self, lock::Mark},
};

/// Whether the thread is wanted. `SeqCst` with [`HOME`]: of a thread that ends and a caller that wants one, at least one
/// sees the other's write.
static WANTED: AtomicBool = AtomicBool::new(false);
/// The process that the thread runs in; zero while there is none. A child of a fork finds its parent's number.
static HOME: AtomicI32 = AtomicI32::new(0);
/// The number of changes of settings; the thread sleeps on it. `Relaxed`: the call to wake orders the rest.
static CHANGES: AtomicUsize = AtomicUsize::new(0);

/// Bytes of the thread's stack: it calls little.
const STACK: usize = 64 << 10;

/// What the thread does each time that it wakes. Frees implement it, since they start the thread.
pub(crate) trait Handler {
    fn wake(mark: Mark);
}

/// Sets whether the thread is wanted; wakes it in any case, since the decay may have changed.
pub(crate) fn set<H: Handler>(wanted: bool) {
    WANTED.store(wanted, Ordering::SeqCst);
    wake();
    start_if_wanted::<H>();
}

/// Wakes the thread, if there is one: it is to sleep for another time.
pub(crate) fn wake() {
    CHANGES.fetch_add(1, Ordering::Relaxed);
    os::wake_one(&CHANGES);
}

/// Starts the thread if it is wanted and doesn't run in this process; returns whether it runs then.
pub(crate) fn start_if_wanted<H: Handler>() -> bool {
    if !WANTED.load(Ordering::SeqCst) {
        return false;
    }
    let (own, home) = (sys::process(), HOME.load(Ordering::SeqCst));
    if own == home {
        return true;
    }
    if HOME.compare_exchange(home, own, Ordering::SeqCst, Ordering::Relaxed).is_err() {
        return true;
    }
    let starts = start::<H>();
    if !starts {
        HOME.store(0, Ordering::SeqCst);
    }
    starts
}

/// Starts the thread, with all signals blocked; returns whether it could.
fn start<H: Handler>() -> bool {
    // SAFETY: every argument is initialised before it is read. The thread is detached, and all that it touches lives as
    // long as the process.
    unsafe {
        let mut attributes = core::mem::zeroed();
        if libc::pthread_attr_init(&raw mut attributes) != 0 {
            return false;
        }
        libc::pthread_attr_setstacksize(&raw mut attributes, STACK.max(libc::PTHREAD_STACK_MIN));
        libc::pthread_attr_setdetachstate(&raw mut attributes, libc::PTHREAD_CREATE_DETACHED);
        let (mut all, mut before) = (core::mem::zeroed(), core::mem::zeroed());
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let mut thread = core::mem::zeroed();
        let result =
            libc::pthread_create(&raw mut thread, &raw const attributes, run::<H>, null_mut());
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, null_mut());
        libc::pthread_attr_destroy(&raw mut attributes);
        result == 0
    }
}

extern "C" fn run<H: Handler>(_nothing: *mut c_void) -> *mut c_void {
    // It gets no cache, whatever the C library does in it.
    slot::set(&ENDED_THREAD);
    loop {
        let seen = CHANGES.load(Ordering::Relaxed);
        if WANTED.load(Ordering::SeqCst) {
            sleep(seen, gauges::pause(decay::pause()));
            let mark = slot::mark();
            gauges::write(mark);
            H::wake(mark);
            continue;
        }
        HOME.store(0, Ordering::SeqCst);
        // A caller that wanted it meanwhile may have found it running.
        let again = WANTED.load(Ordering::SeqCst)
            && HOME
                .compare_exchange(0, sys::process(), Ordering::SeqCst, Ordering::Relaxed)
                .is_ok();
        if !again {
            return null_mut();
        }
    }
}

/// Sleeps for so many milliseconds, or without end for zero; not if there were changes since those `seen`.
fn sleep(seen: usize, milliseconds: u64) {
    let long = (milliseconds != 0).then(|| Duration::from_millis(milliseconds));
    os::wait_for(&CHANGES, seen, long);
}
