//! One target under libFuzzer: the one that `FUZZ_TARGET` names. `cargo xtask fuzz` builds and runs it.

#![no_main]

use std::sync::LazyLock;

use stratalloc_fuzz::TARGETS;

static RUN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(name, _)| *name == wanted);
    found.unwrap_or_else(|| panic!("FUZZ_TARGET is none: {wanted:?}")).1
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| RUN(data));
