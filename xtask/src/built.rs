//! What cargo built, as it says with `--message-format=json-render-diagnostics`.

use std::path::PathBuf;

use anyhow::Result;
use cargo_metadata::Message;

/// A program that was built.
pub(crate) struct Program {
    /// The folder of its package: `arena` of `crates/arena`.
    pub(crate) package: String,
    /// The target's name: a package's own, or a test's.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// All programs in cargo's output.
pub(crate) fn programs(output: &[u8]) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for message in Message::parse_stream(output) {
        let Message::CompilerArtifact(artifact) = message? else { continue };
        let Some(path) = artifact.executable else { continue };
        let folder = artifact.manifest_path.parent().and_then(|folder| folder.file_name());
        programs.push(Program {
            package: folder.unwrap_or_default().to_owned(),
            name: artifact.target.name,
            path: path.into(),
        });
    }
    Ok(programs)
}
