//! Memory that comes back: by itself, in the course of time, and at once.

// The sanitizer keeps what is freed, and its own books beside it.
#![cfg(not(any(loom, asan, tsan)))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/filled.rs"]
mod filled;
#[path = "common/level.rs"]
mod level;
#[path = "common/resident.rs"]
mod resident;

use std::{
    path::PathBuf,
    sync::{Arc, Barrier, Mutex, MutexGuard, mpsc},
    thread,
    time::{Duration, Instant},
};

use filled::{filled, free};
use level::{HARDENED, QUARANTINED, for_block_of};
use resident::{MIB, resident};
use stratalloc_arena::{Census, Config, global};

const PATIENCE: Duration = Duration::from_secs(300);

/// A test's turn, from a usual beginning.
fn alone() -> MutexGuard<'static, Option<PathBuf>> {
    let alone = alone::alone();
    Config::new().apply().unwrap();
    global::trim();
    alone
}

/// Blocks of many sizes, `bytes` in all, allocated and freed again.
fn peak(bytes: usize) {
    peak_with(bytes, || {});
}

/// As [`peak`], doing something at the top; what that gives is held while the blocks are freed.
fn peak_with<T>(bytes: usize, at_the_top: impl FnOnce() -> T) {
    // Between guards, the memory of the largest is never kept.
    let largest = if HARDENED { 1 << 20 } else { 5 << 20 };
    let sizes = [24, 40, 64, 100, 200, 500, 1000, 3000, 9000, 30_000, 100_000, 700_000, largest];
    let mut left = bytes;
    let blocks: Vec<_> = sizes
        .iter()
        .cycle()
        .map_while(|&size| {
            left = left.checked_sub(size)?;
            Some(filled(size))
        })
        .collect();
    let _held = at_the_top();
    blocks.into_iter().for_each(free);
}

/// A thread that has had a peak of so many bytes, and does nothing more until this ends.
struct IdleThread(Option<(mpsc::Sender<()>, thread::JoinHandle<()>)>);

impl IdleThread {
    /// So many of them, all at their peaks at the same time. They come down in turn, so that all but the
    /// last are idle when there comes to be too much: of a heap that is at work just then, nobody else takes.
    fn after_peaks_of(bytes: usize, count: usize) -> Vec<Self> {
        let top = Arc::new(Barrier::new(count));
        let down = Arc::new(Barrier::new(count + 1));
        let turn = Arc::new(Mutex::new(()));
        let threads = (0..count)
            .map(|_| {
                let (top, down, turn) = (Arc::clone(&top), Arc::clone(&down), Arc::clone(&turn));
                let (end, is_ended) = mpsc::channel();
                let thread = thread::spawn(move || {
                    peak_with(bytes, || {
                        top.wait();
                        turn.lock().unwrap()
                    });
                    down.wait();
                    let _ = is_ended.recv();
                });
                Self(Some((end, thread)))
            })
            .collect();
        down.wait();
        threads
    }
}

impl Drop for IdleThread {
    fn drop(&mut self) {
        let (end, thread) = self.0.take().unwrap();
        drop(end);
        thread.join().unwrap();
    }
}

/// A gigabyte freed by threads that are idle then, half as much by one that is gone: by amount, at once.
#[test]
fn a_gigabyte_goes_by_itself_but_for_what_is_kept() {
    let _alone = alone();
    let before = resident();
    thread::spawn(|| peak(512 * MIB)).join().unwrap();
    let threads = IdleThread::after_peaks_of(256 * MIB, 4);
    let most = before + 64 * MIB + 6 * QUARANTINED;
    assert!(resident() < most, "{} after {before}", resident());
    global::trim();
    assert!(resident() < before + 32 * MIB, "{} after {before}", resident());
    drop(threads);
}

/// Of what a program gives up it keeps little beside the much that it goes on using.
#[test]
fn beside_much_in_use_no_more_than_a_quarter_of_it_is_kept() {
    let _alone = alone();
    let before = resident();
    let staying: Vec<_> = (0..160 * 1024).map(|_| filled(for_block_of(1024))).collect();
    let others: Vec<_> = (0..160 * 256).map(|_| filled(for_block_of(4096))).collect();
    others.into_iter().for_each(free);
    let kept = resident() - before - 160 * MIB;
    assert!(kept < (32 + 40 + 16) * MIB, "{} MiB", kept / MIB);
    staying.into_iter().for_each(free);
}

/// More may be kept than there is: it goes in the course of time, as long as some thread is awake.
#[test]
fn what_idle_threads_keep_goes_with_time() {
    let _alone = alone();
    let before = resident();
    // What was chosen before doesn't put off what is chosen later.
    let config = Config::new().keep(usize::MAX).decay(Duration::from_secs(3600));
    config.apply().unwrap();
    thread::spawn(|| peak(128 * MIB)).join().unwrap();
    let threads = IdleThread::after_peaks_of(128 * MIB, 2);
    assert!(resident() > before + 200 * MIB, "{} after {before}", resident());
    config.decay(Duration::from_millis(100)).apply().unwrap();
    let start = Instant::now();
    while resident() > before + 32 * MIB {
        assert!(start.elapsed() < PATIENCE, "{} after {before}", resident());
        peak(MIB);
    }
    drop(threads);
    Config::new().apply().unwrap();
}

/// What is in use again and again within a decay stays, however often it is looked at.
#[test]
#[cfg_attr(
    feature = "hardened",
    ignore = "between guards, memory goes where another block comes to lie: 97 MB in some seconds"
)]
fn what_is_in_use_is_kept() {
    let _alone = alone();
    let decay = Duration::from_secs(2);
    let config = Config::new().keep(usize::MAX).decay(decay);
    config.apply().unwrap();
    let start = Instant::now();
    // From the second look on, half a decay later, what serves nothing is known.
    while start.elapsed() < decay {
        peak(64 * MIB);
    }
    let before = Census::take().events.purged;
    while start.elapsed() < 3 * decay {
        peak(64 * MIB);
    }
    let purged = Census::take().events.purged - before;
    assert!(purged < 6 * MIB as u64, "{purged} bytes went");
    assert!(global::stats().vacant > 32 * MIB);
    Config::new().apply().unwrap();
}

/// Where a sandbox allows no `madvise`, whole stretches are unmapped.
#[test]
fn memory_goes_back_without_madvise() {
    let _alone = alone();
    let before = resident();
    Config::new().madvise(false).keep(0).apply().unwrap();
    peak(256 * MIB);
    let kept = resident().saturating_sub(before);
    Config::new().apply().unwrap();
    assert!(kept < 32 * MIB, "{kept} bytes are kept");
}
