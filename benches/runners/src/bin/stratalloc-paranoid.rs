//! The arenas of this workspace, built to check each free and each block, and to have freed blocks wait.

fn trim() {
    stratalloc::arena::global::trim();
}

stratalloc_benches::runner!(stratalloc::Stratalloc = stratalloc::Stratalloc, trim = trim);
