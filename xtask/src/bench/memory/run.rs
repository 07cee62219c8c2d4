//! Running programs while looking at what they hold.

use std::{collections::BTreeMap, fs, time::Instant};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use stratalloc_samples::{Entry, Look, MemoryRun, Run};

use crate::{
    bench::{
        launch::Launch,
        load,
        options::Options,
        program,
        record::{Line, Memory, Record, Writer},
        row::Row,
        runners::{self, Runner},
        schedule, shared,
    },
    process,
};

/// Of these programs the peak is compared: small ones, which everybody starts all the time.
const PROGRAMS: [&str; 4] = ["python", "sqlite", "git", "sort"];

/// A curve has at most so many points.
const POINTS: usize = 240;

/// The rows that `options` ask for.
pub(crate) fn rows(options: &Options) -> Result<Vec<Row>> {
    let mut names = runners::names(&options.allocators)?;
    if options.allocators.is_empty() {
        // Memory repeats: nobody need be measured twice.
        names.retain(|name| name != "system-again");
    }
    let mut rows = linked(options, &runners::build(names)?)?;
    let wanted =
        |entry: &Entry| PROGRAMS.contains(&entry.workload.as_str()) && options.wants(entry);
    if !options.no_preload {
        let libraries = shared::libraries(&options.allocators)?;
        let launcher = runners::build(vec!["system".to_owned()])?.remove(0);
        rows.extend(program::scripts(&launcher, &libraries, options.scale(), wanted)?);
    }
    ensure!(!rows.is_empty(), "no workload of memory is called so");
    Ok(rows)
}

fn linked(options: &Options, runners: &[Runner]) -> Result<Vec<Row>> {
    let Some(first) = runners.first() else { return Ok(Vec::new()) };
    let listed = process::output(&mut first.command(&["list", "--memory"]))?;
    let mut rows = Vec::new();
    for line in String::from_utf8(listed.stdout)?.lines() {
        let entry: Entry = serde_json::from_str(line)?;
        if options.wants(&entry) {
            let launch = |runner| {
                Launch::memory(runner, &entry.workload, options.scale(), options.longest_rest())
            };
            let launches = runners.iter().map(launch).collect();
            rows.push(Row { entry, threads: 1, launches });
        }
    }
    Ok(rows)
}

