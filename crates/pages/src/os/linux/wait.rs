//! Waiting in the kernel until another thread says so: Linux's futex.
//!
//! This is all that a [lock](crate::lock) needs of a system; another system brings its own two functions.
//! Neither touches `errno`, nor is a point at which threads are cancelled.

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    time::Duration,
};

use rustix::{
    io::Errno,
    thread::{NanosleepRelativeResult, Timespec, futex, nanosleep, sched_yield},
};

/// How long a thread waits at most before it looks again. Nobody may be allowed to wake it: a sandbox may
/// refuse that call to the one thread, and not to the other.
const PATIENCE: Duration = Duration::from_millis(10);

/// How long a thread sleeps where it may not wait: some 100 µs with the kernel's slack.
const NAP: Duration = Duration::from_micros(50);

/// Whether the system refused to let a thread wait. Set once and for all; it orders nothing.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// Sleeps while the low half of `word` is that of `value`, until a [`wake_one`] on it. It may return early,
/// so the caller looks again.
///
/// Where the system refuses to let threads wait, it sleeps for a short while.
pub fn wait(word: &AtomicUsize, value: usize) {
    if !try_wait(word, value, Some(PATIENCE)) {
        nap(NAP);
    }
}

/// Sleeps as [`wait`] does, but for this `long` at most, or without end for `None`.
///
/// Where the system refuses to let threads wait, it sleeps for ten milliseconds at most.
pub fn wait_for(word: &AtomicUsize, value: usize, long: Option<Duration>) {
    if !try_wait(word, value, long) {
        nap(long.map_or(PATIENCE, |long| long.min(PATIENCE)));
    }
}

/// Waits, unless the system refuses; returns whether it didn't.
fn try_wait(word: &AtomicUsize, value: usize, long: Option<Duration>) -> bool {
    if REFUSED.load(Ordering::Relaxed) {
        return false;
    }
    // Beyond what the system can count is without end.
    let long = long.and_then(|long| Timespec::try_from(long).ok());
    match futex::wait(low_half(word), futex::Flags::PRIVATE, value as u32, long.as_ref()) {
        Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => true,
        Err(_) => {
            REFUSED.store(true, Ordering::Relaxed);
            false
        }
    }
}

/// Wakes one of the threads that wait on `word`.
pub fn wake_one(word: &AtomicUsize) {
    // Should the system refuse, who waits looks again by itself.
    let _ = futex::wake(low_half(word), futex::Flags::PRIVATE, 1);
}

/// Lets threads run that are in need of the processor, those of lower priority too.
fn nap(long: Duration) {
    let slept = Timespec::try_from(long).map(|long| nanosleep(&long));
    if !matches!(slept, Ok(NanosleepRelativeResult::Ok)) {
        sched_yield();
    }
}

/// Plays a system that refuses to let threads wait.
#[cfg(all(test, not(loom)))]
pub(crate) fn refuse_to_wait(refused: bool) {
    REFUSED.store(refused, Ordering::Relaxed);
}

/// Returns the half of a word that holds its low bits: the kernel compares 32 of them.
fn low_half(word: &AtomicUsize) -> &AtomicU32 {
    let halves = size_of::<AtomicUsize>() / size_of::<AtomicU32>();
    let low = if cfg!(target_endian = "big") { halves - 1 } else { 0 };
    // SAFETY: the half lies in the word, and is aligned. This program never reads or writes it but by the
    // kernel, which is to a process as another processor.
    unsafe { NonNull::from(word).cast::<AtomicU32>().add(low).as_ref() }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A bit that isn't in the half that is compared, where there are two.
    const HIGH: usize = if size_of::<usize>() == 8 { 1_usize.rotate_right(24) } else { 0 };

    #[test]
    fn who_has_nothing_to_wait_for_goes_on() {
        let word = AtomicUsize::new(7);
        wait(&word, 8);
        wake_one(&word);
    }

    #[test]
    fn who_waits_for_a_time_looks_again_after_it() {
        let word = AtomicUsize::new(1);
        for refused in [false, true] {
            refuse_to_wait(refused);
            wait_for(&word, 1, Some(Duration::from_millis(1)));
            wait_for(&word, 0, None);
        }
        refuse_to_wait(false);
    }

    #[test]
    fn who_waits_is_woken() {
        let word = AtomicUsize::new(HIGH | 1);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                word.store(0, Ordering::Release);
                wake_one(&word);
            });
            while word.load(Ordering::Acquire) != 0 {
                wait(&word, 1);
            }
        });
    }

    /// The half that is compared is the one with the value: who waits for nothing else sleeps.
    #[test]
    fn who_waits_sleeps_until_then() {
        let word = AtomicUsize::new(HIGH | 1);
        let sleeps = || {
            let start = std::time::Instant::now();
            wait(&word, 1);
            start.elapsed() > std::time::Duration::from_millis(5)
        };
        // A signal may wake it now and then, and another test's wait be refused, but not always.
        assert!((0..1000).any(|_| sleeps()));
    }
}
