//! Readings of gauges files.

use std::{
    fs::{self, File},
    mem::offset_of,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use stratalloc_arena::gauges::{Frame, Gauges};

/// Attempts to copy a frame before the process writes over it.
const ATTEMPTS: u32 = 100;

/// What a gauges file had at a moment.
pub(super) struct Reading {
    words: Vec<u64>,
}

impl Reading {
    /// Reads a file, again if a frame was written over meanwhile.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let named = || path.display().to_string();
        let file = File::open(path).with_context(named)?;
        for _ in 0..ATTEMPTS {
            let reading = Self { words: words(&file).with_context(named)? };
            let mut sequence = [0; 8];
            let gauges = Gauges::from_words(&reading.words).with_context(named)?;
            file.read_exact_at(&mut sequence, offset_of!(Gauges, sequence) as u64)?;
            if gauges.was_whole(u64::from_ne_bytes(sequence)) {
                ensure!(gauges.newest().is_some(), "{}: no frame was written yet", named());
                return Ok(reading);
            }
            thread::sleep(Duration::from_millis(1));
        }
        bail!("{}: it is written faster than it can be read", named())
    }

    /// The reading of those in a folder whose process has touched most.
    pub(super) fn of_largest(folder: &Path) -> Result<Self> {
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(folder)? {
            files.push(entry?.path());
        }
        files.retain(|path| path.extension().is_some_and(|extension| extension == "gauges"));
        let readings = files.iter().filter_map(|path| Self::of(path).ok());
        let largest = readings.max_by_key(|reading| reading.frame().touched);
        largest.context("no process has gauges: is the program linked statically?")
    }

    /// All that was there.
    pub(super) fn gauges(&self) -> &Gauges {
        Gauges::from_words(&self.words).expect("checked as it was read")
    }

    /// The newest frame.
    pub(super) fn frame(&self) -> &Frame {
        self.gauges().newest().expect("checked as it was read")
    }

    /// How many frames were written.
    pub(super) fn frames(&self) -> u64 {
        self.gauges().sequence / 2
    }
}

fn words(file: &File) -> Result<Vec<u64>> {
    // Another file may be of any size.
    let mut bytes = vec![0; size_of::<Gauges>().min(file.metadata()?.len() as usize)];
    file.read_exact_at(&mut bytes, 0)?;
    let words = bytes.chunks_exact(8);
    Ok(words.map(|word| u64::from_ne_bytes(word.try_into().expect("eight bytes"))).collect())
}

/// The gauges file of a process, found among what it has mapped.
pub(super) fn file_of(process: u32) -> Result<PathBuf> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))
        .with_context(|| format!("there is no process {process}, or it isn't yours"))?;
    let shared = maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(is_shared));
    let mut paths = shared.filter_map(|line| Some(&line[line.find('/')?..]));
    let root = format!("/proc/{process}/root");
    let found = paths.find_map(|path| {
        let path = PathBuf::from(format!("{root}{path}"));
        let reading = Reading::of(&path).ok()?;
        (reading.gauges().process == u64::from(process)).then_some(path)
    });
    found.with_context(|| {
        format!("process {process} has no gauges: it has to start with STRATALLOC_GAUGES=PATH")
    })
}

fn is_shared(access: &str) -> bool {
    access.ends_with('s')
}
