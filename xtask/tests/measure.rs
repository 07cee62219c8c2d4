//! `cargo xtask measure`, as the commands use it that compare programs.

use std::{env, fs, process::Command};

/// A program that is smaller than what measures it has a peak of its own, not the measurer's.
#[test]
fn a_small_program_has_a_small_peak() {
    let file = env::temp_dir().join(format!("measure-{}", std::process::id()));
    let status = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("measure")
        .args([file.as_os_str(), "/bin/true".as_ref()])
        .status()
        .expect("xtask starts");
    let line = fs::read_to_string(&file).expect("the cost was written");
    fs::remove_file(&file).expect("the file can go");
    assert!(status.success());
    let peak: u64 =
        line.split_whitespace().last().and_then(|kib| kib.parse().ok()).expect("a cost");
    assert!((200..5_000).contains(&peak), "{peak} KiB");
}
