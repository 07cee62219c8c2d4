//! A dependency that a manifest declares is named somewhere: in the package's own sources, or as a feature.

use std::path::Path;

use cargo_metadata::{Metadata, Package};

use super::seeds::Source;

/// Packages' dependencies that no file of theirs names, and the workspace's that no package declares.
pub(super) fn check(manifest: &str, metadata: &Metadata, sources: &[Source]) -> Vec<String> {
    let packages = metadata.workspace_packages();
    let mut findings = Vec::new();
    for package in &packages {
        findings.extend(unnamed(package, metadata.workspace_root.as_std_path(), sources));
    }
    let shared = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let declared = shared.lines().take_while(|line| !line.starts_with('['));
    for name in declared.filter_map(|line| Some(line.split_once(" = ")?.0)) {
        let known = |package: &&Package| {
            package
                .dependencies
                .iter()
                .any(|own| own.rename.as_deref().unwrap_or(&own.name) == name)
        };
        if !packages.iter().any(known) {
            findings.push(format!("Cargo.toml declares {name}, which no package depends on"));
        }
    }
    findings
}

/// What a package declares and its files don't name, unless it is declared in order to turn on a feature.
fn unnamed(package: &Package, root: &Path, sources: &[Source]) -> Vec<String> {
    let folder = package.manifest_path.parent().map_or(root, |path| path.as_std_path());
    let own = folder.strip_prefix(root).unwrap_or(folder);
    let is_named = |word: &str| {
        sources.iter().any(|(file, text)| file.starts_with(own) && text.contains(word))
    };
    let unnamed = package.dependencies.iter().filter(|dependency| {
        let name = dependency.rename.as_deref().unwrap_or(&dependency.name);
        !turns_on(package, dependency, name) && !is_named(&name.replace('-', "_"))
    });
    let finding = |dependency: &cargo_metadata::Dependency| {
        format!("{} declares {}, which it doesn't name", package.name, dependency.name)
    };
    unnamed.map(finding).collect()
}

/// Returns whether a package has a dependency, known to it by this name, in order to turn on a feature.
fn turns_on(package: &Package, dependency: &cargo_metadata::Dependency, name: &str) -> bool {
    let prefix = format!("{name}/");
    let mut on = package.features.values().flatten();
    !dependency.features.is_empty() || on.any(|on| on.starts_with(&prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        let text = r#"{"packages":[{"name":"p","version":"0.1.0","id":"p","dependencies":[
            {"name":"used-one","req":"*","kind":null,"optional":false,"uses_default_features":true,"features":[]},
            {"name":"idle-one","req":"*","kind":null,"optional":false,"uses_default_features":true,"features":[]}],
            "targets":[],"features":{},"manifest_path":"/w/p/Cargo.toml"}],"workspace_members":["p"],
            "workspace_root":"/w","target_directory":"/w/target","version":1}"#;
        cargo_metadata::MetadataCommand::parse(text).expect("what cargo prints")
    }

    #[test]
    fn what_nobody_names_is_found() {
        let manifest =
            "[workspace.dependencies]\nused-one = \"1\"\ngone = \"1\"\n\n[profile]\nx = 1\n";
        let sources = [(Path::new("p/src/lib.rs").to_owned(), "use used_one::X;".to_owned())];
        assert_eq!(
            check(manifest, &metadata(), &sources),
            [
                "p declares idle-one, which it doesn't name",
                "Cargo.toml declares gone, which no package depends on"
            ]
        );
    }
}
