//! Threads of the system at the lock, and its forks.

use super::*;

/// Rounds in which threads meet at the lock and sleep over it.
fn meet(lock: &Lock<usize>) {
    let before = *lock.lock(Mark::new(8));
    std::thread::scope(|scope| {
        for thread in 1..=4 {
            scope.spawn(move || {
                for _ in 0..2000 {
                    let mut value = lock.lock(Mark::new(thread * 16));
                    *value += 1;
                    if *value % 64 == 0 {
                        std::thread::yield_now();
                    }
                }
            });
        }
    });
    assert_eq!(*lock.lock(Mark::new(8)), before + 8000);
}

#[test]
fn threads_pass_it_on() {
    meet(&Lock::new(0));
}

/// Who waits then naps.
#[cfg(target_os = "linux")]
#[test]
fn threads_pass_it_on_where_the_system_refuses_to_let_them_wait() {
    let lock = Lock::new(0);
    crate::os::refuse_to_wait(true);
    meet(&lock);
    crate::os::refuse_to_wait(false);
}

#[test]
fn who_forks_knows_its_own_lock() {
    let mut lock = Lock::new(1);
    let guard = lock.lock(Mark::new(16));
    assert!(lock.try_lock(Mark::new(32)).is_none());
    assert!(!lock.lock_for_fork(Mark::new(16)));
    assert!(lock.is_held_by(Mark::new(16)) && !lock.is_held_by(Mark::new(32)));
    drop(guard);
    assert!(lock.lock_for_fork(Mark::new(16)));
    assert!(!lock.lock_for_fork(Mark::new(16)));
    // SAFETY: taken for a fork, twice in a row, of which the first counts.
    unsafe {
        assert_eq!(*lock.forked(), 1);
        lock.unlock_forked();
    }
    *lock.get_mut() += 1;
    assert_eq!(*lock.try_lock(Mark::new(32)).unwrap(), 2);
}

/// No mark is without a holder.
#[test]
fn zero_is_a_mark() {
    let lock = Lock::new(());
    let guard = lock.lock(Mark::new(0));
    assert!(lock.try_lock(Mark::new(0)).is_none());
    drop(guard);
}
