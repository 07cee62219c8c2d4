//! Builds the library as C sees it, and runs a C program on it, aligned and packed (S0.2, S0.8).

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
}

fn build_library(target: &Path) -> PathBuf {
    succeed(
        Command::new(env!("CARGO"))
            .args(["rustc", "-q", "-p", "stratalloc-pool", "--lib", "--release"])
            .args(["--crate-type", "staticlib", "--features", "c-hosted", "--target-dir"])
            .arg(target)
            // Sanitizers and models are for the Rust half alone.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS"),
    );
    target.join("release/libstratalloc_pool.a")
}

#[test]
fn a_c_program_finds_the_seeds_functions() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = build_library(&target.join("c_face"));
    for aligned in ["true", "false"] {
        let program = target.join(format!("pool_test_{aligned}"));
        succeed(
            Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()))
                .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1"])
                .arg(format!("-DBYTE_ALIGNMENT={aligned}"))
                .arg("-I")
                .arg(here.join("include"))
                .arg(here.join("tests/c/pool_test.c"))
                .arg(&library)
                .arg("-o")
                .arg(&program),
        );
        succeed(&mut Command::new(program));
    }
}
