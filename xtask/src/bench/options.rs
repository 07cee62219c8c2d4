//! What to measure and how often, as the command line says.

use std::{thread, time::Duration};

use anyhow::Result;
use clap::builder::RangedU64ValueParser;
use stratalloc_samples::Entry;

/// What to measure and how often.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Three minutes at most once everything is built: less work a run, one number of threads a workload.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only workloads whose name, level or description contains this; may be repeated.
    #[arg(long)]
    pub(crate) filter: Vec<String>,
    /// Allocators to compare, by name; `all` for every one [default: all but single heaps behind a lock and our
    /// builds that check more].
    #[arg(long, value_delimiter = ',')]
    pub(crate) allocators: Vec<String>,
    /// Numbers of threads, instead of each workload's own.
    #[arg(long, value_delimiter = ',', value_parser = at_least_one())]
    pub(crate) threads: Vec<usize>,
    /// Runs of each row and allocator [default: 5, or as many as fit into the minutes].
    #[arg(long, value_parser = at_least_one())]
    pub(crate) rounds: Option<usize>,
    /// Run on the rows in which the spread hides whether ours is ahead, until they have seven runs.
    #[arg(long)]
    pub(crate) decide: bool,
    /// Minutes after which no other round is begun [default: 14, or 1.8 with --quick; none with --rounds].
    #[arg(long)]
    pub(crate) minutes: Option<f64>,
    /// Work a run, in percent of the standard amount [default: 100; 30 with --quick].
    #[arg(long, value_parser = at_least_one())]
    pub(crate) scale: Option<usize>,
    /// Keep every run to the first processors, as many as it has threads.
    #[arg(long)]
    pub(crate) pin: bool,
    /// Count instructions under callgrind instead of time, for the rows of one thread.
    #[arg(long)]
    pub(crate) instructions: bool,
    /// Look at memory over time instead: what programs hold at the end of each phase, asleep, trimmed. One round
    /// unless --rounds says more; about twelve minutes, or five with --quick.
    #[arg(long, conflicts_with = "instructions")]
    pub(crate) memory: bool,
    /// Leave out criterion's measurements of single operations.
    #[arg(long)]
    pub(crate) no_micro: bool,
    /// Leave out programs under shared libraries.
    #[arg(long)]
    pub(crate) no_preload: bool,
    /// Keep the record in `benches/record`, in place of an earlier one of this machine with the same rows.
    #[arg(long)]
    pub(crate) record: bool,
    /// Open the report in a browser.
    #[arg(long)]
    pub(crate) open: bool,
}

/// With none of them nothing is measured, which would show only after all was built.
fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

#[cfg(test)]
impl Options {
    /// The options of a command line.
    pub(crate) fn parse(line: &str) -> Self {
        Self::try_parse(line).expect("the command takes what it parses")
    }

    fn try_parse(line: &str) -> Result<Self, clap::Error> {
        use clap::{Args, Command, FromArgMatches};
        let words = std::iter::once("bench").chain(line.split_whitespace());
        let matches = Self::augment_args(Command::new("bench")).try_get_matches_from(words)?;
        Self::from_arg_matches(&matches)
    }
}

impl Options {
    /// Work a run, in percent of the standard amount.
    pub(crate) fn scale(&self) -> usize {
        self.scale.unwrap_or(if self.quick { 30 } else { 100 })
    }

    /// The longest rest of a workload of memory, in seconds.
    pub(crate) fn longest_rest(&self) -> u64 {
        if self.quick { 5 } else { 12 }
    }

    /// Returns whether a workload is asked for.
    pub(crate) fn wants(&self, entry: &Entry) -> bool {
        let named = self.filter.contains(&entry.workload);
        let size = match entry.size.as_str() {
            "quick" => true,
            "long" => named || !(self.quick || self.instructions),
            _ => named,
        };
        size && self.matches(entry)
    }

    /// Returns whether a workload is among those that the filters let through, however dear it is.
    pub(crate) fn matches(&self, entry: &Entry) -> bool {
        let fits = |filter: &String| {
            entry.level == *filter
                || entry.workload.contains(filter)
                || entry.about.contains(filter)
        };
        self.filter.is_empty() || self.filter.iter().any(fits)
    }

    /// The numbers of threads to run a workload with; none when it is left out.
    pub(crate) fn threads_of(&self, entry: &Entry) -> Vec<usize> {
        if !self.wants(entry) {
            return Vec::new();
        }
        if !self.threads.is_empty() {
            return self.threads.clone();
        }
        let mut threads = entry.threads.clone();
        if self.instructions {
            threads.retain(|&threads| threads == 1);
        } else if self.quick {
            // Two threads where a workload can: that is where allocators differ most.
            let two = threads.iter().position(|&threads| threads == 2).unwrap_or(0);
            threads = vec![threads[two]];
        }
        threads
    }

    /// When no new row begins any more. Whoever asks for rounds gets them, however long they take.
    pub(crate) fn limit(&self) -> Option<Duration> {
        let usual = if self.quick { 1.8 } else { 14.0 };
        let minutes = self.minutes.or(self.rounds.is_none().then_some(usual));
        minutes.map(|minutes| Duration::from_secs_f64(60.0 * minutes.max(0.0)))
    }

    /// The processors to keep a row of `threads` threads to, if it is to be kept.
    pub(crate) fn processors(&self, threads: usize) -> Result<Option<usize>> {
        let here = thread::available_parallelism()?.get();
        Ok(self.pin.then(|| threads.min(here)))
    }
}

#[cfg(test)]
mod tests {
    use stratalloc_samples::Entry;

    use super::Options;

    /// The threads that a command line picks for a workload of a size.
    fn picked(line: &str, size: &str) -> Vec<usize> {
        let entry = Entry {
            workload: "sort".to_owned(),
            level: "kind".to_owned(),
            size: size.to_owned(),
            threads: vec![1, 2, 8],
            about: "sorts things".to_owned(),
        };
        Options::parse(line).threads_of(&entry)
    }

    #[test]
    fn what_would_measure_nothing_is_refused() {
        for line in ["--scale 0", "--rounds 0", "--threads 0", "--threads 1,0"] {
            assert!(Options::try_parse(line).is_err(), "{line}");
        }
        assert!(Options::try_parse("--scale 1 --rounds 1 --threads 1,2").is_ok());
    }

    #[test]
    fn rows_are_picked_by_name_level_size_and_threads() {
        assert_eq!(picked("", "quick"), [1, 2, 8]);
        assert_eq!(picked("--quick", "quick"), [2]);
        assert_eq!(picked("--instructions", "quick"), [1]);
        assert_eq!(picked("--threads 3,4", "long"), [3, 4]);
        assert_eq!(picked("--filter kind", "quick"), [1, 2, 8]);
        for (line, size) in [("--quick", "long"), ("", "asked"), ("--filter tree", "quick")] {
            assert!(picked(line, size).is_empty(), "{line}");
        }
        assert_eq!(picked("--filter sort --quick", "asked"), [2]);
        assert!(picked("--filter so --quick", "asked").is_empty());
    }
}
