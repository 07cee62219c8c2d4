//! The workspace's crates with features of theirs.

use std::{collections::BTreeSet, process::Command};

use crate::process;

/// Features that add something to test, and work with the stable compiler.
pub(crate) const FEATURES: [&str; 17] = [
    "stratalloc-core/allocator-api2-02",
    "stratalloc-core/allocator-api2-04",
    "stratalloc-core/lock_api",
    "stratalloc-core/std",
    "stratalloc-compose/allocator-api2-02",
    "stratalloc-compose/allocator-api2-04",
    "stratalloc-block/allocator-api2-02",
    "stratalloc-block/allocator-api2-04",
    "stratalloc-block/checked",
    "stratalloc-block/lock_api",
    "stratalloc-heap/allocator-api2-02",
    "stratalloc-heap/allocator-api2-04",
    "stratalloc-pages/faults",
    "stratalloc-pool/allocator-api2-02",
    "stratalloc-pool/allocator-api2-04",
    "stratalloc-pool/c-hosted",
    "stratalloc-pool/critical-section",
];

/// Cargo on the packages that have these features, with them.
pub(crate) fn with_features(arguments: &[&str], features: &[&str]) -> Command {
    let mut command = process::cargo(arguments);
    command.args(["--features", &features.join(",")]);
    let packages: BTreeSet<_> = features.iter().filter_map(|name| name.split('/').next()).collect();
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    command
}
