//! The demo kernel on machines without a system, which `qemu` plays.

use anyhow::Result;

use super::{checks, library::Library, run};
use crate::process;

/// The kernel prints and ends through the emulator.
const HOST: [&str; 5] =
    ["-nographic", "-monitor", "none", "-semihosting-config", "enable=on,target=native"];

/// Builds the kernel for a Cortex-M4 and runs it.
pub(super) fn run_cortex(target: &str) -> Result<()> {
    let library = Library::Built("core,alloc", "-Clink-arg=-Lcortex -Clink-arg=-Tlink.x");
    let emulator = process::need("qemu-system-arm", "qemu-system-arm")?;
    let mut command = run::bounded(emulator);
    run(target, library, command.args(["-M", "mps2-an386", "-cpu", "cortex-m4"]))
}

/// Builds it for a RISC-V processor of 32 bits and runs it.
pub(super) fn run_riscv(target: &str) -> Result<()> {
    let library = Library::Built("core,alloc", "-Clink-arg=-Lriscv -Clink-arg=-Tlink.x");
    let emulator = process::need("qemu-system-riscv32", "qemu-system-misc")?;
    let mut command = run::bounded(emulator);
    run(target, library, command.args(["-M", "virt", "-bios", "none"]))
}

fn run(target: &str, library: Library, emulator: &mut std::process::Command) -> Result<()> {
    let which = ["--manifest-path=benches/bare/Cargo.toml", "--locked"];
    let kernel = checks::build(target, &which, library)?;
    emulator.args(HOST).arg("-kernel").arg(kernel.path);
    let output = process::step(&format!("{target}: the demo kernel"), emulator)?;
    checks::compare(&output.stdout)
}
