//! The process: its heaps, the threads at home in them, and the owners of blocks.
//!
//! `thread` has the start and the end of threads, and forks; `frees` the slow paths of freeing; `relief` what comes before a
//! refusal, `decay`, `background` and `gauges` what comes with time; `sampling` and `watching` how a thread joins a profile,
//! `segfaults` what a fault in the pool of fenced blocks does; `tags` how it enters a tag; `quarantine` what waits before it is freed in the paranoid build.

pub(crate) mod arena_heaps;
pub(crate) mod background;
pub(crate) mod decay;
pub(crate) mod frees;
pub(crate) mod gauges;
pub(crate) mod heaps;
pub(crate) mod home;
pub(crate) mod hook;
pub(crate) mod quarantine;
pub(crate) mod relief;
pub(crate) mod samples;
pub(crate) mod sampling;
pub(crate) mod segfaults;
pub(crate) mod tags;
pub(crate) mod thread;
pub(crate) mod watching;
pub(crate) mod whose;
