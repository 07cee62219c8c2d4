//! The packages that are compared: what cargo knows of them, and what builds them.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

use crate::process;

/// What the peers in C and C++ are built with.
pub(crate) fn need_compilers() -> Result<()> {
    let needed = [("cc", "gcc"), ("c++", "g++"), ("make", "make")];
    needed.into_iter().try_for_each(|(program, package)| process::need(program, package).map(drop))
}

/// The workspace with every package that a runner may link; they are optional, so cargo must be told.
pub(crate) fn metadata() -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.current_dir(process::root()).features(CargoOpt::AllFeatures);
    Ok(command.exec()?)
}

/// The features of the package of runners.
pub(crate) fn features() -> Result<BTreeSet<String>> {
    let metadata = MetadataCommand::new().current_dir(process::root()).no_deps().exec()?;
    let runners =
        metadata.packages.into_iter().find(|package| package.name == "stratalloc-runners");
    Ok(runners.context("the workspace has no package of runners")?.features.into_keys().collect())
}
