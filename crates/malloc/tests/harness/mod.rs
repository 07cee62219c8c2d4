//! Builds the C programs of `tests/c`, and runs them with the library.

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// The longest that a program may run: a hang is a failure, not a wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// How a program came to have our malloc.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// Named in `LD_PRELOAD`.
    Preloaded,
    /// The checked library, named in `LD_PRELOAD`.
    Checked,
    /// The hardened library, named in `LD_PRELOAD`.
    Hardened,
    /// The paranoid library, named in `LD_PRELOAD`.
    Paranoid,
    /// Linked to `libstratalloc.so`.
    Linked,
    /// Linked to `libstratalloc.a`.
    Archived,
    /// Linked to it, and to all else, statically.
    Static,
    /// Linked to the archive for musl that `MUSL_ARCHIVE` names, and to musl, statically.
    Musl,
    /// Not at all: it loads the library itself, or is the C library's own malloc.
    Alone,
}

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The folder of the libraries, built as they are shipped: cargo builds neither for a test.
pub(crate) fn lib_dir() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("freestanding", target()))
}

/// The same of the checked library, where `cargo xtask lib --checked` has it too.
fn checked_dir() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("freestanding,checked", &target().join("checked")))
}

/// The same of the hardened library, where `cargo xtask lib --hardened` has it too.
fn hardened_dir() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("freestanding,hardened", &target().join("hardened")))
}

/// The same of the paranoid library, where `cargo xtask lib --paranoid` has it too.
fn paranoid_dir() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("freestanding,paranoid", &target().join("paranoid")))
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

fn built(features: &str, target: &Path) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--package", env!("CARGO_PKG_NAME")]);
    cargo.args(["--features", features, "--target-dir"]).arg(target);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("release")
}

/// Builds `tests/c/NAME.c`; the program's path. Once: another test may be running it.
pub(crate) fn build(name: &str, way: Way) -> PathBuf {
    static BUILT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{way:?}"));
    if !built.contains(&program) {
        compile(name, way, &program);
        built.insert(program.clone());
    }
    program
}

/// Builds `tests/c/NAME.c` with the C++ library, and as `define` says; its path.
pub(crate) fn build_with_cxx(name: &str, define: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(format!("{name}.c"));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{define}"));
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Werror", "-fno-builtin", "-pthread", "-o"]);
    cc.arg(&program).arg(format!("-D{define}")).arg(source);
    // By the name of what runs, which is there without a compiler for C++.
    let output = cc.args(["-Wl,--no-as-needed", "-l:libstdc++.so.6"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

fn compile(name: &str, way: Way, program: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(format!("{name}.c"));
    let mut cc = Command::new(if matches!(way, Way::Musl) { "musl-gcc" } else { "cc" });
    // No builtin malloc: the compiler would drop calls whose result it thinks it knows.
    cc.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Werror", "-fno-builtin", "-pthread"]);
    // Sizes beyond all memory, and blocks used after a realloc that failed, are what is tested.
    cc.args(["-Wno-alloc-size-larger-than", "-Wno-use-after-free"]);
    // So is `mallinfo`.
    cc.args(["-Wno-deprecated-declarations", "-I"]);
    cc.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
    cc.arg("-o").arg(program).arg(source);
    match way {
        Way::Linked => {
            // Under its SONAME, as an installed library is found.
            let link = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libstratalloc.so.0");
            let _ = std::os::unix::fs::symlink(lib_dir().join("libstratalloc.so"), &link);
            cc.arg("-L").arg(lib_dir()).args(["-Wl,--no-as-needed", "-l:libstratalloc.so"]);
            cc.arg(format!("-Wl,-rpath,{}", env!("CARGO_TARGET_TMPDIR")));
        }
        Way::Archived => {
            cc.arg(lib_dir().join("libstratalloc.a")).args(["-ldl", "-lm"]);
        }
        Way::Static => {
            cc.arg("-static").arg(lib_dir().join("libstratalloc.a"));
        }
        Way::Musl => {
            // The kernel's headers, after musl's own.
            cc.args(["-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu"]);
            cc.arg("-static")
                .arg(env::var_os("MUSL_ARCHIVE").expect("run by `cargo xtask platforms`"));
        }
        Way::Preloaded | Way::Checked | Way::Hardened | Way::Paranoid | Way::Alone => {}
    }
    let output = cc.output().expect("these tests need a C compiler, `cc`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Builds `tests/c/NAME.c` as a library, with `LIBRARY` defined; its path.
pub(crate) fn build_library(name: &str) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c");
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lib{name}.so"));
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O1", "-shared", "-fPIC", "-DLIBRARY", "-Wall", "-o"]);
    let output = cc.arg(&library).arg(sources.join(format!("{name}.c"))).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// Runs a program to its end.
pub(crate) fn run(program: &Path, arguments: &[&str], way: Way) -> Outcome {
    run_with(program, arguments, way, &[])
}

/// The same, with variables in its environment.
pub(crate) fn run_with(
    program: &Path,
    arguments: &[&str],
    way: Way,
    variables: &[(&str, &str)],
) -> Outcome {
    let mut command = Command::new(program);
    command.envs(variables.iter().copied());
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
    command.env_remove("LD_PRELOAD");
    let preloaded = match way {
        Way::Preloaded => Some(lib_dir()),
        Way::Checked => Some(checked_dir()),
        Way::Hardened => Some(hardened_dir()),
        Way::Paranoid => Some(paranoid_dir()),
        _ => None,
    };
    if let Some(folder) = preloaded {
        command.env("LD_PRELOAD", folder.join("libstratalloc.so"));
    }
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{} {arguments:?} hangs", program.display());
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Outcome { status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Builds a program and runs it; it must succeed.
pub(crate) fn check(name: &str, arguments: &[&str], way: Way) -> Outcome {
    let outcome = run(&build(name, way), arguments, way);
    assert!(outcome.status.success(), "{name} {arguments:?}, {way:?}: {outcome:?}");
    outcome
}

/// The symbols that a shared library offers to the dynamic linker.
pub(crate) fn visible(library: &Path) -> BTreeSet<String> {
    let mut nm = Command::new("nm");
    let output = nm.args(["--dynamic", "--defined-only"]).arg(library).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().filter_map(|line| Some(line.rsplit(' ').next()?.to_owned())).collect()
}
