//! A kernel on a Cortex-M4, which `qemu` plays.

use anyhow::Result;

use super::{checks, library::Library, run};
use crate::process;

const LIBRARY: Library = Library::Built("core,alloc", "-Clink-arg=-Tlink.x");

/// A board with that processor; the kernel prints and ends through the emulator.
const BOARD: [&str; 9] = [
    "-M",
    "mps2-an386",
    "-cpu",
    "cortex-m4",
    "-nographic",
    "-monitor",
    "none",
    "-semihosting-config",
    "enable=on,target=native",
];

/// What the kernel shows, in the words of a table.
const ABOUT: &str = "random requests to the front door, a heap, blocks and a pool";

/// Builds the kernel and runs it; a row of the table.
pub(super) fn run(target: &str, rows: &mut Vec<String>) -> Result<()> {
    let emulator = process::need("qemu-system-arm", "qemu-system-arm")?;
    let which = ["--manifest-path=benches/bare/Cargo.toml", "--locked"];
    let kernel = checks::build(target, &which, LIBRARY)?;
    let mut command = run::bounded(emulator);
    command.args(BOARD).arg("-kernel").arg(kernel.path);
    let output = process::step(&format!("{target}: {ABOUT}"), &mut command)?;
    checks::compare(&output.stdout)?;
    rows.push(format!(
        "| `{target}` | `qemu-system-arm`, a Cortex-M4, 64 KiB of memory | {ABOUT} |\n"
    ));
    Ok(())
}
