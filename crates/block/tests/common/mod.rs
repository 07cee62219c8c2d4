//! Programs that end badly, each in a process of its own.

use std::{env, process::Command};

use stratalloc_core::diag;

/// What a test does wrong in the child process, by name.
pub(crate) type Crime = (&'static str, fn());

const CRIME: &str = "STRATALLOC_TEST_CRIME";

/// In the child: commits the crime that `last_words` named.
pub(crate) fn commit(crimes: &[Crime]) {
    let named = env::var(CRIME).expect("run by another test");
    let (_, crime) = crimes.iter().find(|(name, _)| *name == named).expect("a crime of the list");
    diag::set_sink(|line| eprint!("{}", String::from_utf8_lossy(line)));
    diag::set_abort(|| std::process::abort());
    crime();
    eprintln!("it went unpunished");
}

/// Runs the ignored test `child`, which calls [`commit`], in a process of its own, and returns what
/// it wrote to standard error, provided that it died.
pub(crate) fn last_words(child: &str, crime: &str) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--nocapture", "--test-threads=1"])
        .env(CRIME, crime)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && !words.contains("unpunished"), "{crime}: {words}");
    words
}
