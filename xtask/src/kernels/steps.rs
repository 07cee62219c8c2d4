//! What runs in each machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{built, library, process};

/// Which machines run a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Suite {
    /// Every one.
    Some,
    /// Those that run everything.
    All,
}

/// A program that must end with success.
pub(super) struct Step {
    pub(super) name: String,
    program: PathBuf,
    arguments: Vec<String>,
    /// The library, if the program is to run under it.
    preload: Option<PathBuf>,
    /// Other programs that it starts.
    needs: Vec<PathBuf>,
    /// How long it may take.
    pub(super) seconds: u32,
    pub(super) suite: Suite,
}

impl Step {
    pub(super) fn new(name: &str, program: &Path, arguments: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            preload: None,
            needs: Vec::new(),
            seconds: QUICK,
            suite: Suite::All,
        }
    }

    fn within(self, seconds: u32) -> Self {
        Self { seconds, ..self }
    }

    fn of(self, suite: Suite) -> Self {
        Self { suite, ..self }
    }

    fn under(self, library: &Path) -> Self {
        Self { preload: Some(library.to_owned()), ..self }
    }

    /// Its line in the list that `init.c` reads.
    pub(super) fn line(&self) -> String {
        let preload = self.preload.as_deref().unwrap_or(Path::new("-"));
        let begin = [self.seconds.to_string(), text(preload), text(&self.program)];
        [&begin, &self.arguments[..]].concat().join("\t") + "\n"
    }

    /// The files that it needs: programs, and the library.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.program].into_iter().chain(&self.preload).chain(&self.needs)
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Builds all that runs, and lists it.
pub(super) fn build(quick: bool) -> Result<Vec<Step>> {
    let library = library::build()?;
    let mut steps = rust_tests(quick)?;
    steps.extend(c_tests(&library, quick)?);
    steps.extend(programs(&library)?);
    Ok(steps)
}

/// Seconds that a step may take in the quick part, where it takes 30 at most on a machine without other work.
const QUICK: u32 = 300;
/// And otherwise.
const LONG: u32 = 3600;

/// Tests in Rust: the binary; which of its tests are quick (none named are all); which machines run it.
const RUST_TESTS: [(&str, Option<&[&str]>, Suite); 11] = [
    ("stratalloc_pages", Some(&["os::", "mmap::", "kernel::"]), Suite::Some),
    ("stratalloc_arena", Some(&[]), Suite::Some),
    ("moves", Some(&[]), Suite::Some),
    ("faults", Some(&["a_move_that_fails_halfway_loses_nothing"]), Suite::All),
    ("map", Some(&[]), Suite::All),
    ("global", None, Suite::All),
    ("arena_heap", None, Suite::All),
    ("limit", None, Suite::All),
    ("decay", None, Suite::All),
    ("huge_pages", None, Suite::All),
    ("huge_again", Some(&[]), Suite::All),
];

fn rust_tests(quick: bool) -> Result<Vec<Step>> {
    let mut cargo = process::cargo(&["test", "--no-run", "--lib", "--tests"]);
    cargo.args(["--package=stratalloc-pages", "--package=stratalloc-arena"]);
    cargo.arg("--message-format=json-render-diagnostics");
    let output = process::step("build the tests of pages and arenas", &mut cargo)?;
    let mut steps = Vec::new();
    for program in built::programs(&output.stdout)? {
        let named = RUST_TESTS.iter().find(|(name, ..)| *name == program.name);
        let Some(&(name, quickest, suite)) = named else { continue };
        let filters = if quick { quickest } else { Some(&[][..]) };
        let Some(filters) = filters else { continue };
        let arguments = [&["--test-threads=2"], filters].concat();
        let seconds = if quick { QUICK } else { LONG };
        steps.push(Step::new(name, &program.path, &arguments).within(seconds).of(suite));
    }
    Ok(steps)
}

/// Tests in C, each run under the library: the program, its arguments, whether it is quick, which machines
/// run it.
const C_TESTS: [(&str, &[&str], bool, Suite); 14] = [
    ("semantics", &[], true, Suite::All),
    ("figures", &[], true, Suite::All),
    ("signals", &[], false, Suite::All),
    ("processes", &["3"], false, Suite::All),
    ("threads", &["serial", "50"], false, Suite::All),
    ("threads", &["crowd", "30"], false, Suite::Some),
    ("limits", &["as", "3000000"], true, Suite::Some),
    ("limits", &["maps"], false, Suite::All),
    ("life", &[], false, Suite::All),
    ("births", &[], false, Suite::All),
    ("streams", &[], false, Suite::All),
    ("settings", &[], false, Suite::All),
    ("limits", &["as", "30000"], false, Suite::All),
    ("limits", &["data", "3000000"], false, Suite::All),
];

fn c_tests(library: &Path, quick: bool) -> Result<Vec<Step>> {
    let sources = process::root().join("crates/malloc");
    let folder = process::target_dir().join("kernels/c");
    fs::create_dir_all(&folder)?;
    let wanted = C_TESTS.iter().filter(|test| test.2 || !quick);
    let tests = wanted.map(|&(name, arguments, _, suite)| {
        let program = folder.join(name);
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu11", "-O1", "-w", "-fno-builtin", "-pthread", "-I"]);
        cc.arg(sources.join("include")).arg("-o").arg(&program);
        process::said(cc.arg(sources.join("tests/c").join(format!("{name}.c"))))?;
        let step = Step::new(&format!("{name}.c {}", arguments.join(" ")), &program, arguments);
        Ok(step.within(if quick { QUICK } else { LONG }).of(suite).under(library))
    });
    process::step_checked("build the tests in C", || tests.collect())
}

/// Lines for a shell that runs under the library with all that it starts; what they start.
const LINES: [(&str, &[&str]); 4] = [
    ("for i in {1..3000}; do a[i]=$((i * i)); b+=$i; done; test ${a[3000]} = 9000000", &[]),
    ("test $(seq 1 50000 | sort -rn | tail -n 1) = 1", &["seq", "sort", "tail"]),
    ("seq 1 20000 > n; xz -1 -k -T2 n; xz -dc n.xz | cmp - n", &["seq", "xz", "cmp"]),
    ("perl -e '$h{$_} = q(x) x ($_ % 50) for 1..30000; exit(keys(%h) != 30000)'", &["perl"]),
];

fn programs(library: &Path) -> Result<Vec<Step>> {
    let shell = process::need("bash", "bash")?;
    let steps = LINES.iter().map(|&(line, programs)| {
        let mut step = Step::new(line, &shell, &["-c", line]).within(QUICK).under(library);
        for program in programs {
            step.needs.push(process::need(program, package_of(program))?);
        }
        Ok(step)
    });
    steps.collect()
}

/// Debian's package of a program.
fn package_of(program: &str) -> &str {
    match program {
        "xz" => "xz-utils",
        "cmp" => "diffutils",
        "perl" => "perl-base",
        _ => "coreutils",
    }
}
