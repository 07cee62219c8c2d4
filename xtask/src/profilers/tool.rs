//! The profilers that are compared.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{bench::machine, library, process};

/// How what a profiler wrote is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Ours.
    Own,
    /// The text of `pprof`, which jemalloc and gperftools each have a script for.
    Pprof(&'static str),
    Heaptrack,
}

/// A profiler.
pub(super) struct Tool {
    pub(super) name: String,
    /// Whether it notes every call, rather than samples.
    pub(super) is_exact: bool,
    pub(super) format: Format,
    /// What is preloaded in both cases.
    preloaded: Vec<OsString>,
    /// What is preloaded besides while it is on.
    besides: Vec<OsString>,
    /// The variables that turn it on: names, and values with `OUT` for the place of the output.
    on: &'static [(&'static str, &'static str)],
}

impl Tool {
    /// The words of a command that runs the program: the variables are set for it alone. What is written goes to files
    /// whose paths begin with `out`, if there is one; else the profiler is off.
    pub(super) fn words(&self, out: Option<&Path>, program: &[OsString]) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["env".into()];
        let besides = out.map_or(&[][..], |_| &self.besides);
        let preloaded: Vec<_> = self.preloaded.iter().chain(besides).cloned().collect();
        let mut preload = OsString::from("LD_PRELOAD=");
        preload.push(preloaded.join(&OsString::from(":")));
        words.push(preload);
        if let Some(out) = out {
            let out = out.display().to_string();
            words.extend(self.on.iter().map(|(name, value)| {
                OsString::from(format!("{name}={}", value.replace("OUT", &out)))
            }));
            if self.format == Format::Heaptrack {
                words.extend(["heaptrack", "--output", &out].map(OsString::from));
            }
        }
        words.extend_from_slice(program);
        words
    }

    #[cfg(test)]
    pub(super) fn named(name: &str) -> Self {
        let (preloaded, besides) = (Vec::new(), Vec::new());
        let (name, format) = (name.to_owned(), Format::Own);
        Self { name, is_exact: false, format, preloaded, besides, on: &[] }
    }

    /// Whether valgrind can count its instructions: not those of several processes.
    pub(super) fn is_countable(&self) -> bool {
        self.format != Format::Heaptrack
    }
}

/// The profilers, each ready to run.
pub(super) fn tools(folder: &Path) -> Result<Vec<Tool>> {
    let ours = OsString::from(library::build()?);
    process::need("jeprof", "libjemalloc-dev")?;
    process::need("google-pprof", "google-perftools")?;
    process::need("heaptrack", "heaptrack")?;
    let samples = build_samples(folder)?;
    let (jemalloc, tcmalloc, heaptrack) =
        (version("libjemalloc2")?, version("libgoogle-perftools4")?, version("heaptrack")?);
    let tcmallocs = || vec![OsString::from("libtcmalloc.so.4")];
    let tool = |name, is_exact, format, preloaded, on| {
        let besides = Vec::new();
        Tool { name, is_exact, format, preloaded, besides, on }
    };
    Ok(vec![
        tool("stratalloc".to_owned(), false, Format::Own, vec![ours.clone()], OURS),
        tool(
            format!("jemalloc {jemalloc}"),
            false,
            Format::Pprof("jeprof"),
            vec!["libjemalloc.so.2".into()],
            JEMALLOC,
        ),
        Tool {
            besides: vec![samples.into()],
            ..tool(
                format!("tcmalloc {tcmalloc}, samples"),
                false,
                Format::Pprof("google-pprof"),
                tcmallocs(),
                TCMALLOC_SAMPLES,
            )
        },
        tool(
            format!("tcmalloc {tcmalloc}, `HEAPPROFILE`"),
            true,
            Format::Pprof("google-pprof"),
            tcmallocs(),
            TCMALLOC_ALL,
        ),
        tool(
            format!("heaptrack {heaptrack}, {}", machine::c_library()?),
            true,
            Format::Heaptrack,
            Vec::new(),
            &[],
        ),
        tool(
            format!("heaptrack {heaptrack}, stratalloc"),
            true,
            Format::Heaptrack,
            vec![ours],
            &[],
        ),
    ])
}

const OURS: &[(&str, &str)] = &[("STRATALLOC_PROFILE", "OUT,512K")];
const JEMALLOC: &[(&str, &str)] =
    &[("MALLOC_CONF", "prof:true,lg_prof_sample:19,prof_final:true,prof_prefix:OUT")];
const TCMALLOC_SAMPLES: &[(&str, &str)] =
    &[("TCMALLOC_SAMPLE_PARAMETER", "524288"), ("SAMPLES", "OUT.heap")];
// Without files amid the run, as the others.
const TCMALLOC_ALL: &[(&str, &str)] = &[
    ("HEAPPROFILE", "OUT"),
    ("HEAP_PROFILE_ALLOCATION_INTERVAL", "0"),
    ("HEAP_PROFILE_INUSE_INTERVAL", "0"),
];

/// The version of an installed package, without Debian's part of it.
fn version(package: &str) -> Result<String> {
    let mut query = Command::new("dpkg-query");
    let version = process::said(query.args(["--show", "--showformat=${Version}", package]))?;
    Ok(version.split('-').next().unwrap_or_default().to_owned())
}

/// Builds the library that writes tcmalloc's samples.
fn build_samples(folder: &Path) -> Result<PathBuf> {
    if !Path::new("/usr/include/gperftools/malloc_extension.h").is_file() {
        process::install(&["libgoogle-perftools-dev"], "gperftools' headers are missing")?;
    }
    let library = folder.join("samples.so");
    let mut compiler = Command::new(process::need("g++", "g++")?);
    compiler.args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&library);
    process::said(compiler.arg(sources().join("samples.cc")))?;
    Ok(library)
}

/// Where the sources of the programs lie.
fn sources() -> PathBuf {
    process::root().join("xtask/profilers")
}

/// Builds the program with the leak, as most programs are: without frame pointers.
pub(super) fn build_program(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("service");
    let mut cc = Command::new(process::need("gcc", "gcc")?);
    // No builtin malloc: the compiler would drop calls whose result it thinks it knows.
    cc.args(["-O2", "-g", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-pthread", "-o"]);
    process::said(cc.arg(&program).arg(sources().join("service.c")))?;
    Ok(program)
}
