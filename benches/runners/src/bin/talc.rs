//! talc behind a spin lock, on memory from the system's malloc.

stratalloc_benches::runner!(
    "peers",
    talc::TalcLock<spinning_top::RawSpinlock, talc::source::GlobalAllocSource<std::alloc::System>> =
        talc::TalcLock::new(talc::source::GlobalAllocSource::new(std::alloc::System))
);
