//! Kernels of Debian: fetched and unpacked, not installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{debian, process};

/// The image of a kernel of a series, as `6.1`: what was fetched before, or the newest that Debian's sources have.
pub(super) fn kernel(series: &str) -> Result<PathBuf> {
    let folder = process::target_dir().join("kernels").join(series);
    if let Some(image) = image_in(&folder) {
        return Ok(image);
    }
    process::step_checked(&format!("fetch a kernel {series} from Debian"), || {
        let package = debian::in_lists(|| newest(series))?.with_context(|| {
            format!(
                "Debian's sources have no linux-image-{series}.*-cloud-amd64: add bookworm, and bookworm-backports"
            )
        })?;
        debian::unpack(&[package], &folder)?;
        image_in(&folder).context("no vmlinuz in the package")
    })
}

/// The name of the newest package of a series, if the lists have one.
fn newest(series: &str) -> Result<Option<String>> {
    let pattern = format!("^linux-image-{}[.+].*[0-9]-cloud-amd64$", series.replace('.', "[.]"));
    let script = "apt-cache search --names-only \"$1\" | cut -d' ' -f1 | sort -V | tail -n 1";
    let output = process::output(Command::new("sh").args(["-c", script, "sh", &pattern]))?;
    let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok((!name.is_empty()).then_some(name))
}

fn image_in(folder: &Path) -> Option<PathBuf> {
    let boot = folder.join("boot");
    let image = files(&boot).ok()?.into_iter().find(|file| file.starts_with("vmlinuz"))?;
    Some(boot.join(image))
}

fn files(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder)?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}
