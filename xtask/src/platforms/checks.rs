//! Programs that hold every layer to the contract where no test harness runs, and print what conforms.

use anyhow::{Context, Result, ensure};

use super::{library::Library, lld, run};
use crate::{
    built::{self, Program},
    process,
};

/// What it prints, each in a line of its own, and nothing else.
const LINES: [&str; 4] =
    ["conforms: the front door", "conforms: a heap", "conforms: blocks", "conforms: a pool"];

/// Builds the program that cargo is told to by `which`.
pub(super) fn build(target: &str, which: &[&str], library: Library) -> Result<Program> {
    let mut cargo = process::cargo(&["build"]);
    cargo.args(which);
    cargo.args(["--target", target, "--message-format=json-render-diagnostics"]);
    library.serve(&mut cargo)?;
    run::make_quick(&mut cargo, false);
    cargo.env("CARGO_PROFILE_DEV_PANIC", "abort");
    run::link_with(&mut cargo, target, lld::find()?);
    let output = process::step(&format!("program for {target}"), &mut cargo)?;
    built::programs(&output.stdout)?.pop().context("cargo built no program")
}

/// Holds what the program printed against what it should.
pub(super) fn compare(printed: &[u8]) -> Result<()> {
    let printed = String::from_utf8_lossy(printed);
    ensure!(printed.lines().eq(LINES), "not what conforms, in this order:\n{printed}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_counts() {
        let all = LINES.join("\n");
        assert!(compare(all.as_bytes()).is_ok());
        assert!(compare(LINES[..3].join("\n").as_bytes()).is_err());
        assert!(compare(format!("{all}\npanicked").as_bytes()).is_err());
        assert!(compare(b"").is_err());
    }
}
