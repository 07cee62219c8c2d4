//! The system's malloc, which std uses when no one says otherwise.

stratalloc_benches::runner!(
    std::alloc::System = std::alloc::System,
    trim = stratalloc_benches::trim_system
);
