//! Profiles of C programs, and the moments at which they are written.

use std::path::{Path, PathBuf};

use super::harness::{Way, build, run_with};
use stratalloc_profile::{Profile, Quantity, Symbols};

/// Runs `profile_moments` under a profile with another variable; returns what the paths of all profiles begin with.
fn written_meanwhile(moment: &str, interval: &str, variable: (&str, &str)) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("profiles-{moment}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("heap");
    let wanted = format!("{},{interval}", path.display());
    let program = build("profile_moments", Way::Preloaded);
    let variables = [("STRATALLOC_PROFILE", wanted.as_str()), variable];
    let outcome = run_with(&program, &[moment], Way::Preloaded, &variables);
    assert!(outcome.status.success() && outcome.stderr.is_empty(), "{outcome:?}");
    path
}

const SIGNAL: (&str, &str) = ("STRATALLOC_PROFILE_SIGNAL", "USR2");

#[test]
fn a_signal_has_the_profile_written_as_it_is_then() {
    let path = written_meanwhile("signal", "64K", SIGNAL);
    for (ending, truth) in [("1", 65536.0 * 1024.0), ("2", 0.0)] {
        let (bytes, error) = held_by("keeper", &path.with_extension(ending), Quantity::Live);
        assert!((bytes - truth).abs() <= 5.0 * error, "{ending}: {bytes} ± {error}");
    }
    assert!(path.exists() && !path.with_extension("3").exists());
}

#[test]
fn signals_amid_samples_write_whole_profiles() {
    // Nearly each allocation is sampled.
    let path = written_meanwhile("amid", "16", SIGNAL);
    let files: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert!((2..=41).contains(&files.len()), "{} files", files.len());
    for file in files {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let profile: Profile = text.parse().unwrap();
        assert!(
            profile.total(Quantity::Allocated).bytes > 0 && text.contains("\nmaps\n"),
            "{text}"
        );
    }
}

#[test]
fn the_limits_first_refusal_has_the_profile_written() {
    let path = written_meanwhile("limit", "64K", ("STRATALLOC_LIMIT", "32M"));
    let (bytes, error) = held_by("keeper", &path.with_extension("limit"), Quantity::Live);
    let most = f64::from(32 << 20);
    assert!((most * 0.8 - 5.0 * error..=most + 5.0 * error).contains(&bytes), "{bytes} ± {error}");
}

/// The bytes of a quantity that the profile in a file has by a function, and their standard error.
fn held_by(function: &str, file: &Path, quantity: Quantity) -> (f64, f64) {
    let profile: Profile = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let mut symbols = Symbols::new(&profile);
    let (mut bytes, mut variance) = (0.0, 0.0);
    for site in &profile.sites {
        if symbols.trace(site).iter().any(|(_, frame)| frame.function == function) {
            let figures = site.figures(quantity);
            bytes += figures.bytes as f64;
            variance += figures.error.powi(2);
        }
    }
    (bytes, variance.sqrt())
}

#[test]
fn a_profile_tells_which_function_holds_the_memory() {
    let program = build("profile", Way::Preloaded);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (at_end, within) = (folder.join("at-end.profile"), folder.join("within.profile"));
    let wanted = format!("{},64K", at_end.display());
    let variables = [("STRATALLOC_PROFILE", wanted.as_str())];
    let outcome = run_with(&program, &[within.to_str().unwrap()], Way::Preloaded, &variables);
    assert!(outcome.status.success() && outcome.stderr.is_empty(), "{outcome:?}");
    let child = folder.join(format!("at-end.profile.{}", outcome.stdout.trim()));
    let whole = 65536.0 * 1024.0;
    let cases = [
        ("keeper", &at_end, Quantity::Live, whole),
        ("keeper", &within, Quantity::Live, whole),
        ("passer", &within, Quantity::Live, 0.0),
        ("passer", &at_end, Quantity::Allocated, whole / 2.0),
        ("keeper", &child, Quantity::Live, 0.0),
        ("keeper", &child, Quantity::Peak, whole),
    ];
    for (function, file, quantity, truth) in cases {
        let (bytes, error) = held_by(function, file, quantity);
        let close = (bytes - truth).abs() <= 5.0 * error && error < whole / 20.0;
        assert!(close, "{function}, {quantity:?}: {bytes} ± {error} in {}", file.display());
    }
}
