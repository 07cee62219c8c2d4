//! Running rows in turn.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Options,
    load::{self, Meter},
    record::{Line, Writer},
    rows::Row,
};

/// Most rounds, however much time is left.
const ROUNDS: usize = 5;

/// Set by an interrupt: the current run is the last.
static STOP: AtomicBool = AtomicBool::new(false);

/// Runs everyone on every row in turn, round after round, until the rounds or the time are over.
///
/// The first round is always run to its end; a later one ends with a row, so that everyone in a row has run
/// equally often.
pub(crate) fn measure(rows: &[Row], options: &Options, writer: &mut Writer) -> Result<()> {
    let rounds = options.rounds.unwrap_or(ROUNDS);
    ensure!(rounds > 0, "no rounds, no figures");
    catch_interrupts()?;
    load::warn_if_busy()?;
    let a_round: usize = rows.iter().map(|row| row.launches.len()).sum();
    let limit = options.limit();
    announce((rounds, a_round), options.scale(), limit);
    let bar = ProgressBar::new((rounds * a_round) as u64).with_style(style());
    let (meter, start) = (Meter::start()?, Instant::now());
    'rounds: for round in 0..rounds {
        for row in rows {
            if round > 0 && limit.is_some_and(|limit| start.elapsed() > limit) {
                break 'rounds;
            }
            for turn in 0..row.launches.len() {
                if STOP.load(Ordering::Relaxed) {
                    say(&bar, "interrupted: what was measured is kept");
                    break 'rounds;
                }
                // Each round begins with another one, so that none always follows the same.
                let launch = &row.launches[(round + turn) % row.launches.len()];
                bar.set_message(format!("{} on {}", row.entry.workload, launch.allocator));
                writer.write(&launch.run(row, options.processors(row.threads)?)?)?;
                bar.inc(1);
            }
        }
        if round == 0 && rounds > 1 {
            let seconds = start.elapsed().as_secs_f64();
            let forecast = fitting(seconds, rounds, limit);
            say(&bar, &format!("a round takes {seconds:.0} s: {forecast}"));
        }
    }
    bar.finish_and_clear();
    writer.write(&Line::Noise(meter.stop()?))
}

/// Makes an interrupt end the measurement instead of this process.
pub(crate) fn catch_interrupts() -> Result<()> {
    Ok(ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed))?)
}

/// Whether the user has had enough.
pub(crate) fn interrupted() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Says how long it will take.
fn announce((rounds, a_round): (usize, usize), scale: usize, limit: Option<Duration>) {
    // A run at standard scale takes a sixth of a second, give or take, and its process a little.
    let round = Duration::from_millis((a_round * (10 + scale * 3 / 2)) as u64);
    let all = round * u32::try_from(rounds).unwrap_or(u32::MAX);
    let minutes = limit.map_or(all, |limit| all.min(limit.max(round))).as_secs_f64() / 60.0;
    let fit = if limit.is_some() { " if they fit" } else { "" };
    eprintln!(
        "{a_round} runs a round, {rounds} rounds{fit}: about {minutes:.1} minutes on a quiet machine; an \
         interrupt keeps what was measured"
    );
}

/// Prints a line above the bar; also where there is none, because nobody looks at a terminal.
fn say(bar: &ProgressBar, line: &str) {
    bar.suspend(|| eprintln!("{line}"));
}

/// How many rounds there will be.
fn fitting(seconds: f64, rounds: usize, limit: Option<Duration>) -> String {
    let fit = limit.map_or(rounds as f64, |limit| limit.as_secs_f64() / seconds);
    if fit >= rounds as f64 {
        format!("{rounds} rounds end in {:.1} minutes", seconds * (rounds - 1) as f64 / 60.0)
    } else {
        format!("{fit:.1} of {rounds} rounds fit into the time (--minutes)")
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} left: {msg}")
        .expect("a fixed template")
}

impl Options {
    /// When no new row begins any more. Whoever asks for rounds gets them, however long they take.
    fn limit(&self) -> Option<Duration> {
        let usual = if self.quick { 1.8 } else { 14.0 };
        let minutes = self.minutes.or(self.rounds.is_none().then_some(usual));
        minutes.map(|minutes| Duration::from_secs_f64(60.0 * minutes.max(0.0)))
    }

    /// The processors to keep a row of `threads` threads to, if it is to be kept.
    fn processors(&self, threads: usize) -> Result<Option<usize>> {
        let here = thread::available_parallelism()?.get();
        Ok(self.pin.then(|| threads.min(here)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anyhow::Result;
    use stratalloc_samples::Run;

    use super::{Options, fitting, measure};
    use crate::bench::{
        launch::Launch,
        record::{Line, Record, Writer},
        report::fixture,
        rows::Row,
    };

    #[test]
    fn the_forecast_follows_from_the_first_round() {
        assert!(fitting(30.0, 5, None).contains("end in 2.0 minutes"));
        assert!(fitting(30.0, 5, Some(Duration::from_mins(10))).contains("end in 2.0 minutes"));
        assert!(fitting(30.0, 5, Some(Duration::from_mins(1))).contains("2.0 of 5 rounds"));
    }

    /// A launch that prints a run of `allocator`.
    fn printing(allocator: &str) -> Result<Launch> {
        let run =
            Run { allocator: allocator.to_owned(), ..fixture().runs().next().unwrap().clone() };
        Ok(Launch::shell(allocator, &format!("echo '{}'", serde_json::to_string(&run)?)))
    }

    #[test]
    fn each_round_begins_with_another_one_and_keeps_who_fails() -> Result<()> {
        let fixture = fixture();
        let entry = fixture.workloads().next().unwrap().clone();
        let launches = vec![printing("a")?, printing("b")?, Launch::shell("c", "exit 7")];
        let path = std::env::temp_dir().join(format!("stratalloc-{}.jsonl", std::process::id()));
        let mut writer = Writer::create(&path, fixture.header)?;
        let rows = [Row { entry, threads: 2, launches }];
        measure(&rows, &Options::parse("--rounds 2"), &mut writer)?;
        let record = Record::read(&path)?;
        std::fs::remove_file(&path)?;
        let order = record.lines.iter().map(|line| match line {
            Line::Run(run) => run.allocator.clone(),
            Line::Failure(failure) => format!("{}: {}", failure.allocator, failure.reason),
            line => format!("{line:?}").split('(').next().unwrap_or_default().to_owned(),
        });
        let order: Vec<String> = order.collect();
        let failed = "c: exit status: 7";
        assert_eq!(order, ["a", "b", failed, "b", failed, "a", "Noise"]);
        Ok(())
    }
}
