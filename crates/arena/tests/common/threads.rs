//! Threads of the C library, for children of forks.
//!
//! A thread of std takes a lock of std as it begins and as it ends, which a fork doesn't take: where another thread
//! held it, those of the child wait for ever.

use std::{
    ffi::c_void,
    mem::MaybeUninit,
    ptr,
    sync::{Mutex, PoisonError},
};

/// What a thread does, and which of them it is.
struct Task<'a> {
    act: &'a (dyn Fn(usize) + Sync),
    number: usize,
}

extern "C" fn run(task: *mut c_void) -> *mut c_void {
    // SAFETY: the task lives until the thread is joined.
    let task = unsafe { &*task.cast::<Task>() };
    (task.act)(task.number);
    ptr::null_mut()
}

/// Threads that are joined when it is dropped.
struct Running(Vec<libc::pthread_t>);

impl Running {
    fn start(&mut self, task: &Task) {
        let mut thread = MaybeUninit::uninit();
        let task = ptr::from_ref(task).cast_mut().cast();
        // SAFETY: the thread's number is written to, and `run` takes a task.
        let error = unsafe { libc::pthread_create(thread.as_mut_ptr(), ptr::null(), run, task) };
        assert_eq!(error, 0, "no thread to be had");
        // SAFETY: written by the call.
        self.0.push(unsafe { thread.assume_init() });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for &thread in &self.0 {
            // SAFETY: the thread is joined once.
            unsafe { libc::pthread_join(thread, ptr::null_mut()) };
        }
    }
}

/// Does `act` while so many threads each do `other`, with their numbers from 0; returns when all ended.
pub(crate) fn beside<T>(count: usize, other: impl Fn(usize) + Sync, act: impl FnOnce() -> T) -> T {
    let tasks: Vec<_> = (0..count).map(|number| Task { act: &other, number }).collect();
    let mut running = Running(Vec::new());
    for task in &tasks {
        running.start(task);
    }
    act()
}

/// What `act` returns in each of so many threads that run at once.
#[allow(dead_code, reason = "a module of several tests")]
pub(crate) fn at_once<T: Send>(count: usize, act: impl Fn() -> T + Sync) -> Vec<T> {
    let results = Mutex::new(Vec::new());
    let push = |result| results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
    beside(count, |_| push(act()), || {});
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}
