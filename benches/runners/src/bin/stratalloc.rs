//! The arenas of this workspace.

stratalloc_benches::runner!(stratalloc::Stratalloc = stratalloc::Stratalloc);
