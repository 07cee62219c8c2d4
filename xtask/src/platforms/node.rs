//! WebAssembly, run by node.

use anyhow::Result;

use super::{checks, library::Library, run};
use crate::process;

/// With a limit that node doesn't have, so that blocks of a gigabyte are refused. No program here asks for randomness.
const LIBRARY: Library = Library::Built(
    "std,panic_abort",
    "--cfg getrandom_backend=\"unsupported\" -Clink-arg=--max-memory=268435456",
);

/// Builds the checks and runs them.
pub(super) fn run(target: &str) -> Result<()> {
    let node = process::need("node", "nodejs")?;
    let program =
        checks::build(target, &["--package=stratalloc-platforms", "--bin=conform"], LIBRARY)?;
    let mut command = run::bounded(node);
    command.arg(process::root().join("benches/platforms/host.mjs")).arg(program.path);
    let output = process::step(&format!("{target}: conformance"), &mut command)?;
    checks::compare(&output.stdout)
}
