//! Programs that end badly, each in a process of its own.

use std::{env, process::Command};

use stratalloc_core::diag;

/// What a test does wrong in the child process, by name.
pub(crate) type Crime = (&'static str, fn());

const CRIME: &str = "STRATALLOC_TEST_CRIME";

/// In the child: commits the crime that [`punished`] named.
pub(crate) fn commit(crimes: &[Crime]) {
    let named = env::var(CRIME).expect("run by another test");
    let (_, crime) = crimes.iter().find(|(name, _)| *name == named).expect("a crime of the list");
    diag::set_sink(|line| eprint!("{}", String::from_utf8_lossy(line)));
    // SAFETY: it doesn't unwind.
    unsafe { diag::set_abort(|| std::process::abort()) };
    crime();
    eprintln!("it went unpunished");
}

/// Runs the ignored test `child`, which calls [`commit`], once for each crime in a process of its own: it
/// must die of it, with the right words for that crime.
pub(crate) fn punished(child: &str, crimes: &[Crime], are_right: impl Fn(&str, &str) -> bool) {
    for (crime, _) in crimes {
        let words = last_words(child, crime);
        assert!(are_right(crime, &words), "{crime}: {words}");
    }
}

/// What a child that must die wrote to standard error.
fn last_words(child: &str, crime: &str) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--nocapture", "--test-threads=1"])
        .env(CRIME, crime)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && !words.contains("unpunished"), "{crime}: {words}");
    words
}
