//! Calls of `madvise`, counted by the kernel: how often an allocator gives memory back, or asks for huge pages.

use std::fs;

use perf_event::events::Tracepoint;
use perf_event::{Builder, Counter};

/// Where the kernel describes the event, at either place that its tracing is mounted at.
const IDS: [&str; 2] = [
    "/sys/kernel/tracing/events/syscalls/sys_enter_madvise/id",
    "/sys/kernel/debug/tracing/events/syscalls/sys_enter_madvise/id",
];

/// A count over this process, and over the threads and processes that it starts from now on.
#[derive(Debug)]
pub struct MadviseCalls(Counter);

impl MadviseCalls {
    /// Begins to count; `None` where the kernel has no such event or does not let us.
    pub fn start() -> Option<Self> {
        let id = IDS.iter().find_map(|file| fs::read_to_string(file).ok())?;
        let event = Tracepoint::with_id(id.trim().parse().ok()?);
        let mut builder = Builder::new(event);
        // The entry of a system call is an event of the kernel's own.
        let mut counter = builder.inherit(true).include_kernel().build().ok()?;
        counter.enable().ok()?;
        Some(Self(counter))
    }

    /// Calls since the start; allocates nothing.
    pub fn so_far(&mut self) -> Option<u64> {
        self.0.read().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::MadviseCalls;

    #[test]
    #[expect(clippy::large_stack_arrays, reason = "the stack is what comes back")]
    fn calls_of_other_threads_count_where_any_do() {
        let Some(mut calls) = MadviseCalls::start() else { return };
        let before = calls.so_far().expect("it counts");
        // A thread that ends has its stack given back by a call of `madvise`.
        std::thread::spawn(|| std::hint::black_box([1_u8; 100 << 10])).join().expect("it ends");
        assert!(calls.so_far() > Some(before));
    }
}
