//! `cargo xtask mutants`: plants faults in copies of the workspace, one at a time, and sees that a test
//! notices each.

use std::{
    path::Path,
    sync::{Mutex, PoisonError, mpsc},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, ensure};

use crate::process;

mod catalogue;
mod copy;
mod trial;

pub(crate) use catalogue::check;

use catalogue::Mutant;
use copy::WorkCopy;
use trial::Verdict;

/// Plants the faults of `xtask/mutants`, and fails unless the test that each names fails.
#[derive(clap::Args)]
pub(crate) struct Mutants {
    /// Only faults whose name contains one of these.
    names: Vec<String>,
    /// Only one of this many parts of all, another one each day.
    #[arg(long, value_name = "PARTS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    one_of: u64,
    /// Copies that are worked on at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Lists the faults, and why the harmless ones are harmless; plants none.
    #[arg(long)]
    list: bool,
}

impl Mutants {
    /// A twentieth of all faults.
    pub(crate) fn twentieth() -> Self {
        Self { names: Vec::new(), one_of: 20, jobs: 2, list: false }
    }

    pub(crate) fn run(self) -> Result<()> {
        let all = catalogue::read(process::root())?;
        if self.list {
            for mutant in &all {
                println!("{mutant}");
            }
            return Ok(());
        }
        let planted: Vec<_> = all.into_iter().filter(|mutant| mutant.killer().is_some()).collect();
        let chosen = self.chosen(planted)?;
        ensure!(!chosen.is_empty(), "no fault has such a name");
        let failures = try_all(&chosen, self.jobs.clamp(1, chosen.len()))?;
        println!("{} of {} planted faults were noticed", chosen.len() - failures, chosen.len());
        ensure!(failures == 0, "{failures} planted faults went unnoticed");
        Ok(())
    }

    fn chosen(&self, all: Vec<Mutant>) -> Result<Vec<Mutant>> {
        let named = |mutant: &Mutant| {
            self.names.is_empty() || self.names.iter().any(|part| mutant.name.contains(part))
        };
        let day = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / (24 * 60 * 60);
        let numbered = (0..).zip(all.into_iter().filter(named));
        let chosen = numbered.filter(|(number, _)| number % self.one_of == day % self.one_of);
        Ok(chosen.map(|(_, mutant)| mutant).collect())
    }
}

/// Faults in some files, by what becomes of them.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) by_models: usize,
    pub(crate) by_tests: usize,
    pub(crate) harmless: usize,
}

/// Counts the faults in the files that are asked for.
pub(crate) fn tally(root: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Tally> {
    let mut tally = Tally::default();
    for mutant in catalogue::read(root)?.iter().filter(|mutant| is_wanted(&mutant.file)) {
        *match mutant.killer() {
            None => &mut tally.harmless,
            Some(killer) if killer.is_model() => &mut tally.by_models,
            Some(_) => &mut tally.by_tests,
        } += 1;
    }
    Ok(tally)
}

/// Tries all, several at a time; returns how many went unnoticed.
fn try_all(mutants: &[Mutant], jobs: usize) -> Result<usize> {
    let waiting = Mutex::new(mutants.iter());
    let (done, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for number in 0..jobs {
            let (waiting, done) = (&waiting, done.clone());
            scope.spawn(move || work(number, waiting, &done));
        }
        drop(done);
        let mut unnoticed = 0;
        for result in results {
            let (mutant, verdict): (&Mutant, Verdict) = result?;
            println!("{verdict} {}", mutant.name);
            unnoticed += usize::from(!verdict.is_noticed());
        }
        Ok(unnoticed)
    })
}

type Outcome<'m> = Result<(&'m Mutant, Verdict)>;

/// Tries what waits, in a copy of its own.
fn work<'m>(
    number: usize,
    waiting: &Mutex<std::slice::Iter<'m, Mutant>>,
    done: &mpsc::Sender<Outcome<'m>>,
) {
    let copy = match WorkCopy::new(number) {
        Ok(copy) => copy,
        Err(error) => return drop(done.send(Err(error))),
    };
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(mutant) = next else { return };
        let outcome = trial::run(&copy, mutant).map(|verdict| (mutant, verdict));
        // Nobody listens once another trial couldn't be run.
        if done.send(outcome).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_twentieths_are_all() {
        let all = catalogue::read(process::root()).unwrap();
        let count = all.len();
        let everything = Mutants { one_of: 1, ..Mutants::twentieth() };
        assert_eq!(everything.chosen(all.clone()).unwrap().len(), count);
        let part = Mutants::twentieth().chosen(all).unwrap().len();
        assert!(part == count / 20 || part == count.div_ceil(20), "{part} of {count}");
    }
}
