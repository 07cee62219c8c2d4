//! `cargo xtask kernels`: the library's tests under other kernels than this machine's, each booted in an emulator.
//!
//! A kernel is Debian's, unpacked and not installed. Its only file system holds the programs of the steps, the
//! shared libraries that these name, and an `init` that runs them.

mod file_system;
mod image;
mod machine;
mod steps;

use anyhow::{Result, bail, ensure};

use crate::process;
use file_system::FileSystem;
use machine::{HugePages, Machine};
use steps::{Step, Suite};

/// Runs tests under other kernels, in an emulator.
#[derive(clap::Args)]
pub(crate) struct Kernels {
    /// Only what takes some seconds each.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only steps with this in their name, as `threads.c`.
    #[arg(long, value_name = "PART")]
    pub(crate) step: Option<String>,
    /// Only machines with this in their name, as `6.1` or `512 MiB`.
    pub(crate) machine: Option<String>,
}

/// What is booted. The first two run everything, the others what their difference may matter to. Large
/// memories are for the largest blocks of the tests, which a kernel refuses that could never back them; little of
/// them is touched.
const MACHINES: [Machine; 4] = [
    Machine {
        name: "Linux 6.1",
        series: "6.1",
        processor: "max,la57=off",
        mebibytes: 8192,
        huge_pages: HugePages::Always,
        suite: Suite::All,
    },
    Machine {
        name: "Linux 6.12",
        series: "6.12",
        processor: "max,la57=off",
        mebibytes: 8192,
        huge_pages: HugePages::Asked,
        suite: Suite::All,
    },
    Machine {
        name: "Linux 6.12, five-level paging",
        series: "6.12",
        processor: "max,la57=on",
        mebibytes: 8192,
        huge_pages: HugePages::Asked,
        suite: Suite::Some,
    },
    Machine {
        name: "Linux 6.1, 512 MiB",
        series: "6.1",
        processor: "max,la57=off",
        mebibytes: 512,
        huge_pages: HugePages::Asked,
        suite: Suite::Some,
    },
];

impl Kernels {
    pub(crate) fn run(self) -> Result<()> {
        process::need("qemu-system-x86_64", "qemu-system-x86")?;
        process::need("cpio", "cpio")?;
        let wanted = |machine: &&Machine| {
            self.machine.as_ref().is_none_or(|part| machine.name.contains(part.as_str()))
        };
        let machines: Vec<_> = MACHINES.iter().filter(wanted).collect();
        if machines.is_empty() {
            bail!("no machine has that in its name: {}", MACHINES.map(|it| it.name).join("; "));
        }
        let mut steps = steps::build(self.quick)?;
        if let Some(part) = &self.step {
            steps.retain(|step| step.name.contains(part.as_str()));
            ensure!(!steps.is_empty(), "no step has that in its name: {part}");
        }
        let mut failed = Vec::new();
        for machine in machines {
            let kernel = image::kernel(machine.series)?;
            let steps: Vec<&Step> = steps.iter().filter(|it| it.suite <= machine.suite).collect();
            let root = FileSystem::build(&steps)?;
            let failures = machine.boot(&kernel, &root, &steps)?;
            failed.extend(failures.into_iter().map(|step| format!("{}: {step}", machine.name)));
        }
        if !failed.is_empty() {
            bail!("{} failed:\n{}", failed.len(), failed.join("\n"));
        }
        Ok(())
    }
}