/// Runs everyone on every row, round after round, one round unless `options` say more.
pub(crate) fn measure(rows: &[Row], options: &Options, writer: &mut Writer) -> Result<()> {
    schedule::catch_interrupts()?;
    load::warn_if_uncounted();
    let rounds = options.rounds.unwrap_or(1);
    let launches: usize = rows.iter().map(|row| row.launches.len()).sum();
    let bar = ProgressBar::new((rounds * launches) as u64).with_style(schedule::style());
    for row in (0..rounds).flat_map(|_| rows) {
        for launch in &row.launches {
            if schedule::interrupted() {
                return Ok(());
            }
            bar.set_message(format!("{} on {}", row.entry.workload, launch.allocator));
            writer.write(&run(row, launch)?)?;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// One run, with its curve.
fn run(row: &Row, launch: &Launch) -> Result<Line> {
    let mut curve = Curve::begin();
    let ended = launch.run(None, Some(&mut |process| curve.look(process)))?;
    Ok(match ended {
        Err(reason) => Line::Failure(row.failure(launch, reason)),
        Ok(output) if row.entry.level == program::LEVEL => {
            Line::Memory(of_program(serde_json::from_str(&output).context(output)?))
        }
        Ok(output) => {
            let run: MemoryRun = serde_json::from_str(&output).context(output)?;
            Line::Memory(Memory { run, curve: curve.thinned() })
        }
    })
}

/// Of a program that doesn't look at itself only the peak is known.
fn of_program(run: Run) -> Memory {
    let peak = Look {
        phase: "peak".to_owned(),
        at_ms: run.cost.wall_ns / 1_000_000,
        resident_kib: run.cost.peak_rss_kib,
        faults: run.cost.minor_faults,
        madvise: run.cost.madvise,
        ..Look::default()
    };
    let start = Look { phase: "start".to_owned(), madvise: Some(0), ..Look::default() };
    let looks = vec![start, peak];
    let Run { workload, allocator, scale, checksum, .. } = run;
    Memory { run: MemoryRun { workload, allocator, scale, checksum, looks }, curve: Vec::new() }
}

/// Resident memory against time: milliseconds and KiB.
struct Curve {
    start: Instant,
    points: Vec<(u32, u32)>,
}

impl Curve {
    fn begin() -> Self {
        Self { start: Instant::now(), points: Vec::new() }
    }

    /// Adds a point, unless the process has ended.
    fn look(&mut self, process: u32) {
        let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else { return };
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        let at = u32::try_from(self.start.elapsed().as_millis()).unwrap_or(u32::MAX);
        self.points.extend(kib.map(|kib| (at, kib)));
    }

    /// At most [`POINTS`] points: of those left out, none is higher than the one kept in their stead.
    fn thinned(self) -> Vec<(u32, u32)> {
        let stretch = self.points.len().div_ceil(POINTS).max(1);
        let highest = |stretch: &[(u32, u32)]| stretch.iter().copied().max_by_key(|point| point.1);
        self.points.chunks(stretch).filter_map(highest).collect()
    }
}

/// Returns whether all allocators computed the same: one that lost or mixed up memory did not.
pub(crate) fn check_results(record: &Record) -> Result<()> {
    let mut first: BTreeMap<&str, &MemoryRun> = BTreeMap::new();
    for Memory { run, .. } in record.memory() {
        let reference = first.entry(&run.workload).or_insert(run);
        ensure!(
            run.checksum == reference.checksum,
            "{} came out differently on {} than on {}",
            run.workload,
            run.allocator,
            reference.allocator
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::phases::tests::fixture, Curve, Launch, Row, check_results, run};
    use crate::bench::record::Line;

    /// A row of one launch that runs `script`.
    fn line_of(script: &str) -> Line {
        let entry = crate::bench::report::fixture().workloads().next().unwrap().clone();
        let launches = vec![Launch::shell("stratalloc", script)];
        let row = Row { entry, threads: 1, launches };
        run(&row, &row.launches[0]).expect("a shell can be started")
    }

    #[test]
    fn a_run_that_crashes_is_named_and_one_that_prints_has_a_curve() {
        let Line::Failure(failure) = line_of("kill -SEGV $$") else { panic!("it crashed") };
        assert_eq!((failure.workload.as_str(), failure.word()), ("sort", "crashed"));
        let fixture = fixture();
        let printed = serde_json::to_string(&fixture.memory().next().unwrap().run).unwrap();
        let Line::Memory(memory) = line_of(&format!("sleep 0.1; echo '{printed}'")) else {
            panic!("it printed")
        };
        assert_eq!(memory.run.looks.len(), 2);
        assert!(!memory.curve.is_empty());
    }

    #[test]
    fn a_thinned_curve_keeps_its_peak() {
        let mut curve = Curve::begin();
        curve.points = (0..10_000).map(|at| (at, if at == 4_321 { 99 } else { 1 })).collect();
        let thinned = curve.thinned();
        assert!(thinned.len() <= super::POINTS);
        assert_eq!(thinned.iter().filter(|point| **point == (4_321, 99)).count(), 1);
    }

    #[test]
    fn this_process_has_a_curve_and_one_that_ended_has_none() {
        let mut curve = Curve::begin();
        curve.look(u32::MAX);
        assert!(curve.points.is_empty());
        curve.look(std::process::id());
        assert!(curve.points[0].1 > 100);
    }

    #[test]
    fn a_wrong_checksum_is_an_error() {
        let mut record = fixture();
        assert!(check_results(&record).is_ok());
        let Some(Line::Memory(memory)) = record.lines.last_mut() else { panic!() };
        memory.run.checksum += 1;
        assert!(check_results(&record).is_err());
    }
}
