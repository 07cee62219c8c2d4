//! Rust's standard library for other targets: of the same version as Debian's compiler, from Debian or built.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{debian, nostd, process};

/// Where a target's standard library comes from.
#[derive(Clone, Copy)]
pub(super) enum Library {
    /// Debian has it for this architecture of its own, as `arm64`.
    Packaged(&'static str),
    /// These parts of it are built, as `core` or `std,panic_abort`, with these flags, as is all else.
    Built(&'static str, &'static str),
}

impl Library {
    /// Has cargo build with Debian's compiler and this library.
    pub(super) fn serve(self, cargo: &mut Command) -> Result<()> {
        nostd::need_sources()?;
        nostd::with_sources(cargo);
        cargo.arg("--target-dir").arg(process::target_dir().join("platforms"));
        match self {
            Self::Packaged(architecture) => {
                let sysroot = sysroot(architecture)?;
                // Debian's LLVM may crash where it vectorizes loops for aarch64.
                let flags = format!("--sysroot={} -Cno-vectorize-loops", sysroot.display());
                cargo.env("RUSTFLAGS", flags);
            }
            Self::Built(parts, flags) => {
                cargo.arg(format!("-Zbuild-std={parts}")).env("RUSTFLAGS", flags);
            }
        }
        Ok(())
    }
}

/// The compiler's root with the standard library of another architecture: unpacked, not installed.
fn sysroot(architecture: &str) -> Result<PathBuf> {
    let version = installed_version()?;
    let folder = process::target_dir().join("sysroots").join(format!("{architecture}-{version}"));
    let root = folder.join("usr");
    if !root.exists() {
        let name = format!("fetch Rust's standard library for {architecture} from Debian");
        process::step_checked(&name, || {
            // Aside, so that what is left of a failure isn't taken for the whole.
            let aside = folder.with_extension("partial");
            let _ = fs::remove_dir_all(&aside);
            let package = format!("{PACKAGE}={version}");
            debian::unpack_foreign(architecture, &[package], &aside)?;
            fs::rename(&aside, &folder).with_context(|| folder.display().to_string())
        })?;
    }
    Ok(root)
}

const PACKAGE: &str = "libstd-rust-web-dev";

/// The version of Debian's compiler that is here.
fn installed_version() -> Result<String> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Version}", PACKAGE]).stderr(Stdio::null());
    let output = process::output(&mut query)?;
    ensure!(output.status.success(), "{PACKAGE} is not installed: apt-get install rustc-web");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
