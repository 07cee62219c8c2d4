//! The arenas of this workspace.

fn trim() {
    stratalloc::arena::global::trim();
}

stratalloc_benches::runner!(stratalloc::Stratalloc = stratalloc::Stratalloc, trim = trim);
