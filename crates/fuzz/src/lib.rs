//! What is fuzzed: for each target a function that runs a program of requests, or a text, and panics where
//! something is wrong.
//!
//! `cargo xtask fuzz` searches for input that breaks them. The tests replay the corpora, and need nothing.

mod program;
mod targets {
    pub(crate) mod arena;
    pub(crate) mod block;
    pub(crate) mod heap;
    pub(crate) mod malloc;
    pub(crate) mod pool;
    pub(crate) mod settings;
    pub(crate) mod trace;
}

/// A target's name, and what it does with some bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets. Each has a corpus, the folder of its name in `corpus`.
pub const TARGETS: [Target; 7] = [
    ("arena", targets::arena::run),
    ("block", targets::block::run),
    ("heap", targets::heap::run),
    ("malloc", targets::malloc::run),
    ("pool", targets::pool::run),
    ("settings", targets::settings::run),
    ("trace", targets::trace::run),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::PathBuf};

    use super::*;

    fn corpora() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus")
    }

    fn replay(name: &str) {
        let (_, run) = TARGETS.iter().find(|target| target.0 == name).unwrap();
        let mut count = 0;
        for entry in fs::read_dir(corpora().join(name)).expect("the corpus is there") {
            run(&fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count >= 4, "{count} inputs");
    }

    #[test]
    fn the_arenas_stand_their_corpus() {
        replay("arena");
    }

    #[test]
    fn the_block_allocators_stand_their_corpus() {
        replay("block");
    }

    #[test]
    fn the_heap_stands_its_corpus() {
        replay("heap");
    }

    /// Here it is the malloc of the tests: what the oracle asks must hold of every malloc.
    #[test]
    fn malloc_stands_its_corpus() {
        replay("malloc");
    }

    #[test]
    fn the_pool_stands_its_corpus() {
        replay("pool");
    }

    #[test]
    fn the_settings_stand_their_corpus() {
        replay("settings");
    }

    #[test]
    fn the_traces_stand_their_corpus() {
        replay("trace");
    }

    /// `cargo xtask fuzz` takes the folders for the targets.
    #[test]
    fn every_target_has_a_corpus() {
        let folders = fs::read_dir(corpora()).unwrap().map(|entry| entry.unwrap().file_name());
        let folders: BTreeSet<_> = folders.map(|name| name.into_string().unwrap()).collect();
        assert!(folders.iter().map(String::as_str).eq(TARGETS.map(|target| target.0)));
    }
}
