//! Running rows in turn.

use std::{
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    allocators::OWN,
    load::{self, Meter},
    options::Options,
    record::{Line, Record, Writer},
    row::Row,
    statistics,
};

/// Most rounds, however much time is left.
const ROUNDS: usize = 5;

/// So many runs of everybody tell who is ahead, where any do.
const DECISIVE: usize = 7;

/// Set by an interrupt: the current run is the last.
static STOP: AtomicBool = AtomicBool::new(false);

/// Runs everyone on every row in turn, round after round, until the rounds or the time are over; then, if `options` say
/// so, the rows in which nobody can tell yet whether ours is ahead.
///
/// The first round is always run to its end; a later one ends with a row, so that everyone in a row has run
/// equally often.
pub(crate) fn measure(rows: &[Row], options: &Options, writer: &mut Writer) -> Result<()> {
    let rounds = options.rounds.unwrap_or(ROUNDS);
    ensure!(rounds > 0, "no rounds, no figures");
    catch_interrupts()?;
    load::warn_if_busy()?;
    load::warn_if_uncounted();
    let a_round: usize = rows.iter().map(|row| row.launches.len()).sum();
    let limit = options.limit();
    announce((rounds, a_round), options.scale(), limit);
    let bar = ProgressBar::new((rounds * a_round) as u64).with_style(style());
    let (meter, start) = (Meter::start()?, Instant::now());
    let mut turns = Turns { options, writer, bar };
    'rounds: for round in 0..rounds {
        for row in rows {
            let is_late = round > 0 && limit.is_some_and(|limit| start.elapsed() > limit);
            if is_late || !turns.run(row, round)? {
                break 'rounds;
            }
        }
        if round == 0 && rounds > 1 {
            let seconds = start.elapsed().as_secs_f64();
            let forecast = fitting(seconds, rounds, limit);
            say(&turns.bar, &format!("a round takes {seconds:.0} s: {forecast}"));
        }
    }
    if options.decide && !interrupted() {
        turns.decide(rows)?;
    }
    turns.bar.finish_and_clear();
    writer.write(&Line::Noise(meter.stop()?))
}

/// Rows, run one by one.
struct Turns<'a> {
    options: &'a Options,
    writer: &'a mut Writer,
    bar: ProgressBar,
}

impl Turns<'_> {
    /// Runs everyone on a row, for the time that is counted by `round`; returns whether to go on.
    fn run(&mut self, row: &Row, round: usize) -> Result<bool> {
        for turn in 0..row.launches.len() {
            if interrupted() {
                say(&self.bar, "interrupted: what was measured is kept");
                return Ok(false);
            }
            // Each round begins with another one, so that none always follows the same.
            let launch = &row.launches[(round + turn) % row.launches.len()];
            self.bar.set_message(format!("{} on {}", row.entry.workload, launch.allocator));
            let processors = self.options.processors(row.threads)?;
            self.writer.write(&row.run(launch, processors)?)?;
            self.bar.inc(1);
        }
        Ok(true)
    }

    /// Runs rows that are undecided until they have [`DECISIVE`] runs.
    fn decide(&mut self, rows: &[Row]) -> Result<()> {
        let record = Record::read(&self.writer.path)?;
        for measured in statistics::rows(&record) {
            let is_this = |row: &&Row| {
                row.entry.workload == measured.workload && row.threads == measured.threads
            };
            let Some(row) = rows.iter().find(is_this) else { continue };
            if measured.is_undecided(OWN) {
                for round in measured.runs()..DECISIVE {
                    self.bar.inc_length(row.launches.len() as u64);
                    if !self.run(row, round)? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Makes an interrupt end the measurement instead of this process, from the first call on.
pub(crate) fn catch_interrupts() -> Result<()> {
    static CAUGHT: Once = Once::new();
    let mut result = Ok(());
    CAUGHT.call_once(|| result = ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed)));
    Ok(result?)
}

/// Returns whether the user has had enough.
pub(crate) fn interrupted() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Prints how long it will take.
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

/// A bar with the time that is left.
pub(crate) fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} left: {msg}")
        .expect("a fixed template")
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
        row::Row,
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

    /// What a measurement of these launches leaves, line by line; the file's name has `name` in it.
    fn order(name: &str, launches: Vec<Launch>, line: &str) -> Result<Vec<String>> {
        let fixture = fixture();
        let entry = fixture.workloads().next().unwrap().clone();
        let file = format!("stratalloc-{name}-{}.jsonl", std::process::id());
        let path = std::env::temp_dir().join(file);
        let mut writer = Writer::create(&path, fixture.header.clone())?;
        let rows = [Row { entry, threads: 2, launches }];
        measure(&rows, &Options::parse(line), &mut writer)?;
        let record = Record::read(&path)?;
        std::fs::remove_file(&path)?;
        let order = record.lines.iter().map(|line| match line {
            Line::Run(run) => run.allocator.clone(),
            Line::Failure(failure) => format!("{}: {}", failure.allocator, failure.reason),
            line => format!("{line:?}").split('(').next().unwrap_or_default().to_owned(),
        });
        Ok(order.collect())
    }

    #[test]
    fn each_round_begins_with_another_one_and_keeps_who_fails() -> Result<()> {
        let launches = vec![printing("a")?, printing("b")?, Launch::shell("c", "exit 7")];
        let failed = "c: exit status: 7";
        let order = order("turns", launches, "--rounds 2")?;
        assert_eq!(order, ["a", "b", failed, "b", failed, "a", "Noise"]);
        Ok(())
    }

    #[test]
    fn a_row_that_is_undecided_is_run_on() -> Result<()> {
        // Both print the same time, so nobody is ahead.
        let launches = || Ok::<_, anyhow::Error>(vec![printing("stratalloc")?, printing("b")?]);
        assert_eq!(order("decided", launches()?, "--rounds 2 --decide")?.len(), 2 * 7 + 1);
        assert_eq!(order("undecided", launches()?, "--rounds 2")?.len(), 2 * 2 + 1);
        Ok(())
    }
}
