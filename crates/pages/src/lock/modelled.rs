//! The kernel's wait, for loom: it looks at the word and goes to sleep in one step, seen from who wakes.

use loom::sync::{Condvar, Mutex};

use super::{Lock, Ordering};

#[derive(Default)]
pub(super) struct Waiting {
    queue: Mutex<()>,
    woken: Condvar,
}

impl<T> Lock<T> {
    pub(super) fn wait(&self, word: usize) {
        let queue = self.waiting.queue.lock().unwrap();
        if self.word.load(Ordering::Relaxed) == word {
            drop(self.waiting.woken.wait(queue).unwrap());
        }
    }

    pub(super) fn wake_one(&self) {
        let _queue = self.waiting.queue.lock().unwrap();
        self.waiting.woken.notify_one();
    }
}
