//! The system's malloc once more: what differs from `system` is noise.

stratalloc_benches::runner!(
    std::alloc::System = std::alloc::System,
    trim = stratalloc_benches::trim_system
);
