//! What loom needs beside the lock's word: the kernel's wait, and an eye on who has the value.

use loom::{
    cell::UnsafeCell,
    sync::{Condvar, Mutex},
};

use super::{AtomicUsize, Lock, Ordering};

#[derive(Default)]
pub(super) struct Modelled {
    queue: Mutex<()>,
    woken: Condvar,
    value: UnsafeCell<()>,
}

impl<T> Lock<T> {
    /// It looks at the word and goes to sleep in one step, seen from who wakes.
    pub(super) fn wait(&self, word: usize) {
        let queue = self.modelled.queue.lock().unwrap();
        if self.word.load(Ordering::Relaxed) == word {
            drop(self.modelled.woken.wait(queue).unwrap());
        }
    }

    pub(super) fn wake_one(&self) {
        let _queue = self.modelled.queue.lock().unwrap();
        self.modelled.woken.notify_one();
    }

    /// The value is this thread's now: loom tells if it isn't.
    pub(super) fn touch(&self) {
        self.modelled.value.with_mut(drop);
    }

    /// What the child of a fork has of the lock, with what it has of the value. It is this thread's to copy: loom
    /// tells if it isn't.
    pub fn copied<U>(&self, value: U) -> Lock<U> {
        self.touch();
        let word = AtomicUsize::new(self.word.load(Ordering::Relaxed));
        Lock { word, ..Lock::new(value) }
    }
}
