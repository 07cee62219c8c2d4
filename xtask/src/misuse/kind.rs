//! The kinds of misuse, each a program with a case for each of its forms.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use crate::process;

pub(super) struct Kind {
    /// What the program and its source are called.
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Whether it is a wrong call, which an allocator of ours tells of in one line: a fault of the processor's may
    /// tell of wrong reads and writes alone.
    pub(super) is_call: bool,
}

/// To add one, add a line, and its program.
pub(super) const KINDS: [Kind; 9] = [
    Kind { name: "double_free", about: "a block freed twice", is_call: true },
    Kind { name: "invalid_free", about: "a free of what is no block's start", is_call: true },
    Kind { name: "wrong_size", about: "a free with another size or alignment", is_call: true },
    Kind { name: "overflow", about: "written or read past a block's end", is_call: false },
    Kind { name: "underflow", about: "written before a block's start", is_call: false },
    Kind { name: "after_free", about: "written to after it was freed", is_call: false },
    Kind { name: "reuse", about: "a freed block's place given to the next", is_call: false },
    Kind { name: "zero_size", about: "a block of no bytes used", is_call: false },
    Kind { name: "secret", about: "content that outlives its block", is_call: false },
];

impl Kind {
    /// Builds the program, and gives its path.
    pub(super) fn build(&self) -> Result<PathBuf> {
        process::need("cc", "gcc")?;
        let folder = process::target_dir().join("misuse");
        fs::create_dir_all(&folder)?;
        let (program, sources) = (folder.join(self.name), sources());
        let mut cc = Command::new("cc");
        // What the compiler knows of misuse, it would warn of, or leave out.
        cc.args(["-std=gnu11", "-O0", "-fno-builtin", "-w", "-pthread", "-o"]);
        cc.arg(&program).arg(sources.join(self.name).with_extension("c")).arg("-ldl");
        // By the name of what runs, which is there without a compiler for C++.
        cc.args(["-Wl,--no-as-needed", "-l:libstdc++.so.6"]);
        let output = process::output(&mut cc)?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(program)
    }

    /// The names of its cases.
    pub(super) fn cases(&self, program: &Path) -> Result<Vec<String>> {
        let listed = process::output(&mut Command::new(program))?;
        let names = String::from_utf8(listed.stdout)?;
        ensure!(!names.is_empty(), "{} has no cases", self.name);
        Ok(names.lines().map(str::to_owned).collect())
    }
}

/// Where the programs are.
fn sources() -> PathBuf {
    process::root().join("crates/malloc/tests/misuse")
}
