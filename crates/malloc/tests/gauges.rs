//! Gauges of C programs, read as the layout says.

#[expect(dead_code, reason = "other tests need more of it")]
mod harness;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use stratalloc_arena::gauges::{Frame, Gauges};

use harness::{PATIENCE, Way, build, lib_dir, run_with};

/// The blocks of `gauges.c`: how many of what class, and the bytes of the large ones.
const BLOCKS: u64 = 1000;
const CLASS: u64 = 5120;
const LARGE: u64 = 30 << 20;

/// A path for gauges, where no file is.
fn path(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.gauges"));
    let _ = fs::remove_file(&path);
    path
}

fn words(path: &Path) -> Vec<u64> {
    let bytes = fs::read(path).unwrap();
    bytes.chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap())).collect()
}

/// Runs `gauges.c`, which ends by itself; the words of its file.
fn gauges_of(mode: &str, way: Way) -> Vec<u64> {
    let path = path(&format!("{mode}-{way:?}"));
    let variables = [("STRATALLOC_GAUGES", path.to_str().unwrap())];
    let outcome = run_with(&build("gauges", way), &[mode], way, &variables);
    assert!(outcome.status.success() && outcome.stderr.is_empty(), "{outcome:?}");
    words(&path)
}

/// Live blocks of the class of `gauges.c`.
fn live(frame: &Frame) -> u64 {
    frame.of_classes.iter().find(|class| class.block_size == CLASS).unwrap().live
}

/// A thread's stock has 8 blocks of such a class at most.
fn holds_the_blocks(frame: &Frame) {
    assert!((BLOCKS..=BLOCKS + 8).contains(&live(frame)), "{} blocks are live", live(frame));
    let known = BLOCKS * CLASS + LARGE;
    assert!((known..known + (1 << 20)).contains(&frame.in_use), "{} are in use", frame.in_use);
}

#[test]
fn gauges_are_true_at_the_end_and_their_sums_agree() {
    for way in [Way::Preloaded, Way::Static] {
        let words = gauges_of("end", way);
        let gauges = Gauges::from_words(&words).unwrap();
        let frame = gauges.newest().unwrap();
        holds_the_blocks(frame);
        assert!(gauges.sequence % 2 == 0 && gauges.size == words.len() as u64 * 8);
        assert_eq!((frame.heaps, frame.limit), (1, u64::MAX));
        let [heap, next, ..] = &frame.of_heaps;
        assert_eq!((heap.kind, next.kind), (1, 0));
        assert_eq!(heap.in_use, frame.in_use);
        assert_eq!(heap.in_use_of.iter().sum::<u64>(), frame.in_use);
        assert_eq!(heap.touched_of.iter().sum::<u64>(), frame.touched);
        for (partition, gauges) in frame.of_partitions.iter().enumerate() {
            assert_eq!(heap.in_use_of[partition], gauges.in_use);
            let map = heap.map[partition * 8..][..8].iter().flat_map(|word| word.to_le_bytes());
            let drawn = map.filter(|&level| level > 1).count() as u64;
            assert!(drawn >= gauges.arenas.min(1) && drawn <= gauges.arenas, "{partition}");
        }
        assert!(frame.minor_faults > 100 && frame.peak_in_use >= frame.in_use);
    }
}

#[test]
fn the_child_of_a_fork_leaves_its_parents_gauges_alone() {
    let words = gauges_of("fork", Way::Preloaded);
    let frame = Gauges::from_words(&words).unwrap().newest().unwrap();
    assert!(live(frame) < BLOCKS && frame.in_use < LARGE, "{} are in use", frame.in_use);
}

#[test]
fn gauges_of_a_program_that_sleeps_come_with_a_thread_in_the_background() {
    let path = path("wait");
    let mut program = Command::new(build("gauges", Way::Preloaded))
        .arg("wait")
        .env("LD_PRELOAD", lib_dir().join("libstratalloc.so"))
        .env("STRATALLOC_GAUGES", &path)
        .env("STRATALLOC_BACKGROUND", "yes")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let shown = || {
        let words = words(&path);
        let frame = Gauges::from_words(&words).ok()?.newest()?;
        let beside = frame.of_classes.iter().find(|class| class.block_size == 208)?;
        // All that the program does was done: what is live of the thread's is in its stock.
        let done = live(frame) >= BLOCKS && beside.peak >= 1000 && beside.live < 200;
        done.then_some(words)
    };
    let shown = loop {
        let seen = path.exists().then(shown).flatten();
        if seen.is_some() || start.elapsed() > PATIENCE {
            break seen;
        }
        thread::sleep(Duration::from_millis(20));
    };
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
    let words = shown.expect("a frame with all blocks");
    let gauges = Gauges::from_words(&words).unwrap();
    assert_eq!(gauges.process, u64::from(program.id()));
    let frame = gauges.newest().unwrap();
    holds_the_blocks(frame);
    // Threads told of their stocks as they were filled, before.
    assert!(frame.of_heaps[..2].iter().all(|heap| heap.stock > 0), "{:?}", frame.of_heaps[1]);
}

#[test]
fn a_file_that_is_no_gauges_file_stays_and_an_old_one_makes_room() {
    let path = path("taken");
    let program = build("gauges", Way::Preloaded);
    let variables = [("STRATALLOC_GAUGES", path.to_str().unwrap())];
    fs::write(&path, "a letter").unwrap();
    let outcome = run_with(&program, &["end"], Way::Preloaded, &variables);
    assert!(outcome.status.success(), "{outcome:?}");
    let line = "stratalloc: there are no gauges: the file can't be made: the system refused with error 17\n";
    assert_eq!(outcome.stderr, line);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a letter");
    fs::remove_file(&path).unwrap();
    for _ in 0..2 {
        let outcome = run_with(&program, &["end"], Way::Preloaded, &variables);
        assert!(outcome.status.success() && outcome.stderr.is_empty(), "{outcome:?}");
        holds_the_blocks(Gauges::from_words(&words(&path)).unwrap().newest().unwrap());
    }
}
