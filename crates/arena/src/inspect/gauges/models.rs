//! Models of threads that write frames, and of a reader.

use core::sync::atomic::Ordering;

use stratalloc_core::sync::{
    Arc, UnsafeCell,
    atomic::{AtomicU64, fence},
    explore, model, thread,
};

use super::sequence::{begin, end, is_still_whole, newest, room};

/// The gauges of a process: two frames of two words, and what the writers use in turn.
struct Modelled {
    word: AtomicU64,
    frames: [[AtomicU64; 2]; 2],
    census: UnsafeCell<u64>,
}

impl Modelled {
    fn new() -> Arc<Self> {
        let frame = || [AtomicU64::new(0), AtomicU64::new(0)];
        let word = AtomicU64::new(0);
        Arc::new(Self { word, frames: [frame(), frame()], census: UnsafeCell::new(0) })
    }

    /// Writes a frame, if no other thread does.
    fn write(&self) {
        let Some(frame) = begin(&self.word) else { return };
        // SAFETY: one thread writes a frame at a time.
        self.census.with_mut(|census| unsafe { *census = frame });
        for word in &self.frames[room(frame)] {
            word.store(frame + 1, Ordering::Relaxed);
        }
        end(&self.word, frame);
    }

    /// The words of the newest whole frame and its number, unless it was written over meanwhile.
    fn read(&self, is_whole: fn(u64, u64) -> bool) -> Option<([u64; 2], u64)> {
        let frame = newest(self.word.load(Ordering::Acquire))?;
        let words = [0, 1].map(|word| self.frames[room(frame)][word].load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        is_whole(frame, self.word.load(Ordering::Relaxed)).then_some((words, frame))
    }
}

type Words = Option<([u64; 2], u64)>;

/// A thread that writes three frames after the first, and a reader.
fn read(least: usize, reader: fn(&Arc<Modelled>) -> Words) {
    let start = || {
        let gauges = Modelled::new();
        gauges.write();
        gauges
    };
    let writer = |gauges: &Arc<Modelled>| {
        (0..3).for_each(|_| gauges.write());
        None
    };
    explore(least, start, [writer, reader], |gauges, [_, seen]| {
        if let Some((words, frame)) = seen {
            assert_eq!(words, [frame + 1; 2], "a frame is whole");
        }
        assert_eq!(gauges.read(is_still_whole), Some(([4; 2], 3)));
    });
}

#[test]
fn loom_what_is_read_is_one_frame() {
    read(1600, |gauges| gauges.read(is_still_whole));
}

#[test]
#[should_panic(expected = "a frame is whole")]
fn loom_finds_the_mutant_whose_reader_looks_once() {
    read(1, |gauges| gauges.read(|_, _| true));
}

/// Both threads do the same, so that either order is the other.
#[test]
fn loom_one_thread_writes_at_a_time() {
    model(500, || {
        let gauges = Modelled::new();
        let other = Arc::clone(&gauges);
        let other = thread::spawn(move || (0..2).for_each(|_| other.write()));
        (0..2).for_each(|_| gauges.write());
        other.join().unwrap();
        let (words, frame) = gauges.read(is_still_whole).unwrap();
        assert!(words == [frame + 1; 2] && frame < 4);
    });
}
